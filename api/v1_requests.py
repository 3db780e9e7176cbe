"""`/api/v1/requests`: Share to Sign, and what the practice does with a request until it has ended."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator

from activities.order import Terms
from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import requests, sharing
from api.stories.requests import Steered
from api.stories.sharing import Asked
from api.v1 import Days, In, ReasonIn, Words
from api.v1_clients import InviteeIn
from chart.audit import Action, Actor
from chart.ids import DocumentId, RequestId
from chart.lifecycle import Act, OnDecline, RequestState, SeatState
from chart.request import Barred, Request
from chart.waiting import Filter, Spot
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["practice"])


class SignerIn(In):
    """Either an account that acts for the client, or staff for a counter-signature."""

    account_id: UUID | None = None
    staff_id: UUID | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "SignerIn":
        if (self.account_id is None) == (self.staff_id is None):
            raise ValueError("name either account_id or staff_id")
        return self

    @property
    def party(self) -> Actor:
        return Actor(f"account:{self.account_id}" if self.account_id else f"staff:{self.staff_id}")


class TermsIn(In):
    days: int | None = Field(
        default=None, ge=1, le=365, description="Until it expires; the practice's default if null."
    )
    signers: Annotated[list[SignerIn], Field(max_length=10)] = Field(
        default=[], description="Who must sign; the client, or who acts for them, if empty."
    )
    in_order: bool = Field(default=False, description="Each is asked when everybody before has signed.")
    on_decline: OnDecline = Field(default=OnDecline.ENDS, description="What one signer's decline does to the request.")
    reminder_days: Days | None = Field(
        default=None, description="Days after delivery on which a reminder goes out; the practice's if null."
    )
    when_registered: bool = Field(
        default=False, description="Of a client who is not registered: wait durably until somebody registers."
    )
    invite: InviteeIn | None = Field(default=None, description="Invite this person too; implies `when_registered`.")

    def terms(self) -> Terms:
        return Terms(
            days=self.days,
            signers=tuple(signer.party for signer in self.signers),
            in_order=self.in_order,
            on_decline=self.on_decline,
            reminder_days=None if self.reminder_days is None else tuple(self.reminder_days),
            when_registered=self.when_registered or self.invite is not None,
        )


class AskedOut(Body):
    request_id: UUID
    delivered: bool = Field(description="False: the engine holds it for sure, and it stands in the chart soon.")


class SignerOut(Body):
    position: int
    party: str | None = Field(description="`account:<id>` or `staff:<id>`; null until somebody registers.")
    name: str | None
    relationship: str | None
    state: SeatState
    viewed_at: datetime | None
    answered_at: datetime | None
    reason: str | None = Field(description="Of a decline.")
    correction: bool = Field(description="Declined with the wish for a correction.")
    notice: str | None = Field(description="What became of the latest email: `sent`, `delayed`, `refused`, `failed`.")
    barred: Barred | None = Field(description="Why this signer cannot sign any more: recall it and share again.")


class RequestOut(Body):
    id: UUID
    document_id: UUID
    client_id: UUID
    state: RequestState
    label: str = Field(
        description="As it stands beside the Share Status: `Expired` from the last moment on, also while the `state` "
        "is what it was for a minute more, so that what was signed in time can arrive."
    )
    attention: str | None = Field(description="Why it needs attention.")
    offers: list[Act] = Field(description="What the practice may do now.")
    in_order: bool
    on_decline: OnDecline
    created_at: datetime
    expires_at: datetime
    reminders: list[datetime]
    reminded_at: datetime | None
    signed_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    correction: bool = Field(description="Declined with the wish for a correction.")
    record: dict[str, Any] | None = Field(description="Attempts and dates that staff has recorded.")
    sha256: str = Field(description="Of the version that is shared and signed.")
    signed_sha256: str | None = Field(description="Of the signed copy; another one from when it is time-stamped.")
    time_stamped_at: datetime | None = Field(description="By the clock of the authority that has stamped the copy.")
    time_stamp_waits: str | None = Field(description="Why the signed copy is not time-stamped yet.")
    notice: str | None = Field(description="The worst of the signers' `notice`; null so far.")
    signers: list[SignerOut]

    @classmethod
    def of(cls, found: Request) -> "RequestOut":
        made = super().of(found)
        return made.model_copy(update={"offers": sorted(found.offers)})


class EntryOut(Body):
    at: datetime
    actor: str
    name: str | None = Field(description="Of the actor.")
    action: Action
    detail: dict[str, str | int | None]


class TimelineOut(Body):
    request: RequestOut
    entries: list[EntryOut] = Field(description="What happened, oldest first.")


class WaitingOut(Body):
    request_id: UUID
    document_id: UUID
    client_id: UUID
    client_name: str
    type: str
    service_on: date
    label: str
    created_at: datetime
    expires_at: datetime
    next_reminder_at: datetime | None
    overdue: bool
    attention: str | None
    barred: bool = Field(description="A signer cannot sign any more.")
    unreached: bool = Field(description="The latest email to a signer was refused, or could not be sent for days.")
    uninvited: bool = Field(description="Waits for a registration, and no invitation that can be used has arrived.")


class QueueOut(Body):
    requests: list[WaitingOut]
    next: str | None = Field(description="Send it as `after` to read on; null at the end.")


class UntilIn(In):
    until: date = Field(description="The last day on which it can be signed, in the practice's time zone.")


class RemindersIn(In):
    days: Days = Field(description="Days after delivery; those that have passed are not made up. Empty: none.")


class Attempt(In):
    on: date
    how: Words


class UnableIn(In):
    """SPEC G7: what was tried before giving up."""

    reason: Words
    attempts: Annotated[list[Attempt], Field(min_length=1, max_length=20)]


class PaperIn(In):
    reason: Words = Field(description="Why on paper, and where the paper is kept.")
    signed_on: date
    before_service: bool = Field(default=False, description="That this is before the date of service is meant.")


@router.post("/documents/{document_id}/share-to-sign", status_code=HTTPStatus.ACCEPTED)
@does(Operation.SHARE_TO_SIGN)
async def share_to_sign(
    res: Res, caller: PracticeCaller, document_id: UUID, response: Response, terms: TermsIn | None = None
) -> AskedOut:
    """Share to Sign: start the durable request. Repeating it while one is open answers with that one.

    409 where the open one asks others than the terms say, or in another way.
    """
    invite_too = terms.invite.invitee() if terms and terms.invite else None
    asked = await sharing.share_to_sign(
        res, caller, DocumentId(document_id), terms.terms() if terms and terms.model_fields_set else None, invite_too
    )
    return _asked(asked, response)


def _asked(asked: Asked, response: Response) -> AskedOut:
    response.headers["location"] = f"/api/v1/requests/{asked.request_id}"
    return AskedOut.of(asked)


@router.get("/requests")
@does(Operation.LIST_REQUESTS)
async def read_queue(
    res: Res,
    caller: PracticeCaller,
    show: Filter = Filter.ALL,
    after: Annotated[str | None, Query(max_length=100, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> QueueOut:
    """Requests that wait for somebody: what needs attention first, then what expires first."""
    found = await requests.queue(res, caller, show, after=Spot.read(after) if after else None, limit=limit)
    return QueueOut(
        requests=[WaitingOut.of(one) for one in found.waiting], next=str(found.next) if found.next else None
    )


@router.get("/requests/{request_id}")
@does(Operation.READ_REQUEST)
async def read_request(res: Res, caller: PracticeCaller, request_id: UUID) -> RequestOut:
    return RequestOut.of(await requests.find_request(res, caller, RequestId(request_id)))


@router.get("/requests/{request_id}/timeline")
@does(Operation.READ_REQUEST)
async def read_timeline(res: Res, caller: PracticeCaller, request_id: UUID) -> TimelineOut:
    """What happened to a request, from the audit log."""
    found = await requests.timeline(res, caller, RequestId(request_id))
    return TimelineOut(
        request=RequestOut.of(found.request),
        entries=[
            EntryOut(
                at=entry.at,
                actor=entry.actor,
                name=found.names.get(entry.actor),
                action=entry.action,
                detail=entry.detail,
            )
            for entry in found.entries
        ],
    )


@router.post("/requests/{request_id}/recall")
@does(Operation.STEER_REQUEST)
async def recall(res: Res, caller: PracticeCaller, request_id: UUID, why: ReasonIn, response: Response) -> RequestOut:
    """Take a request back until it is signed. 409 says what came first."""
    return _steered(await requests.recall(res, caller, RequestId(request_id), why.reason), response)


@router.post("/requests/{request_id}/extend")
@does(Operation.STEER_REQUEST)
async def extend(res: Res, caller: PracticeCaller, request_id: UUID, term: UntilIn, response: Response) -> RequestOut:
    """Move the expiry of an open request."""
    return _steered(await requests.extend(res, caller, RequestId(request_id), term.until), response)


@router.post("/requests/{request_id}/reminders")
@does(Operation.STEER_REQUEST)
async def reschedule(
    res: Res, caller: PracticeCaller, request_id: UUID, reminders: RemindersIn, response: Response
) -> RequestOut:
    """Change the days of the reminders of an open request."""
    return _steered(await requests.reschedule(res, caller, RequestId(request_id), reminders.days), response)


@router.post("/requests/{request_id}/remind")
@does(Operation.STEER_REQUEST)
async def remind(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> RequestOut:
    """Send a reminder now; not more often than every five minutes."""
    return _steered(await requests.remind(res, caller, RequestId(request_id)), response)


@router.post("/requests/{request_id}/unable-to-obtain")
@does(Operation.STEER_REQUEST)
async def unable_to_obtain(
    res: Res, caller: PracticeCaller, request_id: UUID, tried: UnableIn, response: Response
) -> RequestOut:
    """Record that the signature could not be obtained, with what was tried."""
    dates = tried.model_dump(mode="json", include={"attempts"})
    return _steered(
        await requests.record(res, caller, RequestId(request_id), Act.RECORD_UNABLE, tried.reason, dates), response
    )


@router.post("/requests/{request_id}/signed-on-paper")
@does(Operation.STEER_REQUEST)
async def signed_on_paper(
    res: Res, caller: PracticeCaller, request_id: UUID, paper: PaperIn, response: Response
) -> RequestOut:
    """Record that the document was signed on paper."""
    dates = paper.model_dump(mode="json", include={"signed_on"})
    return _steered(
        await requests.record(
            res,
            caller,
            RequestId(request_id),
            Act.RECORD_PAPER,
            paper.reason,
            dates,
            before_service=paper.before_service,
        ),
        response,
    )


@router.post("/requests/{request_id}/resume")
@does(Operation.STEER_REQUEST)
async def resume(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> RequestOut:
    """Try again at once what needs attention."""
    return _steered(await requests.resume(res, caller, RequestId(request_id)), response)


@router.post("/requests/{request_id}/skip")
@does(Operation.STEER_REQUEST)
async def skip(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> RequestOut:
    """Leave out the step that needs attention, where `offers` says so."""
    return _steered(await requests.skip(res, caller, RequestId(request_id)), response)


@router.post("/requests/{request_id}/reissue", status_code=HTTPStatus.ACCEPTED)
@does(Operation.STEER_REQUEST)
async def reissue(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> AskedOut:
    """Ask for the same once more: of a request that has ended, or instead of one that cannot go on."""
    return _asked(await requests.reissue(res, caller, RequestId(request_id)), response)


def _steered(steered: Steered, response: Response) -> RequestOut:
    """202 while the engine holds it and nobody has decided yet."""
    if not steered.decided:
        response.status_code = HTTPStatus.ACCEPTED
    return RequestOut.of(steered.request)
