"""SPEC D5: what is not fit is refused at upload, in plain words, and nothing is stored."""

import asyncio
import io
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

import pdf
from settings import Settings
from tests.office import Office
from tests.papers import paper
from tests.pdf.paper import signed_before
from tests.test_audit import staff


def encrypted() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper())))
    writer.encrypt("secret", algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


UNFIT = {
    "not a PDF": (b"PK\x03\x04 this is something else", "not_a_pdf"),
    "empty": (b"", "empty"),
    "encrypted": (encrypted(), "encrypted"),
    "51 MB": (b"%PDF-1.7\n" + b"0" * 51_000_000, "too_large"),
    "cut off": (paper()[:300], "damaged"),
}


def stored(configured: Settings) -> set[Path]:
    return {path for path in configured.storage_folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", UNFIT)
async def test_an_unfit_file_is_refused_and_not_stored(
    api: httpx2.AsyncClient, office: Office, configured: Settings, what: str
) -> None:
    content, reason = UNFIT[what]
    before = stored(configured)
    refused = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": ("note.pdf", content, "application/pdf")},
        data={"kind": "document"},
        headers=office.bearer,
    )
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["reason"] == reason
    assert refused.json()["detail"].endswith(".")
    assert stored(configured) == before
    listed = (await api.get(f"/api/v1/clients/{office.client}/documents", headers=office.bearer)).json()
    assert len(listed["documents"]) == 3


async def test_a_body_far_over_the_limit_is_a_problem_too(api: httpx2.AsyncClient, office: Office) -> None:
    refused = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": ("note.pdf", b"0" * 60_000_000, "application/pdf")},
        data={"kind": "document"},
        headers=office.bearer,
    )
    assert refused.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_person_reads_on_a_page_that_a_file_is_too_large(api: httpx2.AsyncClient, office: Office) -> None:
    me = await staff(api, office.provider_email)
    refused = await api.post(
        f"/charts/{office.client}/documents/new",
        files={"file": ("note.pdf", b"0" * 60_000_000, "application/pdf")},
        data={"kind": "document"},
        headers=me,
    )
    assert refused.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "A PDF may have 50 MB at most." in refused.text
    assert "content-security-policy" in refused.headers


async def test_a_fit_file_is_filed_with_its_type(api: httpx2.AsyncClient, office: Office) -> None:
    filed = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": ("note.pdf", paper(pages=3), "application/pdf")},
        data={"kind": "clinical_note", "note_name": "Complete Evaluation", "service_on": "2026-11-01"},
        headers=office.bearer,
    )
    assert filed.status_code == HTTPStatus.CREATED, filed.text
    assert (filed.json()["type"], filed.json()["pages"]) == ("Complete Evaluation", 3)
    download = await api.get(f"/api/v1/documents/{filed.json()['id']}/file", headers=office.bearer)
    assert download.content.startswith(b"%PDF-")
    assert download.headers["content-disposition"].startswith('attachment; filename="document-')


async def test_what_had_to_be_taken_out_is_told(api: httpx2.AsyncClient, office: Office) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper())))
    script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)
    buffer = io.BytesIO()
    writer.write(buffer)
    filed = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": ("note.pdf", buffer.getvalue(), "application/pdf")},
        data={"kind": "treatment_plan"},
        headers=office.bearer,
    )
    assert filed.status_code == HTTPStatus.CREATED, filed.text
    assert filed.json()["changes"], "says what was taken out"
    kept = await api.get(f"/api/v1/documents/{filed.json()['id']}/file", headers=office.bearer)
    assert b"app.alert" not in kept.content


async def test_how_a_file_that_others_have_signed_will_be_signed_is_told(
    api: httpx2.AsyncClient, office: Office
) -> None:
    upload = await asyncio.to_thread(signed_before, paper())
    filed = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": ("note.pdf", upload, "application/pdf")},
        data={"kind": "treatment_plan"},
        headers=office.bearer,
    )
    assert filed.status_code == HTTPStatus.CREATED, filed.text
    assert filed.json()["changes"] == []
    assert filed.json()["notes"] == [pdf.Note.SIGNED_BEFORE]
    kept = await api.get(f"/api/v1/documents/{filed.json()['id']}/file", headers=office.bearer)
    assert kept.content == upload


async def test_a_clinical_note_needs_its_name(api: httpx2.AsyncClient, office: Office) -> None:
    refused = await api.post(
        f"/api/v1/clients/{office.client}/documents",
        files={"file": ("note.pdf", paper(), "application/pdf")},
        data={"kind": "clinical_note"},
        headers=office.bearer,
    )
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "note name" in refused.json()["detail"]
