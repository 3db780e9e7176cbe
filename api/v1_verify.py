"""`/api/v1/verifications`: for anybody who holds a file, whether it was signed here and is unchanged (SPEC D4).

The answer tells nothing about signers: strangers may ask.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from pydantic import Field

from api.access import Res, Visit, does
from api.body import Body
from api.stories import verifying
from api.v1 import MOST_UPLOAD
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["anybody"])


class TimeStampOut(Body):
    at: datetime = Field(description="By the clock of the authority.")
    authority: str = Field(description="As its certificate names it.")
    intact: bool = Field(description="It covers all that precedes it, unchanged.")
    trusted: bool = Field(description="It is of an authority that this service trusts.")


class VerificationOut(Body):
    valid: bool = Field(description="All of the following to `docmdp_ok` holds, and each time stamp is intact.")
    sealed: bool = Field(description="There is a seal of this service's kind in the file.")
    intact: bool = Field(description="What the seal covers was not changed.")
    trusted: bool = Field(description="The seal is of this service's key.")
    covers_whole_file: bool = Field(description="Nothing was added behind the seal, or its last time stamp.")
    docmdp_ok: bool = Field(description="Nothing is behind the seal but time stamps (ISO 32000-2 12.8.2.2).")
    known: bool = Field(description="These very bytes are a signed document in this service's records.")
    shared: bool = Field(description="They begin with the version that was shared, unchanged.")
    logged: bool = Field(description="The chart's audit log is whole, and tells that this was signed.")
    original_sha256: str | None = Field(description="SHA-256 of the document that was signed.")
    sealed_at: datetime | None = Field(description="By this service's clock.")
    time_stamps: list[TimeStampOut] = Field(description="Behind the seal, oldest first.")
    long_term: bool = Field(description="The file holds what shows that no certificate was revoked at the time.")


@router.post("/verifications", max_body_size=MOST_UPLOAD)
@does(Operation.VERIFY)
async def verify(
    res: Res, visitor: Visit, file: Annotated[UploadFile, File(description="The PDF to look at.")]
) -> VerificationOut:
    """Verify a file. It is not kept."""
    verified = await verifying.verify(res, visitor, await file.read())
    found = verified.seal
    return VerificationOut(
        valid=found.valid,
        sealed=found.sealed,
        intact=found.intact,
        trusted=found.trusted,
        covers_whole_file=found.covers_whole_file,
        docmdp_ok=found.docmdp_ok,
        known=verified.known,
        shared=verified.shared,
        logged=verified.logged,
        original_sha256=found.original_sha256,
        sealed_at=found.sealed_at,
        time_stamps=[TimeStampOut.of(stamp) for stamp in found.time_stamps],
        long_term=found.long_term,
    )
