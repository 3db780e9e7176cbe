"""`./sts api`: serve the API and the pages."""

import signal
from types import FrameType

import uvicorn
from opentelemetry.trace import Tracer

from api.app import make_app
from gateways import metrics, traces
from gateways.telemetry import log_to_stderr
from settings import Settings, settings


class Server(uvicorn.Server):
    """Ends event streams before uvicorn waits for open responses, so that a stop takes no time."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        resources = getattr(self.config.loaded_app.state, "resources", None) if self.config.loaded else None
        if resources:
            resources.hub.close()
        super().handle_exit(sig, frame)


def server_config(configured: Settings, tracer: Tracer | None = None) -> uvicorn.Config:
    """The app and how it is served; tests serve the same."""
    return uvicorn.Config(
        make_app(configured, tracer),
        host=configured.api_host,
        port=configured.api_port,
        log_config=None,
        access_log=False,
        # its default believes whatever runs on this machine
        proxy_headers=bool(configured.trusted_proxies),
        forwarded_allow_ips=configured.trusted_proxies,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def main() -> None:
    configured = settings()
    log_to_stderr(configured.log_level)
    with traces.tracing("api") as tracer, metrics.served(configured.metrics_address):
        serve(server_config(configured, tracer))


def serve(config: uvicorn.Config) -> None:
    server = Server(config)
    server.run()
    if server.should_exit and not server.started:
        raise SystemExit(signal.SIGTERM)


if __name__ == "__main__":
    main()
