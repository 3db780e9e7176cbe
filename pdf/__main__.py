"""`./sts verify FILE --trusted PEM`: whether a file was sealed by whom one trusts and is unchanged; offline.

Exit code: 0 if it holds, 1 if it does not, 2 if a file is missing or holds no certificates.
"""

import argparse
from pathlib import Path

from pdf import TimeStamp, Verification, certificates_in, verify


def report(found: Verification) -> str:
    """What was looked at, a line each, and the verdict."""
    facts = {
        "sealed": found.sealed,
        "unchanged": found.intact,
        "seal is trusted": found.trusted,
        "covers the whole file": found.covers_whole_file,
        "only permitted changes": found.docmdp_ok,
    }
    lines = [f"{name:<24}{'yes' if holds else 'no'}" for name, holds in facts.items()]
    if found.sealed_at:
        lines.append(f"{'sealed at':<24}{found.sealed_at:%Y-%m-%d %H:%M:%S} UTC, by the service's clock")
    lines += [f"{'time stamp':<24}{_told(stamp)}" for stamp in found.time_stamps]
    if found.time_stamps:
        lines.append(f"{'evidence for long':<24}{'yes' if found.long_term else 'no'}")
    if found.original_sha256:
        lines.append(f"{'SHA-256 of what was signed':<24} {found.original_sha256}")
    lines.append("VALID" if found.valid else "NOT VALID")
    return "\n".join(lines)


def _certificates(file: Path) -> bytes:
    content = file.read_bytes()
    try:
        certificates_in(content)
    except ValueError as error:
        raise ValueError(f"{file}: this is no PEM file of certificates") from error
    return content


def _told(stamp: TimeStamp) -> str:
    if not stamp.intact:
        return "no, it was changed or is of something else"
    who = "whom you trust" if stamp.trusted else "who is unknown"
    return f"{stamp.at:%Y-%m-%d %H:%M:%S} UTC, by {stamp.authority}, {who}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./sts verify", description="Verify a signed PDF, offline.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--trusted", type=Path, required=True, help="PEM file of the certificates that you trust")
    parser.add_argument("--authorities", type=Path, help="the same of those whom you trust to stamp the time")
    words = parser.parse_args()
    try:
        content, trusted = words.file.read_bytes(), _certificates(words.trusted)
        authorities = _certificates(words.authorities) if words.authorities else b""
    except OSError as missing:
        print(f"{missing.filename}: {missing.strerror}")
        return 2
    except ValueError as other:
        print(other)
        return 2
    found = verify(content, trusted, authorities)
    print(report(found))
    return 0 if found.valid else 1


if __name__ == "__main__":
    raise SystemExit(main())
