"""Logs: one JSON object a line, free of personal data by construction (SPEC A7)."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime


class _Line(logging.Formatter):
    """Formats a record without the text of its exception.

    Databases and mail relays repeat values in their messages ("Key (email)=(…) already exists"), so of
    an exception only its class and the places in the code are written.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            # asyncio repeats an exception's text in the lines behind the first
            "message": record.getMessage().split("\n")[0] if record.name == "asyncio" else record.getMessage(),
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = _chain(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def _chain(error: BaseException) -> list[dict[str, object]]:
    chain: list[dict[str, object]] = []
    following: BaseException | None = error
    while following:
        places = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(following.__traceback__)
        ]
        chain.append({"class": f"{type(following).__module__}.{type(following).__qualname__}", "at": places[-12:]})
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return chain


def log_to_stderr(level: str) -> None:
    """Send every logger of this process to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=level, handlers=[handler], force=True)
