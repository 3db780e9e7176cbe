"""What a signature request means to the client who looks at it: the one place for these words.

A client reads no internals: what needs attention is received, and somebody of the practice looks after it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from chart.audit import Actor
from chart.document import Document
from chart.lifecycle import RequestState, SeatState
from chart.message import Message, MessageAbout
from chart.request import Request
from chart.text import N_, Sentence


class Part(StrEnum):
    """The reader's part in a request."""

    MY_TURN = "my turn"
    LATER = "later"
    """Others sign first."""
    TOO_LATE = "too late"
    """The last moment has passed; the engine waits a little longer for what was signed in time."""
    SIGNATURE_SENT = "signature sent"
    """The engine holds it, and the chart does not show it yet."""
    SIGNED = "signed"
    DECLINE_SENT = "decline sent"
    DECLINED = "declined"
    CORRECTION = "correction"
    """Declined with the wish for a correction."""
    READER = "reader"
    """Somebody else is asked."""


TITLES: dict[MessageAbout, Sentence] = {
    MessageAbout.RECORD_REQUEST: "Record request",
    MessageAbout.RECALLED: "No signature needed",
    MessageAbout.REPLACED: "Replaced by a new version",
    MessageAbout.DECLINED: "Not signed by everybody",
    MessageAbout.EXPIRED: "Not signed in time",
}
"""Of the messages in the inbox."""


@dataclass(frozen=True)
class Words:
    brief: str
    """Where there is room for a line only."""
    lead: str
    more: str
    good: bool = False
    """It is done, and nothing is left to do."""
    waits: bool = False
    """It goes on by itself; the reader need not stay."""
    also: str = ""
    """Besides, to this reader."""


SAID: dict[RequestState, Words] = {
    RequestState.AWAITING_REGISTRATION: Words(
        "Waits for another person",
        "This document waits for another person’s signature.",
        "You can read it here.",
    ),
    RequestState.PENDING: Words(
        "Waits for another person",
        "This document waits for another person’s signature.",
        "You can read it here.",
    ),
    RequestState.SEALING: Words(
        "Being sealed",
        "Received.",
        "We are sealing your document; it will show as Signed here in a moment.",
        waits=True,
    ),
    RequestState.SIGNED: Words("Signed", "The document is signed.", "You can download it.", good=True),
    RequestState.DECLINED: Words(
        "Declined",
        "This document is not signed as it is.",
        "Somebody who was asked to sign it has declined or asked for a correction. The practice has been told, and you "
        "need not do anything.",
    ),
    RequestState.RECALLED: Words(
        "Taken back by the practice",
        "Nobody needs to sign this document any more.",
        "The practice has taken its request back. You need not do anything.",
    ),
    RequestState.EXPIRED: Words(
        "Expired",
        "The time to sign this document has passed.",
        "You can still read it. Ask the practice to share it again if you want to sign it.",
    ),
    RequestState.REPLACED: Words(
        "Replaced by a new version",
        "The practice has replaced this document by a new version.",
        "Nobody needs to sign the old one. If the new one needs your signature, you get a message.",
    ),
    RequestState.UNABLE_TO_OBTAIN: Words(
        "Closed by the practice",
        "Nobody needs to sign this document any more.",
        "The practice has closed its request without a signature. You need not do anything.",
    ),
    RequestState.SIGNED_ON_PAPER: Words(
        "Signed on paper",
        "This document was signed on paper.",
        "The practice keeps the paper, so you need not sign here. Ask the practice if you want a copy.",
    ),
}
"""Said of each state to whoever has no special part in it."""

_NOT_USED = N_("You had signed it; your signature is not used.")

_DECLINED = Words(
    "You did not sign",
    "You have declined to sign this document.",
    "The practice has been told. You need not do anything more.",
)

_CORRECTION = Words(
    "You did not sign",
    "You have asked for a correction.",
    "The practice has been told. When the document is corrected and needs your signature, you get a new message.",
)

SAID_TO: dict[tuple[RequestState, Part], Words] = {
    (RequestState.PENDING, Part.MY_TURN): Words(
        "Waits for your signature", "Please read this document.", "Then sign it, or tell the practice why not."
    ),
    (RequestState.PENDING, Part.LATER): Words(
        "Others sign first",
        "Somebody else signs before you.",
        "You will be told when it is your turn. You can read the document already.",
        waits=True,
    ),
    **dict.fromkeys(
        ((RequestState.PENDING, Part.TOO_LATE), (RequestState.AWAITING_REGISTRATION, Part.TOO_LATE)),
        Words(
            "The time to sign has passed",
            "The time to sign this document has passed.",
            "What was signed in time still counts, and will show as Signed here. You can read the document.",
        ),
    ),
    (RequestState.PENDING, Part.SIGNATURE_SENT): Words(
        "Received", "Received.", "Your signature is kept; it will show as Signed here in a moment.", waits=True
    ),
    (RequestState.PENDING, Part.DECLINE_SENT): Words(
        "Received", "Received.", "We are telling the practice; it will show here in a moment.", waits=True
    ),
    (RequestState.PENDING, Part.SIGNED): Words(
        "Others still sign",
        "Thank you, you have signed.",
        "Others still have to sign. When everybody has, the signed document is here.",
        good=True,
    ),
    (RequestState.PENDING, Part.DECLINED): replace(
        _DECLINED, more=N_("The practice has been told. Others can still sign it.")
    ),
    (RequestState.SEALING, Part.READER): Words(
        "Being sealed",
        "Everybody has signed this document.",
        "It is being sealed, and will show as Signed here in a moment.",
        waits=True,
    ),
    (RequestState.SEALING, Part.DECLINED): replace(
        _DECLINED, more=N_("The practice has been told. Those who signed get their signed document in a moment.")
    ),
    (RequestState.SIGNED, Part.SIGNED): Words(
        "Signed", "Thank you, the document is signed.", "You can download it.", good=True
    ),
    (RequestState.SIGNED, Part.DECLINED): replace(
        _DECLINED, more=N_("Others have signed it; it does not bear a signature of yours.")
    ),
    (RequestState.DECLINED, Part.DECLINED): _DECLINED,
    **dict.fromkeys(
        (
            (RequestState.PENDING, Part.CORRECTION),
            (RequestState.SEALING, Part.CORRECTION),
            (RequestState.SIGNED, Part.CORRECTION),
            (RequestState.DECLINED, Part.CORRECTION),
        ),
        _CORRECTION,
    ),
    **{
        (state, Part.SIGNED): replace(SAID[state], also=_NOT_USED)
        for state in (
            RequestState.DECLINED,
            RequestState.RECALLED,
            RequestState.EXPIRED,
            RequestState.REPLACED,
            RequestState.UNABLE_TO_OBTAIN,
            RequestState.SIGNED_ON_PAPER,
        )
    },
}
"""Said instead to a reader with this part in it."""


@dataclass(frozen=True)
class Standing:
    """Where a request stands for one reader."""

    state: RequestState
    part: Part

    @property
    def words(self) -> Words:
        return SAID_TO.get((self.state, self.part), SAID[self.state])

    @property
    def to_sign(self) -> bool:
        return self.part is Part.MY_TURN

    @property
    def declined(self) -> bool:
        """By the reader, or on its way."""
        return self.part in {Part.DECLINED, Part.CORRECTION, Part.DECLINE_SENT}

    @property
    def outcome(self) -> str:
        """What the script of Add Signature asks for, in the words of the API."""
        if self.state is RequestState.SIGNED:
            return "signed"
        if self.part is Part.SIGNATURE_SENT:
            return "received"
        return "taken" if self.part is Part.SIGNED and not self.state.ended else ""


def of_listed(line: Document | Message) -> Standing | None:
    """Of a line of My Documents or of the inbox; None if no signature is asked for."""
    if line.request_state is None:
        return None
    return Standing(line.request_state, _part(line.my_seat, my_turn=line.my_turn, late=line.late))


def of_request(request: Request, reader: Actor, *, signing: bool = False, declining: bool = False) -> Standing:
    """`signing`, `declining`: the engine holds the reader's answer, and the chart does not show it yet."""
    mine = request.signer(reader)
    if signing:
        alone = all(one.state is not SeatState.WAITING for one in request.signers if one is not mine)
        return Standing(RequestState.SEALING if alone else request.state, Part.SIGNATURE_SENT)
    if declining:
        return Standing(request.state, Part.DECLINE_SENT)
    if mine and mine.correction:
        return Standing(request.state, Part.CORRECTION)
    seat = mine.state if mine else None
    return Standing(request.state, _part(seat, my_turn=reader in request.whose_turn, late=request.late))


def _part(seat: SeatState | None, *, my_turn: bool, late: bool) -> Part:
    match seat:
        case None | SeatState.WAITING if late:
            return Part.TOO_LATE
        case None:
            return Part.READER
        case SeatState.SIGNED:
            return Part.SIGNED
        case SeatState.DECLINED:
            return Part.DECLINED
        case SeatState.WAITING:
            return Part.MY_TURN if my_turn else Part.LATER
