"""The frame of the practice's pages: who is at the desk and what they may, what happened lately, what was just done."""

from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from api import languages
from api.access import Res, StaffPage
from api.pages import rendering
from api.pages.rendering import Notification, see_other
from api.stories import charts, requests
from chart.text import Sentence, Text
from identity import policy
from pdf import Note

DONE: dict[str, Sentence] = {
    "added": "The chart is open. Invite the client to the Client Portal to share documents.",
    "appointment-made": "The appointment is in the Calendar.",
    "appointment-there": "This appointment was in the Calendar already.",
    "appointment-moved": "The appointment is changed.",
    "appointment-cancelled": "The appointment is cancelled.",
    "settings": "The settings are changed. Requests that are open stay as they were asked.",
    "settings-same": "Nothing was changed.",
    "colleague-invited": "Invitation sent. The link in it works for seven days.",
    "key-revoked": "The key is revoked.",
    "role": "The role is changed. The colleague is signed out everywhere and signs in anew.",
    "colleague-ended": "The access has ended. The colleague is signed out everywhere.",
    "factors-removed": "The second factors are removed. The colleague has an email that says what to do.",
    "again": "Thank you. Nothing is done yet: look at what you wrote, and send it once more.",
    "invited": "Invitation sent. The link in it works for seven days.",
    "invitation-revoked": "The invitation is taken back. Its link works no more.",
    "uploaded": "The document is in the chart.",
    "uploaded-mended": "The document is in the chart. What could not stay in the file, such as scripts or damage, "
    "was taken out or mended; its pages show the same.",
    "shared": "Shared. The client can download it in the Client Portal now.",
    "shared-for-signature": "Successfully shared for signature.",
    "shared-and-invited": "Invitation sent. The document is shared for signature as soon as somebody has registered.",
    "parked": "The request waits. The document is shared for signature as soon as somebody has registered.",
    "access-ended": "The access has ended.",
    "factors-offered": "An email is on its way. Its link and the password lead to a new second factor within a day.",
    "blocked": "The document is kept from this person now.",
    "unblocked": "The person can see the document again, as far as they act for the client.",
    "consent-recorded": "The consent is recorded.",
    "consent-revoked": "The consent is revoked. What it opened is closed.",
    "glass-broken": "The chart is open to you for one hour. The administrators of your practice are told.",
    "restricted": "Only the care team opens this chart now.",
    "lifted": "Every staff member opens this chart again.",
    "received": "Received. It will be shared for signature as soon as the service has caught up.",
    "version": "The new version is in the chart. It is not shared yet.",
    "hidden": "The document is out of the portal.",
    "remind": "The reminder is on its way.",
    "extend": "The request has a new last day.",
    "reminders": "The reminders are changed.",
    "recall": "The request is recalled, and the signers are told.",
    "unable-to-obtain": "Recorded: unable to obtain.",
    "signed-on-paper": "Recorded: signed on paper.",
    "resume": "The request is being tried again.",
    "skip": "The request goes on without the step that failed.",
    "taken": "Received. It happens as soon as the service has caught up.",
    "reissue": "Asked for once more. This is the new request.",
}
"""What a notification says; its name travels in the address, its text does not."""

NOTES = {note.name.lower().replace("_", "-"): str(note) for note in Note}
"""What it says of an upload besides."""


def uploaded_to(place: str, done: str, notes: tuple[Note, ...]) -> Response:
    """Back to `place`, where a notification says so, and how the signature will look."""
    besides = [f"&note={name}" for name, note in NOTES.items() if note in notes]
    return see_other(f"{place}?done={done}{''.join(besides[:1])}")


def again(place: str) -> Response:
    """To the question whether it is really them, and back to `place`, which says that nothing was done in between."""
    return see_other(f"/account/again?next={place}%3Fdone%3Dagain")


async def page(
    request: Request, res: Res, staff: StaffPage, name: str, status: int = HTTPStatus.OK, **context: object
) -> Response:
    languages.is_of(request, staff.language)
    asked = request.query_params if request.method == "GET" else {}
    what = asked.get("done", "")
    done, note = DONE.get(what), NOTES.get(asked.get("note", ""))
    return rendering.page(
        request,
        name,
        status,
        **{
            "staff": staff,
            "zone": ZoneInfo(staff.timezone),
            "may": policy.rights(staff),
            "notices": await charts.staff_notices(res, staff),
            "attention": await requests.need_attention(res, staff),
            "notification": Notification(Text("{done} {note}", done=done, note=note) if note else done)
            if done
            else None,
            "again": what == "again",
            **context,
        },
    )
