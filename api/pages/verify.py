"""The page on which anybody who holds a file learns whether it was signed here and is unchanged (SPEC D4)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile

import pdf
from api.access import Res, Visit, does
from api.pages import forms
from api.pages.rendering import page
from api.stories import verifying
from api.v1 import MOST_UPLOAD
from chart.refusals import NotReachable
from chart.text import N_, Text
from identity.policy import Operation
from identity.throttle import TooManyTries

router = APIRouter(include_in_schema=False)


@router.get("/verify")
@does(Operation.VERIFY)
async def form(request: Request) -> Response:
    return page(request, "verify.html", verdict=None, good=False, problem=None)


@router.post("/verify", max_body_size=MOST_UPLOAD)
@does(Operation.VERIFY)
async def verify(
    request: Request, res: Res, visitor: Visit, file: Annotated[UploadFile | None, File()] = None
) -> Response:
    if not file or not file.filename:
        return _again(request, HTTPStatus.UNPROCESSABLE_ENTITY, N_("Choose a PDF file."))
    try:
        verified = await verifying.verify(res, visitor, await file.read())
    except (NotReachable, TooManyTries) as refusal:
        return _again(request, forms.status(refusal), str(refusal))
    return page(request, "verify.html", verdict=verdict(verified), good=verified.good, problem=None)


def _again(request: Request, status: int, problem: str) -> Response:
    return page(request, "verify.html", status, verdict=None, good=False, problem=problem)


def verdict(verified: verifying.Verified) -> str:
    """One sentence, most serious finding first."""
    seal = verified.seal
    if verified.good:
        return _good(seal)
    if not seal.sealed:
        return N_("This file does not carry our seal. It was not signed here, or the seal was removed.")
    if not seal.unchanged:
        return N_("This file was changed after it was signed. Do not rely on it; ask the practice for a new copy.")
    if not seal.trusted:
        return N_("This file carries a seal that is not ours. Do not rely on it; ask the practice for a new copy.")
    if not verified.known:
        return N_(
            "This file carries our seal and is unchanged, but it is not in our records. Ask the practice about it."
        )
    return N_(
        "This file carries our seal and is unchanged, but our records of it were changed. Ask the practice about it."
    )


def _good(seal: pdf.Verification) -> str:
    good = N_("This document was signed here, and nothing in it was changed since.")
    if seal.proven_at:
        return Text("{good} An independent authority stamped the time: {time}.", good=good, time=seal.proven_at)
    if seal.time_stamps:
        return Text("{good} It carries a time stamp of an authority that is not known here.", good=good)
    return good
