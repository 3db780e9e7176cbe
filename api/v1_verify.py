"""`/api/v1/verifications`: for anybody who holds a file, whether it was signed here and is unchanged (SPEC D4).

The answer tells nothing about signers: strangers may ask.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from pydantic import Field

from api.access import Res
from api.body import Body
from api.stories import verifying
from api.v1 import MOST_UPLOAD

router = APIRouter(prefix="/api/v1", tags=["anybody"])


class VerificationOut(Body):
    valid: bool = Field(description="All of the following to `docmdp_ok` holds.")
    sealed: bool = Field(description="There is a seal of this service's kind in the file.")
    intact: bool = Field(description="What the seal covers was not changed.")
    trusted: bool = Field(description="The seal is of this service's key.")
    covers_whole_file: bool = Field(description="Nothing was added behind the seal.")
    docmdp_ok: bool = Field(description="No change that the certification forbids (ISO 32000-2 12.8.2.2).")
    known: bool = Field(description="These very bytes are a signed document in this service's records.")
    original_sha256: str | None = Field(description="SHA-256 of the document that was signed.")
    sealed_at: datetime | None


@router.post("/verifications", max_body_size=MOST_UPLOAD)
async def verify(res: Res, file: Annotated[UploadFile, File(description="The PDF to look at.")]) -> VerificationOut:
    """Verify a file. It is not kept."""
    verified = await verifying.verify(res, await file.read())
    found = verified.seal
    return VerificationOut(
        valid=found.valid,
        sealed=found.sealed,
        intact=found.intact,
        trusted=found.trusted,
        covers_whole_file=found.covers_whole_file,
        docmdp_ok=found.docmdp_ok,
        known=verified.known,
        original_sha256=found.original_sha256,
        sealed_at=found.sealed_at,
    )
