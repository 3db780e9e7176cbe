"""`./sts up`: everything on this machine, until Ctrl-C."""

import argparse
import asyncio
import io
import sys
from collections.abc import Coroutine
from pathlib import Path

from local.ports import PortTaken
from local.postgres import NotHere
from local.supervisor import PartFailed
from local.up import AlreadyRunning, up

_CLONE = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run `up` with the words of the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="./sts", description=__doc__)
    command = parser.add_subparsers(required=True, metavar="up").add_parser("up", help=__doc__)
    command.add_argument("--data", type=Path, default=_CLONE / ".data", help="folder of all data (default: .data)")
    command.add_argument(
        "--port-base",
        type=_port_base,
        default=8080,
        metavar="N",
        help="first of seven ports: API and pages N, Temporal N+1, its UI N+2, SMTP N+3, mail inbox N+4, "
        "metrics N+5 and N+6; "
        "0 finds free ones (default: 8080)",
    )
    words = parser.parse_args()
    return explained(up(words.data, words.port_base))


def explained(story: Coroutine[None, None, None]) -> int:
    """Run `story`; returns the exit code, and says in one line why it ended when nobody asked it to."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # parts say what a terminal may be unable to show
    try:
        asyncio.run(story)
    except asyncio.CancelledError:
        return 0
    except (AlreadyRunning, NotHere, PartFailed, PortTaken) as reason:
        print(f"sts up: {reason}", file=sys.stderr)
        return 1
    return 0


def _port_base(word: str) -> int:
    port = int(word)
    if port != 0 and not 1024 <= port <= 65529:
        raise argparse.ArgumentTypeError("a number from 1024 to 65529, or 0")
    return port


if __name__ == "__main__":
    sys.exit(main())
