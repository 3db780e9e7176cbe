"""`./sts code`: what the phones of the demo's staff would show now, the second step of their sign-in."""

import argparse
import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from identity import totp


@dataclass(frozen=True)
class Code:
    who: str
    code: str
    seconds: int
    """For which it is still shown."""


def codes(demo: Path, now: datetime) -> list[Code]:
    """Of all who have an authenticator app; none before the demo is made."""
    staff = json.loads(demo.read_text())["staff"] if demo.exists() else []
    seconds = totp.STEP - int(now.timestamp()) % totp.STEP
    return [
        Code(one["who"], totp.code(base64.b32decode(one["authenticator"]), totp.step_at(now)), seconds)
        for one in staff
        if "authenticator" in one
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./sts code", description=__doc__)
    default = Path(__file__).resolve().parent.parent / ".data"
    parser.add_argument("--data", type=Path, default=default, help="folder of `./sts up` (default: .data)")
    shown = codes(parser.parse_args().data / "demo.json", datetime.now(UTC))
    if not shown:
        raise SystemExit("There is no demo in this folder yet. Start it with: ./sts up")
    for one in shown:
        print(f"{one.code}   {one.who}   (for {one.seconds} s; each code works once)")


if __name__ == "__main__":
    main()
