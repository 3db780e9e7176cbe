"""`/api/v1/clients`: charts, who opens them, and who acts for the client in the Client Portal."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import access, charts, restricting, settings, sharing
from api.stories.sharing import Invitee
from api.v1 import In, Name, ReasonIn
from chart.care import Restriction
from chart.ids import AccountId, ClientId, InvitationId, StaffId
from chart.relationship import Relationship, Standing
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["practice"])


class NewClient(In):
    given_name: Name
    family_name: Name
    birth_date: date
    external_id: Name | None = None


class ClientOut(Body):
    id: UUID
    given_name: str
    family_name: str
    birth_date: date
    external_id: str | None
    created_at: datetime
    registered: bool = Field(description="Somebody can act for this client in the Client Portal.")
    waiting: int = Field(description="Signature requests that wait for a signature.")
    restricted: bool = Field(description="Only its care team opens the chart.")
    closed: bool = Field(description="It is restricted and not open to you; then nothing of it is told.")


class RestrictionIn(ReasonIn):
    care_team: Annotated[list[UUID], Field(min_length=1, max_length=500, description="Ids of staff.")]


class RestrictionOut(Body):
    restricted_at: datetime | None = Field(description="Null: every staff member opens the chart.")
    reason: str | None
    care_team: list[UUID]

    @classmethod
    def of(cls, found: Restriction | None) -> "RestrictionOut":
        if found is None:
            return cls(restricted_at=None, reason=None, care_team=[])
        return cls(restricted_at=found.restricted_at, reason=found.reason, care_team=sorted(found.care_team))


class Search(In):
    words: Annotated[str, Field(max_length=200)] = Field(
        default="", description="Every one stands in the name or the external id; none: all clients."
    )
    after: UUID | None = Field(default=None, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class ClientPage(Body):
    clients: list[ClientOut]
    next: UUID | None = Field(description="Send it as `after` to read on; null at the end.")


class TimezoneIn(In):
    timezone: Annotated[str, Field(max_length=100)] | None = Field(description="IANA name; null: the practice's.")


class InviteeIn(In):
    email: Annotated[str, Field(max_length=254)] = Field(description="Where the invitation goes; an ASCII address.")
    name: Name
    relationship: Relationship = Relationship.SELF

    def invitee(self) -> Invitee:
        return Invitee(self.email, self.name, self.relationship)


class InvitationOut(Body):
    id: UUID
    name: str
    email: str
    relationship: Relationship
    created_at: datetime
    expires_at: datetime
    mail: str | None = Field(description="What became of the email: `sent`, `delayed`, `refused`, `failed`, or null.")


class Invitations(Body):
    invitations: list[InvitationOut]


class RelationOut(Body):
    account_id: UUID
    name: str
    email: str
    relationship: Relationship
    starts_on: date
    ends_on: date | None = Field(description="The first day on which it no longer holds.")
    end_reason: str | None
    majority_on: date | None = Field(description="When the client comes of age, where that ends the relationship.")
    standing: Standing = Field(description="Whether it holds today, and if not, why.")


class AccessOut(Body):
    access: list[RelationOut]


@router.put("/clients/{client_id}/timezone", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.SET_TIMEZONE)
async def set_timezone(res: Res, caller: PracticeCaller, client_id: UUID, where: TimezoneIn) -> None:
    """Where the client lives: reminders keep to the daytime there."""
    await settings.set_client_timezone(res, caller, ClientId(client_id), where.timezone)


@router.post("/clients", status_code=HTTPStatus.CREATED)
@does(Operation.ADD_CLIENT)
async def create_client(res: Res, caller: PracticeCaller, new: NewClient) -> ClientOut:
    """Open a chart."""
    return ClientOut.of(await charts.add_client(res, caller, **new.model_dump()))


@router.post("/clients/search")
@does(Operation.FIND_CLIENTS)
async def search_clients(res: Res, caller: PracticeCaller, search: Search) -> ClientPage:
    """Clients by family name. A POST, so that no name stands in an address or its log."""
    after = ClientId(search.after) if search.after else None
    found = await charts.search_clients(res, caller, search.words, after=after, limit=search.limit + 1)
    page = found[: search.limit]
    more = len(found) > search.limit
    return ClientPage(clients=[ClientOut.of(one) for one in page], next=page[-1].id if more else None)


@router.get("/clients/{client_id}")
@does(Operation.OPEN_CHART)
async def read_client(res: Res, caller: PracticeCaller, client_id: UUID) -> ClientOut:
    return ClientOut.of((await charts.open_chart(res, caller, ClientId(client_id))).client)


@router.get("/clients/{client_id}/restriction")
@does(Operation.SEE_RESTRICTION)
async def read_restriction(res: Res, caller: PracticeCaller, client_id: UUID) -> RestrictionOut:
    """Whether only a care team opens the chart."""
    return RestrictionOut.of((await restricting.team(res, caller, ClientId(client_id))).restriction)


@router.put("/clients/{client_id}/restriction")
@does(Operation.RESTRICT)
async def restrict(res: Res, caller: PracticeCaller, client_id: UUID, wanted: RestrictionIn) -> RestrictionOut:
    """Let only this care team open the chart, or change the team of a restricted one."""
    care_team = [StaffId(one) for one in wanted.care_team]
    changed = await restricting.restrict(res, caller, ClientId(client_id), care_team, wanted.reason)
    return RestrictionOut.of(changed.restriction)


@router.delete("/clients/{client_id}/restriction", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.RESTRICT)
async def lift_restriction(res: Res, caller: PracticeCaller, client_id: UUID) -> None:
    """Let every staff member open the chart again. Repeating changes nothing."""
    await restricting.lift(res, caller, ClientId(client_id))


@router.post("/clients/{client_id}/invitations", status_code=HTTPStatus.ACCEPTED)
@does(Operation.INVITE)
async def invite(res: Res, caller: PracticeCaller, client_id: UUID, invitee: InviteeIn) -> Response:
    """Invite somebody to act for the client in the Client Portal: a mail with a link that is good for seven days."""
    await sharing.invite(res, caller, ClientId(client_id), invitee.invitee())
    return Response(status_code=HTTPStatus.ACCEPTED)


@router.get("/clients/{client_id}/invitations")
@does(Operation.OPEN_CHART)
async def list_invitations(res: Res, caller: PracticeCaller, client_id: UUID) -> Invitations:
    """Who is invited and has not registered yet, newest first."""
    chart = await charts.open_chart(res, caller, ClientId(client_id))
    return Invitations(invitations=[InvitationOut.of(one) for one in chart.invitations])


@router.delete("/clients/{client_id}/invitations/{invitation_id}", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.INVITE)
async def revoke_invitation(res: Res, caller: PracticeCaller, client_id: UUID, invitation_id: UUID) -> None:
    """Take an invitation back: its link works no more. Repeating changes nothing; 409 once somebody has registered."""
    await sharing.revoke_invitation(res, caller, ClientId(client_id), InvitationId(invitation_id))


@router.get("/clients/{client_id}/access")
@does(Operation.OPEN_CHART)
async def list_access(res: Res, caller: PracticeCaller, client_id: UUID) -> AccessOut:
    """Who acts for the client in the Client Portal, who will, who did, and why not today."""
    chart = await charts.open_chart(res, caller, ClientId(client_id))
    return AccessOut(access=[RelationOut.of(one) for one in chart.relations])


@router.post("/clients/{client_id}/access/{account_id}/end", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.END_ACCESS)
async def end_access(res: Res, caller: PracticeCaller, client_id: UUID, account_id: UUID, why: ReasonIn) -> None:
    """End an access today, for a reason. What the account signed stays signed; an open request says who cannot sign."""
    await access.end(res, caller, ClientId(client_id), AccountId(account_id), why.reason)
