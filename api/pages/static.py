"""Style and scripts, under an address that changes with their content, so that browsers may keep them for ever.

They are sent compressed, and nothing else is: pages hold what is personal beside what others can have put there (a
name, a search), and the length of a compressed answer tells of both (the BREACH attack). Pages are small without it.
"""

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from api.access import does
from api.pages.bundle import bundle
from identity.policy import Operation

FOLDER = Path(__file__).parent / "static"

_files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
_scripts = {name.removesuffix(".js"): content.decode() for name, content in _files.items() if name.endswith(".js")}
_all = {**_files, "": bundle(_scripts, _scripts).encode()}  # what bundles make of the modules changes the address too
VERSION = hashlib.sha256(b"\0".join(name.encode() + b"\0" + content for name, content in _all.items())).hexdigest()[:12]

router = APIRouter(include_in_schema=False)


def static_url(name: str) -> str:
    """Address of a static file."""
    if name not in _files:
        raise LookupError(f"there is no static file {name}")
    return f"/static/{VERSION}/{name}"


def bundle_url(names: str) -> str:
    """Address of the script that holds the modules `names`, which blanks separate, and all that they import."""
    modules = dict.fromkeys(names.split())
    if unknown := modules.keys() - _scripts.keys():
        raise LookupError(f"there is no module {', '.join(sorted(unknown))}")
    return f"/static/{VERSION}/{'+'.join(modules)}.js"


@router.get("/static/{version}/{name}")
@does(Operation.LOOK_AROUND)
async def static_file(request: Request, version: str, name: str) -> Response:
    """A static file. During a release another process may be asked for its neighbour's version: served, not kept."""
    found = _found(name)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    content, compressed = found
    kept = "public, max-age=31536000, immutable" if version == VERSION else "no-cache"
    headers = {"cache-control": kept, "vary": "accept-encoding"}
    small = "gzip" in request.headers.get("accept-encoding", "")
    if small:
        headers["content-encoding"] = "gzip"
    return Response(
        compressed if small else content,
        media_type="text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0],
        headers=headers,
    )


@lru_cache(maxsize=64)  # pages ask for some twenty; anybody can ask for others, and they must not stay
def _found(name: str) -> tuple[bytes, bytes] | None:
    """What `name` holds, as it is and compressed."""
    modules = name.removesuffix(".js").split("+")
    if name in _files:
        content = _files[name]
    elif name.endswith(".js") and len(modules) == len(_scripts.keys() & modules):
        content = bundle(modules, _scripts).encode()
    else:
        return None
    return content, gzip.compress(content, mtime=0)
