"""`/api/v1/practice`: how the practice works."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import roster, settings
from api.v1 import Days, In, Words
from identity.caller import Role
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["practice"])


class PracticeIn(In):
    timezone: Annotated[str, Field(max_length=100)] | None = None
    request_days: int | None = Field(default=None, ge=1, le=365)
    reminder_days: Days | None = None
    majority_age: int | None = Field(default=None, ge=16, le=25)
    language: Literal["en", "es"] | None = None
    paper_option: Words | None = Field(
        default=None, description="How clients come to paper instead. Whoever agreed to other words is asked anew."
    )
    reminders_optional: bool | None = Field(default=None, description="Clients may choose to get no reminders.")
    paper_option_es: Words | None = Field(
        default=None,
        description="The same in Spanish; null takes it away, and readers of Spanish find `paper_option`.",
    )


class PracticeOut(Body):
    id: UUID
    name: str
    timezone: str = Field(description="IANA name.")
    request_days: int = Field(description="Until a request expires, if it does not say itself.")
    reminder_days: list[int] = Field(description="Days after delivery on which a reminder goes out.")
    majority_age: int = Field(description="Years; parents and legal guardians act for a client until then.")
    language: str = Field(description="Of certificates and invitations: `en` or `es`.")
    paper_option: str = Field(description="How clients come to paper instead; part of the consent text.")
    paper_option_es: str | None = Field(description="The same in Spanish.")
    reminders_optional: bool = Field(description="Clients may choose to get no reminders; never no requests.")


class ColleagueOut(Body):
    id: UUID
    name: str
    role: Role


class StaffOut(Body):
    staff: list[ColleagueOut]


@router.get("/practice")
@does(Operation.READ_PRACTICE)
async def read_practice(res: Res, caller: PracticeCaller) -> PracticeOut:
    """How the practice works."""
    return PracticeOut.of(await settings.read_practice(res, caller))


@router.patch("/practice")
@does(Operation.CHANGE_PRACTICE)
async def change_practice(res: Res, caller: PracticeCaller, changes: PracticeIn) -> PracticeOut:
    """Change what is named; open requests stay as they were asked."""
    named = changes.model_dump(exclude_unset=True)
    wanted = {name: value for name, value in named.items() if value is not None or name == "paper_option_es"}
    if "reminder_days" in wanted:
        wanted["reminder_days"] = tuple(wanted["reminder_days"])
    return PracticeOut.of(await settings.change_practice(res, caller, wanted))


@router.get("/staff")
@does(Operation.LIST_STAFF)
async def list_staff(res: Res, caller: PracticeCaller) -> StaffOut:
    """Who works in the practice, by name: their ids name them in appointments, care teams and counter-signatures."""
    found = await roster.colleagues(res, caller)
    return StaffOut(staff=[ColleagueOut.of(one) for one in found])
