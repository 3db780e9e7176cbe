"""What the chart's vocabulary says to the practice: timeline, mail, and the buttons that steer a request."""

from chart.audit import SERVICE, Action, Entry
from chart.lifecycle import Act

HAPPENED = {
    Action.ASKED_TO_SIGN: "Shared to sign",
    Action.REGISTRATION_AWAITED: "Shared to sign; waits until the client registers for the portal",
    Action.MAILED: "Email sent",
    Action.MAIL_DELAYED: "The mail server does not take the email yet; it is tried again",
    Action.MAIL_REFUSED: "The email address was refused. Correct it, and tell the client in another way",
    Action.MAIL_FAILED: "The email could not be sent for days",
    Action.VIEWED: "Opened the document",
    Action.SIGNATURE_TAKEN: "Signed; others are still to sign",
    Action.SIGNED: "Signed. The sealed document is in the chart",
    Action.DECLINED: "Declined to sign",
    Action.RECALLED: "Recalled",
    Action.EXPIRED: "Expired",
    Action.REPLACED: "Replaced by a new version",
    Action.UNABLE_TO_OBTAIN: "Recorded: unable to obtain the signature",
    Action.SIGNED_ON_PAPER: "Recorded: signed on paper",
    Action.EXTENDED: "Extended",
    Action.RESCHEDULED: "Changed the reminders",
    Action.NEEDS_ATTENTION: "Needs attention",
    Action.RESUMED: "Goes on",
    Action.SKIPPED: "Went on without the step that failed",
    Action.REISSUED: "Asked for once more",
    Action.CAME_TOO_LATE: "Something came that the request does not take any more",
    Action.DOWNLOADED: "Downloaded",
}

DO = {
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

NOTICE = {
    None: "The email is on its way.",
    "sent": "Email sent.",
    "delayed": "The mail server does not take the email yet; it is tried again.",
    "refused": "The email address was refused. Invite again with the right one, or tell the client in another way.",
    "failed": "The email could not be sent for days. The request waits in the portal all the same.",
}


def happened(entry: Entry) -> str:
    """A line of the timeline."""
    said = HAPPENED.get(entry.action, entry.action.value.capitalize())
    occasion = str(entry.detail.get("occasion") or "")
    if entry.action is Action.MAILED and occasion.startswith("reminder"):
        return "Reminder sent"
    if entry.action is Action.DECLINED and entry.detail.get("correction"):
        return "Asked for a correction"
    why = entry.detail.get("reason") or entry.detail.get("why")
    return f"{said}: {why}" if why and entry.action in {Action.NEEDS_ATTENTION, Action.CAME_TOO_LATE} else said


def who(entry: Entry, names: dict[str, str]) -> str | None:
    return None if entry.actor == SERVICE else names.get(entry.actor, "Somebody who is no longer here")
