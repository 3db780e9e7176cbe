"""`./sts storage`: read every stored file to its end (`check`), or change the master key of all (`rewrap`).

Rewrapping writes some hundred bytes of each file, and encrypts what was stored before there were keys. It may run
beside the service, be interrupted, and be run again.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable

from gateways.storage import Storage, StoredBytesChanged, StoredBytesLocked
from settings import settings

PLAIN = "(not encrypted)"


def main() -> int:
    """The exit code is 1 if a file was changed, is locked, or could not be brought under the key in use."""
    parser = argparse.ArgumentParser(prog="./sts storage", description=__doc__)
    parser.add_argument("act", choices=("check", "rewrap"))
    storage = Storage.of(settings())
    if parser.parse_args().act == "check":
        return check(storage, print)
    return rewrap(storage, print)


def check(storage: Storage, say: Callable[[str], None]) -> int:
    """Say how many files each master key wraps, and which are not what they should be; returns the exit code."""
    keys = Counter[str]()
    bad = 0
    for path in storage.files():
        try:
            keys[storage.check(path) or PLAIN] += 1
        except FileNotFoundError:
            continue  # a note that was of no more use, or a new name
        except (StoredBytesChanged, StoredBytesLocked) as error:
            bad += 1
            say(_why(error))
    for key, count in keys.items():
        say(f"{count} whole, key {key}")
    return min(bad, 1)


def rewrap(storage: Storage, say: Callable[[str], None]) -> int:
    """Bring every file under the key in use, and say which cannot be; returns the exit code."""
    done: Counter[bool] = Counter()
    bad = 0
    for path in storage.files():
        try:
            done[storage.rewrap(path)] += 1
        except FileNotFoundError:
            continue
        except (StoredBytesChanged, StoredBytesLocked) as error:
            bad += 1
            say(_why(error))
    say(f"{done[True]} rewrapped, {done[False]} were so already, key {storage.active_key}")
    return min(bad, 1)


def _why(error: StoredBytesChanged | StoredBytesLocked) -> str:
    if isinstance(error, StoredBytesLocked):
        return f"locked: {error}, which is not in STS_STORAGE_KEYS. Add it."
    return f"changed: {error}. Restore it from the backup."


if __name__ == "__main__":
    sys.exit(main())
