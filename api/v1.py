"""`/api/v1`: what its modules share. One for each noun is beside it; `api.openapi` names them all."""

from typing import Annotated, Any

from fastapi import Response
from pydantic import ConfigDict, Field

from api.body import Body
from api.stories import charts
from chart import schedule

MOST_UPLOAD = 52_000_000
"""Bytes of an upload with its form; the PDF itself is limited by `pdf.Limits`."""

PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]

Words = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]

Days = Annotated[list[Annotated[int, Field(ge=1, le=365)]], Field(max_length=schedule.MOST_REMINDERS)]


class In(Body):
    """What comes in: a field that is not asked for is an error (SPEC G4)."""

    model_config = ConfigDict(extra="forbid")


class ReasonIn(In):
    reason: Words


def pdf_response(download: charts.Download) -> Response:
    """As an attachment: a PDF is never shown inside our pages' origin."""
    return Response(
        download.content,
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{download.file_name}"'},
    )
