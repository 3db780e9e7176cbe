"""The stage over HTTP, behind the real defences, for a real browser."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import Response

from api.defences import Defences
from tests.pages.stage import Stage


@contextmanager
def served(stage: Stage) -> Iterator[str]:
    """Where the pages of `stage` are, while this lasts."""
    with pytest.MonkeyPatch.context() as patched, socket.create_server(("127.0.0.1", 0)) as listening:
        app = stage.app(patched.setattr)
        # no news: with this answer, a browser does not ask again
        for address in ("/live", "/portal/live"):
            app.add_api_route(address, lambda: Response(status_code=204))
        server = uvicorn.Server(uvicorn.Config(Defences(app, guests={}), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
