"""Who may what: the one table. Every route names its row (`api.access.does`), which is asked before the route runs.

Everybody is of one practice, and nothing of another is there for them, whatever the row says: row-level security sees
to it, and they are told that there is no such thing.
"""

from enum import Enum
from typing import TypeAlias

from chart.refusals import NotAllowed
from chart.text import Sentence
from identity.caller import Integration, PortalUser, PracticeSide, Right, Role, StaffMember

LOOKING_AFTER_THE_PRACTICE = frozenset(
    {Right.SET_PRACTICE, Right.RESTRICT_CHARTS, Right.READ_AUDIT, Right.MANAGE_KEYS, Right.MANAGE_STAFF}
)

MAY: dict[Role, frozenset[Right]] = {
    Role.PROVIDER: frozenset(Right) - LOOKING_AFTER_THE_PRACTICE,
    Role.SUPERVISOR: frozenset(Right) - LOOKING_AFTER_THE_PRACTICE,
    Role.ADMIN: frozenset(Right),
    Role.AUDITOR: frozenset({Right.READ_CHARTS, Right.READ_AUDIT}),
}
"""The rights of staff. Those of an API key are its scopes."""


class Who(Enum):
    """Whom a row lets in that asks for no right of the practice's side."""

    SIGNED_IN = "staff, whatever their role, and clients; no API key"
    CLIENT = "whoever is signed in to the Client Portal"
    OPERATOR = "whoever runs the service, by a token of STS_CODEC_TOKENS"
    ANYBODY = "anybody"


class When(Enum):
    """What must hold besides; looked at where the object is read, and proven for each row by the access matrix."""

    OPEN = "the chart is not restricted, or one is on its care team, or has broken the glass (`chart.care`)"
    SHARED = "it is shared today with this account: relationship, block and 42 CFR Part 2 (view `reaches`)"
    NAMED = "the request names one as a signer (`chart.request.check_may_sign`)"
    IN_PERSON = "no API key: it takes a human being"
    FRESH = "signed in not longer than five minutes ago (`api.stories.accounts`, `chart.request`)"
    HELD_UP = "it was not tried too often lately (`identity.throttle`)"
    SECRET = "what is sent along says who it is: the link of a mail, or the token of a sign-in that is half way"  # noqa: S105


class Operation(Enum):
    """What can be asked of the product: what it is, who may (a right, or `Who`), and when."""

    # -- the practice
    READ_PRACTICE = "read how the practice works", Right.READ_CHARTS
    CHANGE_PRACTICE = "change how the practice works", Right.SET_PRACTICE
    READ_AUDIT = "read the audit log, and take a chart's part of it along", Right.READ_AUDIT
    LIST_KEYS = "list API keys", Right.MANAGE_KEYS, When.IN_PERSON
    MAKE_KEY = "make an API key", Right.MANAGE_KEYS, When.IN_PERSON, When.FRESH
    REVOKE_KEY = "revoke an API key", Right.MANAGE_KEYS, When.IN_PERSON
    LIST_STAFF = "list who works in the practice", Right.READ_CHARTS
    SEE_STAFF = "see the access of staff", Right.MANAGE_STAFF, When.IN_PERSON
    CHANGE_STAFF = (
        "invite staff, change a role, remove lost second factors",
        Right.MANAGE_STAFF,
        When.IN_PERSON,
        When.FRESH,
    )
    END_STAFF = "end a colleague's access", Right.MANAGE_STAFF, When.IN_PERSON
    HEAR_NEWS = "hear that a request of the practice has moved", Right.READ_CHARTS, When.IN_PERSON

    # -- charts
    FIND_CLIENTS = "find clients in the Chart Room", Right.READ_CHARTS
    ADD_CLIENT = "open a chart for a new client", Right.WRITE_CHARTS
    OPEN_CHART = "open a chart: Chart Face, Documents, portal access", Right.READ_CHARTS, When.OPEN
    READ_CALENDAR = "look at the calendar", Right.READ_CHARTS
    PLAN_APPOINTMENT = "make, move or cancel an appointment", Right.WRITE_CHARTS, When.OPEN
    SET_TIMEZONE = "say where a client lives", Right.WRITE_CHARTS, When.OPEN
    READ_DOCUMENT = "look at a document and its versions, download them", Right.READ_CHARTS, When.OPEN
    UPLOAD = "add a document or a new version", Right.WRITE_CHARTS, When.OPEN
    SEE_RESTRICTION = "see who opens a chart", Right.RESTRICT_CHARTS
    RESTRICT = "restrict a chart to a care team, or lift that", Right.RESTRICT_CHARTS
    BREAK_GLASS = "open a restricted chart in an emergency", Right.READ_CHARTS, When.IN_PERSON

    # -- sharing
    SHARE = "share a document, or take a plain share out of the portal", Right.SHARE, When.OPEN
    SHARE_TO_SIGN = "ask for signatures", Right.SHARE, When.OPEN
    SHARE_IN_BULK = "share many documents at once", Right.SHARE
    READ_BULK = "read what has become of them", Right.READ_CHARTS
    BLOCK = "keep a document from one account, or let it be seen again", Right.SHARE, When.OPEN
    INVITE = "invite to the Client Portal, take an invitation back", Right.INVITE, When.OPEN
    END_ACCESS = "end somebody's portal access", Right.INVITE, When.OPEN
    OFFER_FACTORS = (
        "let somebody who has lost every second factor set a new one",
        Right.INVITE,
        When.IN_PERSON,
        When.OPEN,
        When.FRESH,
        When.HELD_UP,
    )
    READ_DISCLOSURES = "read consents to disclose, and what went to whom", Right.READ_CHARTS, When.OPEN
    RECORD_CONSENT = "record or revoke a consent to disclose", Right.SHARE, When.OPEN
    DISCLOSE = "take a copy along for the recipient of a consent", Right.SHARE, When.OPEN

    # -- requests
    LIST_REQUESTS = "list the requests that wait for somebody", Right.READ_CHARTS
    READ_REQUEST = "read a request and its timeline", Right.READ_CHARTS, When.OPEN
    STEER_REQUEST = "remind, extend, recall, record, resume, skip, re-issue", Right.STEER_REQUESTS, When.OPEN
    COUNTER_SIGN = "give one's counter-signature", Right.READ_CHARTS, When.IN_PERSON, When.OPEN, When.NAMED, When.FRESH
    REVIEW_AS_STAFF = "review what one is to counter-sign", Right.READ_CHARTS, When.IN_PERSON, When.OPEN, When.NAMED

    # -- the Client Portal
    HEAR_NEWS_OF_MINE = "hear that a request has moved", Who.CLIENT
    READ_INBOX = "read the list of messages, or of My Documents", Who.CLIENT
    READ_MESSAGE = "read a message", Who.CLIENT, When.SHARED
    REVIEW = "review a shared document, download it", Who.CLIENT, When.SHARED
    SIGN = "Sign Document", Who.CLIENT, When.SHARED, When.NAMED, When.FRESH
    DECLINE = "decline, or ask for a correction", Who.CLIENT, When.SHARED, When.NAMED
    CONSENT = "give or withdraw the consent to electronic records", Who.CLIENT
    PREFER = "choose a language, and whether reminders come", Who.CLIENT

    # -- one's own account
    USE_ACCOUNT = (
        "see one's account, end sessions, show again who one is, sign out",
        Who.SIGNED_IN,
        When.HELD_UP,
    )
    CHANGE_ACCOUNT = "change one's password and second factors", Who.SIGNED_IN, When.FRESH, When.HELD_UP

    # -- before it is known who calls
    SIGN_IN = "sign in, or ask for a new password", Who.ANYBODY, When.HELD_UP
    GO_ON = "go on with a sign-in, a new password, a registration, a session", Who.ANYBODY, When.HELD_UP, When.SECRET
    VERIFY = "verify a file", Who.ANYBODY, When.HELD_UP
    LOOK_AROUND = "health, styles and scripts, what a problem means", Who.ANYBODY
    READ_PAYLOADS = "read what Temporal keeps encrypted", Who.OPERATOR

    def __init__(self, what: str, who: Right | Who, *when: When) -> None:
        self.what = what
        self.who = who
        self.when = frozenset(when)


TAKES_A_PERSON: Sentence = "An API key cannot do this: it takes a person. Sign in to the chart and do it there."

Caller: TypeAlias = PracticeSide | PortalUser


def check(caller: Caller, operation: Operation) -> None:
    """Raise `NotAllowed` unless the operation's row lets this caller in."""
    if isinstance(caller, Integration) and When.IN_PERSON in operation.when:
        raise NotAllowed(TAKES_A_PERSON)
    match operation.who:
        case Right() as right:
            if right not in rights(caller):
                if isinstance(caller, StaffMember):
                    raise NotAllowed("Your role does not allow this. Ask an administrator of your practice.")
                raise NotAllowed(
                    "This needs the right '{right}'. Ask an administrator of your practice for it.", right=right
                )
        case Who.SIGNED_IN:
            if isinstance(caller, Integration):
                raise NotAllowed(TAKES_A_PERSON)
        case Who.CLIENT:
            if not isinstance(caller, PortalUser):
                raise NotAllowed("This is for clients. Sign in to the Client Portal.")
        case Who.OPERATOR | Who.ANYBODY:
            pass


def rights(caller: Caller) -> frozenset[str]:
    """Of staff by their role, of an API key by its scopes; clients have none: they see what is shared with them."""
    match caller:
        case PortalUser():
            return frozenset()
        case Integration():
            return caller.scopes
    return MAY[caller.role]
