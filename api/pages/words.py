"""What the chart's vocabulary says to the practice: timeline, mail, and the buttons that steer a request."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from api import languages
from api.problem_types import PROBLEMS
from chart.appointment import AppointmentKind
from chart.audit import SERVICE, Action, Entry, Line
from chart.lifecycle import Act, RequestState, SeatState
from chart.relationship import Relation, Standing
from chart.request import Barred, Request
from chart.text import N_, Sentence, Text
from identity.caller import Right

HAPPENED: dict[Action, Sentence] = {
    Action.ASKED_TO_SIGN: "Shared to sign",
    Action.REGISTRATION_AWAITED: "Shared to sign; waits until the client registers for the portal",
    Action.MAILED: "Email sent",
    Action.MAIL_DELAYED: "The mail server does not take the email yet; it is tried again",
    Action.MAIL_REFUSED: "The email address was refused",
    Action.MAIL_FAILED: "The email could not be sent for days",
    Action.VIEWED: "Opened the document",
    Action.SIGNATURE_TAKEN: "Signed; others are still to sign",
    Action.SIGNED: "Signed. The sealed document is in the chart",
    Action.TIME_STAMPED: "An independent authority stamped the time",
    Action.TIME_STAMP_WAITS: "Sealed; waits for its time stamp, which is asked for again by itself",
    Action.TIME_STAMP_GIVEN_UP: "Stays without a time stamp",
    Action.DECLINED: "Declined to sign",
    Action.RECALLED: "Recalled",
    Action.EXPIRED: "Expired",
    Action.REPLACED: "Replaced by a new version",
    Action.UNABLE_TO_OBTAIN: "Recorded: unable to obtain the signature",
    Action.SIGNED_ON_PAPER: "Recorded: signed on paper",
    Action.EXTENDED: "The last day was changed",
    Action.RESCHEDULED: "Changed the reminders",
    Action.NEEDS_ATTENTION: "Needs attention",
    Action.RESUMED: "Goes on",
    Action.SKIPPED: "Went on without the step that failed",
    Action.REISSUED: "Asked for once more",
    Action.CAME_TOO_LATE: "Something came that the request does not take any more",
    Action.DOWNLOADED: "Downloaded",
}

DO: dict[Act, Sentence] = {
    Act.REMIND: "Remind now",
    Act.EXTEND: "Extend",
    Act.RESCHEDULE: "Change reminders",
    Act.RECALL: "Recall",
    Act.RECORD_UNABLE: "Unable to obtain",
    Act.RECORD_PAPER: "Signed on paper",
    Act.RESUME: "Try again",
    Act.SKIP: "Skip this step",
    Act.REISSUE: "Ask again",
}
"""The buttons. A new version replaces a document from the document's own page."""

NOTICE: dict[str | None, Sentence] = {
    None: "The email is on its way.",
    "sent": "Email sent.",
    "delayed": "The mail server does not take the email yet; it is tried again.",
    "refused": "The email address was refused. The request waits in the portal all the same: tell the client in "
    "another way. If the address is wrong, end the access, invite with the right one, and share again.",
    "failed": "The email could not be sent for days. The request waits in the portal all the same.",
}


BARRED: dict[Barred, Sentence] = {
    Barred.NO_ACCESS: "Has no access to this client’s portal any more, so cannot sign. "
    "Recall the request and share it again with other signers.",
    Barred.NO_CONSENT: "No consent holds any more under which this document may go to this person (42 CFR Part 2). "
    "Record one, or recall the request and share it with other signers.",
    Barred.LEFT: "Is no longer on the staff of the practice, so cannot sign. "
    "Recall the request and share it again with other signers.",
    Barred.BLOCKED: "This document is kept from this person, who cannot sign it. "
    "Let the person see it again on the Chart Face, or recall the request and share it with other signers.",
}

APPOINTMENTS: dict[AppointmentKind, Sentence] = {
    AppointmentKind.INTAKE: "Intake",
    AppointmentKind.INDIVIDUAL: "Individual session",
    AppointmentKind.FAMILY: "Couple or family session",
    AppointmentKind.GROUP: "Group session",
    AppointmentKind.MEDICATION: "Medication management",
    AppointmentKind.OTHER: "Other",
}

STANDING: dict[Standing, Sentence] = {
    Standing.HOLDS: "Acts for the client",
    Standing.NOT_YET: "Not yet",
    Standing.ENDED: "Ended",
    Standing.MAJORITY: "The client is of age",
}


def term(relation: Relation) -> str:
    """From when until when somebody acts for the client."""
    start = relation.starts_on
    if relation.ends_on:
        return Text("From {start} until {end}", start=start, end=relation.ends_on)
    if relation.majority_on:
        return Text("From {start} until the client comes of age on {end}", start=start, end=relation.majority_on)
    return Text("From {start}", start=start)


def waits_for(asked: Request) -> str:
    """What an open request waits for, in a sentence."""
    if asked.state is RequestState.SEALING:
        return N_("Everybody has signed. The document is being sealed.")
    if asked.late:
        return N_("The time to sign has passed. What was signed in time still counts.")
    if asked.state is RequestState.AWAITING_REGISTRATION:
        return N_("Waits until somebody registers for this client in the Client Portal; it is delivered then.")
    waiting = [signer for signer in asked.signers if signer.party in asked.life.waits_for]
    # whoever cannot sign is waited for in vain
    able = [signer for signer in waiting if not signer.barred] or waiting
    names = [signer.name or N_("a signer") for signer in able]
    who = languages.listed(names or [N_("nobody")])
    if asked.in_order and sum(signer.state is SeatState.WAITING for signer in asked.signers) > 1:
        return Text("Waits for {who} to sign; the next is asked after that.", who=who)
    return Text("Waits for {who} to sign.", who=who)


AUDIT_LOG = "the audit log"
"""Context of what was done: a sentence about somebody there, where a document or a request bears a label."""


def done(action: Action) -> str:
    """What was done, in the audit log."""
    return Text(action.value[:1].upper() + action.value[1:], AUDIT_LOG)


KNOWN: tuple[Sentence, ...] = (
    *("about", "account", "act", "appointment", "asked for", "at", "authority", "before", "bulk share"),
    *("care team", "changed", "colleague", "consent", "copy sha256", "correction", "days", "exception"),
    *("factor", "how", "invitation", "IP address", "key"),
    *("language", "meant", "name", "network", "now", "number", "occasion", "problem", "reason", "relationship"),
    *("request id", "role", "scopes", "searched", "sha256", "show", "signed sha256", "since"),
    *("text version",),
    *("time stamped sha256", "to", "upload sha256", "wanted", "was", "what", "why"),
)
"""What the details of entries are called; most stand as they are kept, as in the file of the log."""

WAYS_IN: tuple[Sentence, ...] = (
    *("password and code", "password and passkey", "password and a new second factor", "single sign-on"),
    *("passkey", "authenticator app"),
)
"""Details that are words."""

LABELS = {"role", "before", "relationship", "about"}
"""Details that are values of an enumeration."""

RIGHTS: dict[str, Sentence] = {
    Right.READ_CHARTS: "Read charts",
    Right.WRITE_CHARTS: "Open charts and add documents",
    Right.SHARE: "Share, and Share to Sign",
    Right.INVITE: "Invite to the Client Portal, end access",
    Right.STEER_REQUESTS: "Remind, extend, recall requests",
    Right.SET_PRACTICE: "Change the practice's settings",
    Right.RESTRICT_CHARTS: "Restrict charts to a care team",
    Right.READ_AUDIT: "Read the audit log",
    Right.MANAGE_KEYS: "Make API keys",
    Right.MANAGE_STAFF: "Look after the staff",
}
"""What an API key may do."""


def rights(scopes: Iterable[str]) -> Text:
    """One behind the other."""
    each = {f"right_{number}": RIGHTS.get(scope, scope) for number, scope in enumerate(scopes)}
    return Text("; ".join(f"{{{name}}}" for name in each), **each)


TITLES = {problem.slug: problem.title for problem in PROBLEMS.values()}

REFUSED: dict[str, Sentence] = {
    HTTPStatus.FORBIDDEN.phrase: "Not allowed",
    HTTPStatus.NOT_FOUND.phrase: "Not found",
    HTTPStatus.CONFLICT.phrase: "This cannot be done",
    HTTPStatus.GONE.phrase: "The link has ended",
    HTTPStatus.UNPROCESSABLE_ENTITY.phrase: "A value cannot be used",
    HTTPStatus.TOO_MANY_REQUESTS.phrase: "Too many tries",
}
"""What a page's form was refused for, of which the log keeps no more than the status."""


def _value(name: str, kept: object, names: Mapping[str, str]) -> str:
    """A detail in plain words, where the log keeps a word of the code."""
    said = f"{kept}"
    match name:
        case "searched" | "wanted" | "correction":
            said = N_("yes") if kept else N_("no")
        case "occasion":
            said = N_("first email") if kept == "first" else N_("reminder")
        case "to":
            said = names.get(said, said)
        case "problem":
            said = (TITLES | REFUSED).get(said, said)
        case "scopes":
            said = rights(said.split())
        case _ if name in LABELS:
            said = said.replace("_", " ").capitalize()
    return said


def more(line: Line, names: Mapping[str, str]) -> list[str]:
    """What else the log knows of an entry; `names` are those of accounts and colleagues."""
    ids = {N_("document"): line.document_id, N_("request"): line.request_id}
    known = {
        name.replace("_", " ").replace("ip ", "IP "): _value(name, kept, names)
        for name, kept in line.detail.items()
        if kept is not None and kept != ""
    }
    return [
        *(Text("{what} {id}", what=what, id=str(one)) for what, one in ids.items() if one),
        *(Text("{name}: {value}", name=name, value=value) for name, value in known.items()),
    ]


def happened(entry: Entry) -> str:
    """A line of the timeline."""
    said = HAPPENED.get(entry.action) or done(entry.action)
    occasion = str(entry.detail.get("occasion") or "")
    if entry.action is Action.MAILED and occasion.startswith("reminder"):
        return N_("Reminder sent")
    if entry.action is Action.DECLINED and entry.detail.get("correction"):
        return N_("Asked for a correction")
    why = entry.detail.get("reason") or entry.detail.get("why")
    if why and entry.action in {Action.NEEDS_ATTENTION, Action.CAME_TOO_LATE}:
        return Text("{said}: {why}", said=said, why=why)
    return said


def who(entry: Entry, names: dict[str, str]) -> str | None:
    """Who did it; of a mail, to whom it went."""
    if to := entry.detail.get("to"):
        return Text("to {who}", who=names.get(str(to), N_("somebody who is no longer here")))
    return None if entry.actor == SERVICE else names.get(entry.actor, N_("Somebody who is no longer here"))
