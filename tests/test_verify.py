"""SPEC D4: anybody who holds a file learns whether it was signed here, and nothing about the signer."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from gateways.postgres import Database
from local.postgres import Cluster
from settings import Settings
from tests import authority
from tests.conftest import PATIENCE, free_port, owner, serving
from tests.office import Office
from tests.papers import paper
from tests.test_signing import portal, reviewed, signature
from worker import make_worker


@pytest.fixture(scope="module")
def clock_maker() -> Iterator[authority.Authority]:
    with authority.serving(authority.Issuer("Clock makers")) as server:
        yield server


@pytest.fixture
def stamping(configured: Settings, clock_maker: authority.Authority, tmp_path: Path) -> Settings:
    """Settings with an authority, and an API of its own that trusts it."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(clock_maker.issuer.pem)
    known = {"tsa_urls": SecretStr(clock_maker.url), "tsa_certificate_file": file, "api_port": free_port()}
    return configured.model_copy(update=known)


@pytest.fixture
async def stamping_api(stamping: Settings, engine: Client) -> AsyncIterator[httpx2.AsyncClient]:
    there = f"http://127.0.0.1:{stamping.api_port}"
    async with serving(stamping), httpx2.AsyncClient(base_url=there, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
async def time_stamped(
    api: httpx2.AsyncClient,
    office: Office,
    stamping: Settings,
    engine: Client,
    database: Database,
    clock_maker: authority.Authority,
) -> tuple[bytes, bytes]:
    """A signed copy as it was downloaded at once, and what is given out once it is time-stamped."""
    clock_maker.silent.set()
    async with make_worker(stamping, engine, database):
        path, client = await reviewed(api, office)
        await api.post(f"{path}/signature", json=signature(office), headers=client)
        before = (await api.get(f"{path}/file", headers=client)).content
        clock_maker.silent.clear()
        for _ in range(200):
            after = (await api.get(f"{path}/file", headers=client)).content
            if after != before:
                return before, after
            await asyncio.sleep(0.05)
    raise AssertionError("not time-stamped")


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
    assert (found["valid"], found["known"], found["shared"], found["logged"]) == (True, True, True, True)
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


async def test_the_copy_from_before_the_time_stamp_and_the_one_after_are_both_valid_and_known(
    time_stamped: tuple[bytes, bytes], stamping_api: httpx2.AsyncClient
) -> None:
    before, after = [await verification(stamping_api, copy) for copy in time_stamped]
    assert (before["valid"], before["known"], before["time_stamps"]) == (True, True, [])
    assert all((copy["shared"], copy["logged"]) == (True, True) for copy in (before, after))
    assert (after["valid"], after["known"], after["long_term"]) == (True, True, False)
    assert isinstance(after["time_stamps"], list)
    (stamp,) = after["time_stamps"]
    assert (stamp["authority"], stamp["intact"], stamp["trusted"]) == ("Clock", True, True)
    page = await stamping_api.post("/verify", files={"file": ("x.pdf", time_stamped[1], "application/pdf")})
    assert "nothing in it was changed since. An independent authority stamped the time: " in page.text
    assert "Canary" not in page.text


async def test_an_authority_that_is_not_known_here_is_told_as_such(
    time_stamped: tuple[bytes, bytes], api: httpx2.AsyncClient
) -> None:
    after = await verification(api, time_stamped[1])
    assert (after["valid"], after["known"]) == (True, True)
    page = await api.post("/verify", files={"file": ("x.pdf", time_stamped[1], "application/pdf")})
    assert "It carries a time stamp of an authority that is not known here." in page.text


async def test_staff_and_client_get_the_time_stamped_copy_at_once(
    time_stamped: tuple[bytes, bytes], api: httpx2.AsyncClient, office: Office
) -> None:
    client = await portal(api, office)
    copies = [
        await api.get(f"/api/v1/portal/documents/{office.note.id}/file", headers=client),
        await api.get(f"/api/v1/documents/{office.note.id}/signed", headers=office.bearer),
        await api.get(f"/api/v1/documents/{office.note.id}/versions/1/signed", headers=office.bearer),
    ]
    assert {copy.content for copy in copies} == {time_stamped[1]}
    document = (await api.get(f"/api/v1/documents/{office.note.id}", headers=office.bearer)).json()
    request = (await api.get(f"/api/v1/requests/{document['request_id']}", headers=office.bearer)).json()
    assert request["signed_sha256"] == document["signed_sha256"] == hashlib.sha256(time_stamped[1]).hexdigest()
    assert request["time_stamped_at"]
    assert request["state"] == "signed"


@pytest.mark.parametrize(
    "change",
    [
        "update audit set detail = '{}' where chart_id = $1 and action = 'signed'",
        "update audit set actor = 'somebody else' where chart_id = $1 and number = 1",
        "delete from audit where chart_id = $1 and number = 2",
        "delete from audit where chart_id = $1 and number >= "
        "(select min(number) from audit where chart_id = $1 and action = 'signed')",
    ],
    ids=["of another file", "an entry before", "an entry missing", "cut off"],
)
async def test_a_file_whose_chart_has_another_log_is_told(
    api: httpx2.AsyncClient, postgres: Cluster, office: Office, signed: bytes, change: str
) -> None:
    assert {"shared": True, "logged": True}.items() <= (await verification(api, signed)).items()
    async with owner(postgres) as connection:
        await connection.execute(change, office.client)
    told = await verification(api, signed)
    assert (told["valid"], told["known"], told["shared"], told["logged"]) == (True, True, True, False)
    page = await api.post("/verify", files={"file": ("x.pdf", signed, "application/pdf")})
    assert "our records of it were changed" in page.text


async def test_a_file_that_others_bytes_were_shared_of_is_told(
    api: httpx2.AsyncClient, postgres: Cluster, office: Office, signed: bytes
) -> None:
    async with owner(postgres) as connection:
        await connection.execute("update version set sha256 = $1 where sha256 = $2", "0" * 64, office.note.sha256)
    told = await verification(api, signed)
    assert (told["valid"], told["known"], told["shared"], told["logged"]) == (True, True, False, False)


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


async def test_the_command_tells_the_time_and_whose_it_is(
    time_stamped: tuple[bytes, bytes], stamping: Settings, tmp_path: Path
) -> None:
    file, authorities = tmp_path / "signed.pdf", stamping.tsa_certificate_file
    file.write_bytes(time_stamped[1])
    assert authorities
    for more, who in (([], "who is unknown"), (["--authorities", str(authorities)], "whom you trust")):
        code, printed = await printed_by(file, stamping, *more)
        assert (code, printed[-1]) == (0, "VALID")
        (line,) = [line for line in printed if line.startswith("time stamp")]
        assert line.endswith(f" UTC, by Clock, {who}")
    assert (await printed_by(file, stamping, "--authorities", str(file)))[0] == 2
    file.write_bytes(time_stamped[1][:-40])
    assert (await told(file, stamping))[0] == 1


async def told(file: Path, configured: Settings) -> tuple[int | None, str]:
    """Exit code and last line of the command."""
    code, printed = await printed_by(file, configured)
    return code, printed[-1]


async def printed_by(file: Path, configured: Settings, *more: str) -> tuple[int | None, list[str]]:
    words = ("-m", "pdf", str(file), "--trusted", str(configured.seal_certificate_file), *more)
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    return process.returncode, printed.decode().splitlines()
