"""Records made by hand: what the pages on the stage show."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from chart.appointment import Appointment, AppointmentId, AppointmentKind
from chart.audit import Actor
from chart.block import Block
from chart.client import Client, OpenInvitation
from chart.document import Document, Kind
from chart.ids import (
    AccountId,
    ClientId,
    DocumentId,
    InvitationId,
    MessageId,
    PracticeId,
    RequestId,
    StaffId,
    VersionId,
)
from chart.lifecycle import OnDecline, RequestState, SeatState
from chart.relationship import Relation, Relationship, Standing
from chart.request import Request as SignatureRequest
from chart.request import Signer

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)


def number(name: str) -> UUID:
    """The id that belongs to a name, the same in every run."""
    return uuid5(UUID(int=0), name)


PRACTICE = PracticeId(number("practice"))
CLIENT = ClientId(number("client"))
UNREGISTERED = ClientId(number("unregistered"))
ACCOUNT = AccountId(number("account"))
MESSAGE = MessageId(number("message"))
REQUEST = RequestId(number("request"))


def a_document(name: str, kind: Kind = Kind.CLINICAL_NOTE, **different: Any) -> Document:
    as_ever = Document(
        id=DocumentId(number(name)),
        client_id=CLIENT,
        kind=kind,
        note_name=name if kind is Kind.CLINICAL_NOTE else None,
        service_on=date(2026, 11, 2),
        created_at=NOW,
        version_id=VersionId(number(name + " version")),
        sha256="a" * 64,
        size=20_000,
        pages=2,
        shared=False,
        request_id=None,
        request_state=None,
        attention=None,
        viewed=False,
        correction=False,
        seats=0,
        signed_seats=0,
        version_number=1,
        expires_at=None,
        signed_sha256=None,
        signed_pages=None,
    )
    return replace(as_ever, **different)


def asked(state: RequestState = RequestState.PENDING, **different: Any) -> dict[str, Any]:
    """What a document shows of its request."""
    return {
        "shared": True,
        "request_id": REQUEST,
        "request_state": state,
        "expires_at": NOW + timedelta(days=60),
        "seats": 1,
        "my_seat": SeatState.SIGNED if state is RequestState.SIGNED else SeatState.WAITING,
        "my_turn": state is RequestState.PENDING,
        **different,
    }


PENDING = a_document("Progress Note", **asked())
SIGNED = a_document("Complete Evaluation", **asked(RequestState.SIGNED, signed_sha256="b" * 64, signed_pages=3))
PLAN = a_document("plan", Kind.TREATMENT_PLAN)
SUPERBILL = a_document("superbill", Kind.DOCUMENT, shared=True)
PSYCHOTHERAPY = a_document("psychotherapy", Kind.PSYCHOTHERAPY_NOTE)
STUCK = a_document(
    "Group Note",
    **asked(
        attention="The shared version is missing from the store. Restore it, then resume.",
        request_id=RequestId(number("stuck request")),
    ),
)


NOTE_OF_UNREGISTERED = a_document("Progress Note", id=DocumentId(number("unregistered note")), client_id=UNREGISTERED)


def a_client(client_id: ClientId = CLIENT, **different: Any) -> Client:
    return replace(
        Client(client_id, "Jordan", "Rivera", date(1988, 5, 17), "ehr-17", NOW, registered=True, waiting=1), **different
    )


CLIENT_PARTY = Actor(f"account:{ACCOUNT}")
STAFF_PARTY = Actor(f"staff:{number('staff')}")


def a_signer(position: int, party: Actor, state: SeatState = SeatState.WAITING, **different: Any) -> Signer:
    client = party.startswith("account:")
    as_ever = Signer(
        position=position,
        party=party,
        name="Jordan Rivera" if client else "Dr. Maya Chen",
        relationship="self" if client else "provider",
        state=state,
        viewed_at=NOW,
        answered_at=None if state is SeatState.WAITING else NOW,
        reason=None,
        correction=False,
        notice=None,
    )
    return replace(as_ever, **different)


PARENT = AccountId(number("parent"))
PARENT_PARTY = Actor(f"account:{PARENT}")
COLLEAGUE_PARTY = Actor(f"staff:{number('supervisor')}")


def a_relation(account: AccountId = ACCOUNT, **different: Any) -> Relation:
    as_ever = Relation(
        account_id=account,
        name="Jordan Rivera" if account == ACCOUNT else "Rosa Rivera",
        email="jordan@example.org" if account == ACCOUNT else "rosa@example.org",
        relationship=Relationship.SELF if account == ACCOUNT else Relationship.PARENT,
        starts_on=date(2026, 11, 2),
        ends_on=None,
        ended_by=None,
        end_reason=None,
        majority_on=None,
        standing=Standing.HOLDS,
    )
    return replace(as_ever, **different)


def a_block(document: Document, account: AccountId = PARENT) -> Block:
    return Block(document.id, account, "Rosa Rivera", STAFF_PARTY, "It concerns the parents.", NOW)


ZONE = ZoneInfo("America/Chicago")


INVITATION = OpenInvitation(
    InvitationId(number("invitation")),
    "Rosa Rivera",
    "rosa@example.org",
    Relationship.PARTNER,
    NOW,
    NOW + timedelta(days=7),
    "refused",
)


def an_appointment(**different: Any) -> Appointment:
    as_ever = Appointment(
        id=AppointmentId(number("appointment")),
        client_id=CLIENT,
        client_name="Jordan Rivera",
        staff_id=StaffId(number("staff")),
        staff_name="Dr. Maya Chen",
        starts_at=NOW,
        minutes=50,
        kind=AppointmentKind.INDIVIDUAL,
        waiting=1,
        cancelled_at=None,
    )
    return replace(as_ever, **different)


def request_of(document: Document) -> SignatureRequest:
    """The request that a document shows."""
    assert document.request_id
    assert document.request_state
    assert document.expires_at
    return SignatureRequest(
        id=document.request_id,
        practice_id=PRACTICE,
        client_id=CLIENT,
        document_id=document.id,
        version_id=document.version_id,
        state=document.request_state,
        attention=document.attention,
        attention_skippable=False,
        in_order=document.my_seat is SeatState.WAITING and not document.my_turn,
        on_decline=OnDecline.ENDS,
        requested_by=Actor("service"),
        created_at=NOW,
        delivered_at=NOW,
        expires_at=document.expires_at,
        reminder_days=(3, 7, 14),
        reminders=(),
        reminded_at=None,
        signed_at=NOW if document.signed_sha256 else None,
        ended_at=None,
        ended_by=None,
        end_reason=None,
        correction=document.correction,
        late=document.late,
        record=None,
        sha256=document.sha256,
        signed_sha256=document.signed_sha256,
        signers=_signers(document),
    )


def _signers(document: Document) -> tuple[Signer, ...]:
    """The reader of the portal in the last seat, and as many others before as the document says."""
    own = [document.my_seat] if document.my_seat else []
    others = document.seats - len(own)
    signed = document.signed_seats - (document.my_seat is SeatState.SIGNED)
    states = [SeatState.SIGNED if n < signed else SeatState.WAITING for n in range(others)]
    parties = [Actor(f"staff:{number(str(n))}") for n in range(others)] + [Actor(f"account:{ACCOUNT}")] * len(own)
    return tuple(
        a_signer(n, party, state, correction=document.correction and state is SeatState.DECLINED)
        for n, (party, state) in enumerate(zip(parties, [*states, *own], strict=True))
    )
