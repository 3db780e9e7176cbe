"""pdf-lib and @libpdf/core, in a Node process that stays; installed from their lock file when first measured."""

import atexit
import base64
import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

from asn1crypto import pem

FOLDER = Path(__file__).parent / "node"

LIBRARIES = {"pdf-lib (no seal)": "pdf-lib", "@libpdf/core": "@libpdf/core"}
"""By the names of the methods."""


@functools.cache
def installed() -> bool:
    """Whether they can be measured here; where not, a line on standard error says why."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return _left_out("Node and npm are not installed")
    made = FOLDER / "node_modules" / ".package-lock.json"  # npm's own note of what it has installed
    if made.exists() and made.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime:
        return True
    done = subprocess.run(  # noqa: S603 – its path is found by ourselves
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0 or _left_out(f"npm could not install them:\n{done.stderr}")


def _left_out(why: str) -> bool:
    print(f"{' and '.join(LIBRARIES.values())} are left out: {why}", file=sys.stderr, flush=True)
    return False


@functools.cache
def process(key_pem: bytes, chain_pem: bytes) -> "subprocess.Popen[str]":
    """With the key of the seal loaded; ends with ours."""
    node = shutil.which("node")
    assert node
    started = subprocess.Popen(  # noqa: S603 – its path is found by ourselves
        [node, str(FOLDER / "rivals.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(_end, started)
    certificates = [base64.b64encode(der).decode() for _, _, der in pem.unarmor(chain_pem, multiple=True)]
    _ask(started, key=base64.b64encode(pem.unarmor(key_pem)[2]).decode(), certificates=certificates)
    return started


def run(started: "subprocess.Popen[str]", library: str, source: Path, target: Path) -> None:
    _ask(started, method=library, source=str(source), target=str(target))


def _ask(started: "subprocess.Popen[str]", **question: object) -> None:
    assert started.stdin
    assert started.stdout
    print(json.dumps(question), file=started.stdin, flush=True)
    if started.stdout.readline() != "done\n":
        raise RuntimeError(f"Node ended at {question}")


def _end(started: "subprocess.Popen[str]") -> None:
    started.communicate()
