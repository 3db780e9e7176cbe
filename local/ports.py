"""The seven ports of the all-in-one."""

import random
import socket
import time
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
_BELOW_EPHEMERAL = range(10_000, 32_000)  # where the system does not put outgoing connections


class PortTaken(Exception):
    """Its text names the port and what to do."""


@dataclass(frozen=True)
class Ports:
    """Seven neighbours: API and pages, Temporal, its UI, SMTP, mail inbox, metrics of API and worker."""

    api: int

    @property
    def temporal(self) -> int:
        """Of Temporal's gRPC frontend."""
        return self.api + 1

    @property
    def temporal_ui(self) -> int:
        """Of Temporal's web UI."""
        return self.api + 2

    @property
    def smtp(self) -> int:
        """Of the mail catcher."""
        return self.api + 3

    @property
    def mail(self) -> int:
        """Of the mail catcher's inbox page."""
        return self.api + 4

    @property
    def api_metrics(self) -> int:
        """Of what Prometheus fetches from the API."""
        return self.api + 5

    @property
    def worker_metrics(self) -> int:
        """The same of the worker."""
        return self.api + 6

    def taken(self) -> int | None:
        """The first of them on which something listens already."""
        return next((port for port in range(self.api, self.api + 7) if not _free(port)), None)


def choose(base: int) -> Ports:
    """The ports from `base` on, or free ones if `base` is 0; raises `PortTaken`."""
    if base == 0:
        while (ports := Ports(random.choice(_BELOW_EPHEMERAL))).taken():  # noqa: S311 – no secret
            pass
        return ports
    ports = Ports(base)
    patience = time.monotonic() + 2  # an earlier `./sts up` that was killed may still be on its way out
    while taken := ports.taken():
        if time.monotonic() > patience:
            raise PortTaken(
                f"Port {taken} is taken. Choose seven others with `--port-base N`; `--port-base 0` finds free ones."
            )
        time.sleep(0.1)
    return ports


def _free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
