"""`./sts verify FILE --trusted PEM`: whether a file was sealed by whom one trusts and is unchanged; offline.

Exit code: 0 if it holds, 1 if it does not, 2 if there is no such file.
"""

import argparse
from pathlib import Path

from pdf import Verification, verify


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
    if found.original_sha256:
        lines.append(f"{'SHA-256 of what was signed':<24} {found.original_sha256}")
    lines.append("VALID" if found.valid else "NOT VALID")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./sts verify", description="Verify a signed PDF, offline.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--trusted", type=Path, required=True, help="PEM file of the certificates that you trust")
    words = parser.parse_args()
    try:
        content, trusted = words.file.read_bytes(), words.trusted.read_bytes()
    except OSError as missing:
        print(f"{missing.filename}: {missing.strerror}")
        return 2
    found = verify(content, trusted)
    print(report(found))
    return 0 if found.valid else 1


if __name__ == "__main__":
    raise SystemExit(main())
