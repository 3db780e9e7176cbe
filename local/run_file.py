"""What a running whole says of itself: `run.json` for scripts, a banner for people."""

import json
import os
from pathlib import Path
from typing import Any, Self

from local.environment import write_private
from local.ports import LOOPBACK, Ports


class RunFile:
    """`run.json`: what scripts want to know; there from just before the whole is ready until it has stopped."""

    def __init__(self, path: Path, ports: Ports) -> None:
        self._path = path
        self._ports = ports
        self._demo: dict[str, Any] | None = None
        self._pids: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)  # of one that was killed
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

    def demo_is(self, demo: dict[str, Any], operator_token: str) -> None:
        """Who may sign in, and read payloads; with the next start of a part the file is there."""
        self._demo = {**demo, "operator_token": operator_token}

    def pids_are(self, pids: dict[str, int]) -> None:
        """A part was started, for the first time or again."""
        self._pids = {"sts": os.getpid(), **pids}
        if self._demo is not None:
            write_private(self._path, json.dumps(self.facts(), indent=2) + "\n")

    def facts(self) -> dict[str, Any]:
        """What the file says."""
        ports = self._ports
        return {
            "addresses": {
                "api": f"http://{LOOPBACK}:{ports.api}",
                "chart": f"http://chart.localhost:{ports.api}",
                "portal": f"http://portal.localhost:{ports.api}",
                "temporal": f"{LOOPBACK}:{ports.temporal}",
                "temporal_ui": f"http://{LOOPBACK}:{ports.temporal_ui}",
                "codec": codec_endpoint(ports),
                "smtp": f"{LOOPBACK}:{ports.smtp}",
                "mail": f"http://{LOOPBACK}:{ports.mail}",
                "api_metrics": f"http://{LOOPBACK}:{ports.api_metrics}/metrics",
                "worker_metrics": f"http://{LOOPBACK}:{ports.worker_metrics}/metrics",
            },
            **(self._demo or {}),
            "pids": self._pids,
        }


def codec_endpoint(ports: Ports) -> str:
    """Where the Temporal UI has payloads decrypted; under the host name of that UI, so that cookies go with it."""
    return f"http://{LOOPBACK}:{ports.api}/codec"


def banner(facts: dict[str, Any], data: Path) -> str:
    """What the terminal shows once all is ready."""
    addresses = facts["addresses"]
    lines = [
        "",
        "  Share to Sign is running. Ctrl-C stops it; the data stays.",
        "",
        f"  Chart (staff)       {addresses['chart']}",
        f"  Client Portal       {addresses['portal']}",
        f"  Mail inbox          {addresses['mail']}",
        f"  Temporal UI         {addresses['temporal_ui']}",
        f"  Payloads in it      {addresses['codec']} (with `operator_token` of the file for scripts)",
        f"  Metrics             {addresses['api_metrics']}, {addresses['worker_metrics']}",
        f"  API                 {addresses['api']}/api/v1",
        f"  For scripts         {data / 'run.json'}",
        "",
        *_sign_ins("Staff sign-in", facts["staff"]),
        "  Staff's codes       in the mail inbox, which plays their phone here, or from ./sts code",
        *_sign_ins("Client sign-in", facts["clients"]),
        "",
        *(f"  {number}. {what}" for number, what in enumerate(facts["click"], 1)),
        "",
    ]
    return "\n".join(lines)


def _sign_ins(title: str, sign_ins: list[dict[str, str]]) -> list[str]:
    shown = [[one["who"], one["email"], one["password"]] for one in sign_ins]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    rows = ["   ".join(map(str.ljust, one, widths)).rstrip() for one in shown]
    return [f"  {'' if number else title:<19} {row}" for number, row in enumerate(rows)]
