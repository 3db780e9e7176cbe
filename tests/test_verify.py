"""SPEC D4: anybody who holds a file learns whether it was signed here, and nothing about the signer."""

import asyncio
import sys
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest

from settings import Settings
from tests.office import Office
from tests.papers import paper
from tests.test_signing import reviewed, signature


@pytest.fixture
async def signed(api: httpx2.AsyncClient, office: Office, worker: None) -> bytes:
    path, client = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office), headers=client)
    return (await api.get(f"{path}/file", headers=client)).content


async def verification(api: httpx2.AsyncClient, content: bytes) -> dict[str, object]:
    answer = await api.post("/api/v1/verifications", files={"file": ("x.pdf", content, "application/pdf")})
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert "Canary" not in answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_signed_file_is_valid_and_known(api: httpx2.AsyncClient, office: Office, signed: bytes) -> None:
    found = await verification(api, signed)
    assert (found["valid"], found["known"]) == (True, True)
    assert found["original_sha256"] == office.note.sha256


async def test_a_changed_file_is_told(api: httpx2.AsyncClient, signed: bytes) -> None:
    flipped = bytearray(signed)
    flipped[len(signed) // 3] ^= 1
    for changed in (bytes(flipped), signed + b"\n% more\n"):
        found = await verification(api, changed)
        assert (found["valid"], found["known"]) == (False, False)


@pytest.mark.parametrize("content", [b"", b"not a PDF", paper()], ids=["empty", "not a PDF", "never signed"])
async def test_a_file_without_our_seal_is_told(api: httpx2.AsyncClient, content: bytes) -> None:
    found = await verification(api, content)
    assert (found["sealed"], found["known"]) == (False, False)


async def test_the_page_says_it_in_a_sentence(api: httpx2.AsyncClient, signed: bytes) -> None:
    for content, sentence in (
        (signed, "This document was signed here, and nothing in it was changed since."),
        (signed + b" ", "This file was changed after it was signed."),
        (paper(), "This file does not carry our seal."),
    ):
        answer = await api.post("/verify", files={"file": ("x.pdf", content, "application/pdf")})
        assert sentence in answer.text
        assert "Canary" not in answer.text


async def test_the_command_says_the_same_offline(signed: bytes, configured: Settings, tmp_path: Path) -> None:
    file = tmp_path / "signed.pdf"
    file.write_bytes(signed)
    assert await told(file, configured) == (0, "VALID")
    file.write_bytes(signed + b" ")
    assert await told(file, configured) == (1, "NOT VALID")
    assert (await told(tmp_path / "nowhere.pdf", configured))[0] == 2


async def told(file: Path, configured: Settings) -> tuple[int | None, str]:
    """Exit code and last line of the command."""
    words = ("-m", "pdf", str(file), "--trusted", str(configured.seal_certificate_file))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    return process.returncode, printed.decode().splitlines()[-1]
