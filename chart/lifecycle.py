"""The life of a signature request: its states, what may happen in each, and who wins a race.

Pure: no clock, no chart, no engine. The workflow decides with it, pages ask it what to offer, tests walk through it.
Events are applied in the order in which the engine has recorded them; the first valid one wins, and whatever comes
after an ending is refused with a sentence that says what happened (SPEC G6).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chart.audit import Actor
from chart.ids import ClientId, DocumentId, PracticeId, VersionId
from chart.refusals import NotInThisState, NotYourTurn
from chart.text import Sentence

ON_ITS_WAY = timedelta(minutes=1)
"""How long a signature that was made in time may take to arrive: the expiry takes none that was acknowledged."""

STEP_FAILED: Sentence = "The step failed ({kind})."
"""Why a request needs attention that met an error which nobody expected; its class tells operators what to look for."""


class RequestState(StrEnum):
    AWAITING_REGISTRATION = "awaiting_registration"
    PENDING = "pending"
    SEALING = "sealing"
    SIGNED = "signed"
    DECLINED = "declined"
    RECALLED = "recalled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    UNABLE_TO_OBTAIN = "unable_to_obtain"
    SIGNED_ON_PAPER = "signed_on_paper"

    @property
    def label(self) -> str:
        """What stands beside the Share Status, and in the operator's table."""
        return STATES[self].label

    @property
    def ended(self) -> bool:
        return STATES[self].ended


class Act(StrEnum):
    """What can happen to a request."""

    REGISTER = "register"
    SIGN = "sign"
    DECLINE = "decline"
    RECALL = "recall"
    EXPIRE = "expire"
    REPLACE = "replace"
    RECORD_UNABLE = "record unable to obtain"
    RECORD_PAPER = "record signed on paper"
    EXTEND = "extend"
    RESCHEDULE = "change schedule"
    REMIND = "remind"
    REISSUE = "re-issue"
    RESUME = "resume"
    SKIP = "skip"


class Side(StrEnum):
    """Who does it."""

    SIGNER = "signer"
    PRACTICE = "practice"
    SERVICE = "service"


@dataclass(frozen=True)
class Row:
    """A line of the table of states."""

    label: str
    takes: frozenset[Act]
    """What may happen in this state."""
    too_late: str
    """Said to whoever comes with what this state does not take."""
    ended: bool = False


_OPEN = {
    Act.RECALL,
    Act.EXPIRE,
    Act.REPLACE,
    Act.RECORD_UNABLE,
    Act.RECORD_PAPER,
    Act.EXTEND,
    Act.RESCHEDULE,
}


def _ended(label: str, too_late: str, *, may_be_reissued: bool = True) -> Row:
    return Row(label, frozenset({Act.REISSUE} if may_be_reissued else ()), too_late, ended=True)


STATES: dict[RequestState, Row] = {
    RequestState.AWAITING_REGISTRATION: Row(
        "Waits for registration",
        frozenset({Act.REGISTER, *_OPEN}),
        "The client is not registered for the Client Portal yet; the request waits for that.",
    ),
    RequestState.PENDING: Row(
        "Pending signature",
        frozenset({Act.SIGN, Act.DECLINE, Act.REMIND, *_OPEN}),
        "This request waits for a signature.",
    ),
    RequestState.SEALING: Row(
        "Being sealed", frozenset(), "Everybody has signed, and the document is being sealed. It cannot be changed now."
    ),
    RequestState.SIGNED: _ended("Signed", "This document has been signed.", may_be_reissued=False),
    RequestState.DECLINED: _ended("Declined", "The signature was declined. The practice can share the document again."),
    RequestState.RECALLED: _ended(
        "Recalled", "The practice has recalled this request. Nobody needs to sign it any more."
    ),
    RequestState.EXPIRED: _ended("Expired", "This request has expired. Ask the practice to share the document again."),
    RequestState.REPLACED: _ended(
        "Replaced",
        "The practice has replaced this document by a new version. Nobody needs to sign this one any more.",
        may_be_reissued=False,
    ),
    RequestState.UNABLE_TO_OBTAIN: _ended(
        "Unable to obtain", "The practice has recorded that the signature could not be obtained."
    ),
    RequestState.SIGNED_ON_PAPER: _ended(
        "Signed on paper", "The practice has recorded that this was signed on paper.", may_be_reissued=False
    ),
}

BY: dict[Act, Side] = {
    Act.REGISTER: Side.SERVICE,
    Act.EXPIRE: Side.SERVICE,
    Act.SIGN: Side.SIGNER,
    Act.DECLINE: Side.SIGNER,
} | dict.fromkeys(
    (
        Act.RECALL,
        Act.REPLACE,
        Act.RECORD_UNABLE,
        Act.RECORD_PAPER,
        Act.EXTEND,
        Act.RESCHEDULE,
        Act.REMIND,
        Act.REISSUE,
        Act.RESUME,
        Act.SKIP,
    ),
    Side.PRACTICE,
)
"""Who may do what; which of the practice may is the policy's (`identity.policy`)."""

MENDING = frozenset({Act.RESUME, Act.REISSUE})
"""What a request that needs attention takes besides; `SKIP` too where the step allows it."""


def check_takes(state: RequestState, act: Act) -> None:
    """Raise `NotInThisState`, saying what happened, unless a request in this state takes the act."""
    if act not in STATES[state].takes:
        raise NotInThisState(STATES[state].too_late)


def offers(state: RequestState, *, attention: bool = False, skippable: bool = False) -> frozenset[Act]:
    """What the practice may do now: what pages offer as buttons and the API lists."""
    mending = MENDING | ({Act.SKIP} if skippable else set()) if attention and not state.ended else frozenset()
    return frozenset(act for act in STATES[state].takes | mending if BY[act] is Side.PRACTICE)


class SeatState(StrEnum):
    WAITING = "waiting"
    SIGNED = "signed"
    DECLINED = "declined"


WHY_NOT: dict[SeatState | None, Sentence] = {
    SeatState.SIGNED: "You have signed this document already.",
    SeatState.DECLINED: "You have declined to sign this document.",
    SeatState.WAITING: "Somebody else signs before you. You will be told when it is your turn.",
    None: "Nobody asks you to sign this document.",
}
"""Said to whoever is not asked now, by what they have answered; None: they have no seat."""


@dataclass(frozen=True)
class Seat:
    """One signature that a request asks for; positions count from 0 in the order of the request."""

    party: Actor | None
    """`account:<id>` of the portal or `staff:<id>` for a counter-signature; None: whoever registers for the client."""
    state: SeatState = SeatState.WAITING


class OnDecline(StrEnum):
    """What one signer's decline does to a request that others sign too."""

    ENDS = "ends"
    CONTINUES = "continues"


@dataclass(frozen=True)
class Order:
    """What a Share to Sign asks for: the input of the workflow. Ids and times only."""

    practice: PracticeId
    client: ClientId
    document: DocumentId
    version: VersionId
    sha256: str
    """Of the version that is shared; a signature for any other is refused."""
    seats: tuple[Seat, ...]
    requested_by: Actor
    asked_at: datetime
    expires_at: datetime
    in_order: bool = False
    """Each is asked only when everybody before has signed."""
    on_decline: OnDecline = OnDecline.ENDS
    reminder_days: tuple[int, ...] | None = None
    """Days after delivery on which a reminder goes out; None: the practice's schedule."""
    mails: bool = True
    """False where one email tells of several requests (SPEC S10)."""


@dataclass(frozen=True)
class Life:
    """What is decided so far."""

    state: RequestState
    seats: tuple[Seat, ...]
    expires_at: datetime
    in_order: bool
    on_decline: OnDecline

    @classmethod
    def of(cls, order: Order) -> "Life":
        """Of a request that has just been asked for."""
        waits = any(seat.party is None for seat in order.seats)
        state = RequestState.AWAITING_REGISTRATION if waits else RequestState.PENDING
        return cls(state, order.seats, order.expires_at, order.in_order, order.on_decline)

    @property
    def open(self) -> bool:
        """Nothing is decided yet: it waits for a registration or a signature."""
        return self.state in {RequestState.AWAITING_REGISTRATION, RequestState.PENDING}

    @property
    def waits_for(self) -> tuple[Actor, ...]:
        """Whose turn it is."""
        if self.state is not RequestState.PENDING:
            return ()
        waiting = [seat.party for seat in self.seats if seat.state is SeatState.WAITING and seat.party]
        return tuple(waiting[:1] if self.in_order else waiting)

    def registered(self, parties: Sequence[Actor]) -> "Life":
        """Everybody has an account now; `parties` are those of all seats, in order."""
        check_takes(self.state, Act.REGISTER)
        seats = tuple(replace(seat, party=party) for seat, party in zip(self.seats, parties, strict=True))
        return replace(self, state=RequestState.PENDING, seats=seats)

    def signed(self, by: Actor, at: datetime) -> "Life":
        """`at` is the service's time when it took the signature, which may arrive a little later (SPEC G6)."""
        return self._answered(Act.SIGN, by, at, SeatState.SIGNED)

    def declined(self, by: Actor, at: datetime) -> "Life":
        return self._answered(Act.DECLINE, by, at, SeatState.DECLINED)

    def _answered(self, act: Act, by: Actor, at: datetime, answer: SeatState) -> "Life":
        check_takes(self.state, act)
        if at >= self.expires_at:
            raise NotInThisState(STATES[RequestState.EXPIRED].too_late)
        if by not in self.waits_for:
            raise NotYourTurn(self._why_not(by))
        seats = tuple(replace(seat, state=answer) if seat.party == by else seat for seat in self.seats)
        return replace(self, seats=seats, state=self._after(seats))

    def _why_not(self, by: Actor) -> str:
        answered = {seat.party: seat.state for seat in self.seats}.get(by)
        return WHY_NOT[answered]

    def _after(self, seats: tuple[Seat, ...]) -> RequestState:
        """Done when everybody has answered; a decline ends it at once where the request says so."""
        answers = [seat.state for seat in seats]
        if SeatState.DECLINED in answers and self.on_decline is OnDecline.ENDS:
            return RequestState.DECLINED
        if SeatState.WAITING in answers:
            return RequestState.PENDING
        return RequestState.SEALING if SeatState.SIGNED in answers else RequestState.DECLINED

    def ended(self, act: Act, *, stuck: bool = False) -> "Life":
        """Recalled, replaced, or recorded by staff. What cannot be sealed can be replaced by what can."""
        if not (stuck and act is Act.REPLACE and self.state is RequestState.SEALING):
            check_takes(self.state, act)
        return replace(self, state=ENDINGS[act])

    def expired(self, now: datetime) -> "Life":
        """As the timer of the expiry finds it; the same while it is not time yet."""
        return replace(self, state=RequestState.EXPIRED) if self.open and now >= self.ends_at else self

    def extended(self, until: datetime) -> "Life":
        check_takes(self.state, Act.EXTEND)
        return replace(self, expires_at=until)

    @property
    def ends_at(self) -> datetime:
        """When the engine ends it: a moment behind the date, for what was signed in time and is on its way."""
        return self.expires_at + ON_ITS_WAY

    def given_up(self) -> "Life":
        """For a new request instead of one that cannot go on, even of one that is being sealed (SPEC O2)."""
        return replace(self, state=RequestState.RECALLED)

    def as_it_stands(self, state: RequestState) -> "Life":
        """What the chart says in the end is the truth."""
        return replace(self, state=state)

    def sealed(self) -> "Life":
        return replace(self, state=RequestState.SIGNED)


ENDINGS = {
    Act.RECALL: RequestState.RECALLED,
    Act.REPLACE: RequestState.REPLACED,
    Act.RECORD_UNABLE: RequestState.UNABLE_TO_OBTAIN,
    Act.RECORD_PAPER: RequestState.SIGNED_ON_PAPER,
}
"""The acts of the practice that end a request, and how."""
