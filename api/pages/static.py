"""Style and scripts, under an address that changes with their content, so that browsers may keep them for ever.

They are sent compressed, and nothing else is: pages hold what is personal beside what others can have put there (a
name, a search), and the length of a compressed answer tells of both (the BREACH attack). Pages are small without it.
"""

import gzip
import hashlib
import mimetypes
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from api.access import does
from identity.policy import Operation

FOLDER = Path(__file__).parent / "static"

_files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
_compressed = {name: gzip.compress(content, mtime=0) for name, content in _files.items()}
VERSION = hashlib.sha256(b"\0".join(name.encode() + b"\0" + content for name, content in _files.items())).hexdigest()[
    :12
]

router = APIRouter(include_in_schema=False)


def static_url(name: str) -> str:
    """Address of a static file; modules import each other relatively and so stay within one version."""
    if name not in _files:
        raise LookupError(f"there is no static file {name}")
    return f"/static/{VERSION}/{name}"


@router.get("/static/{version}/{name}")
@does(Operation.LOOK_AROUND)
async def static_file(request: Request, version: str, name: str) -> Response:
    """A static file. During a release another process may be asked for its neighbour's version: served, not kept."""
    if name not in _files:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    kept = "public, max-age=31536000, immutable" if version == VERSION else "no-cache"
    headers = {"cache-control": kept, "vary": "accept-encoding"}
    small = "gzip" in request.headers.get("accept-encoding", "")
    if small:
        headers["content-encoding"] = "gzip"
    return Response(
        _compressed[name] if small else _files[name],
        media_type="text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0],
        headers=headers,
    )
