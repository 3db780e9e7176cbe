"""Settings of the practice: for its administrators."""

from functools import cache
from http import HTTPStatus
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from api import languages
from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import settings
from chart.practice import Practice
from chart.refusals import NotAllowed, Refusal
from chart.text import N_
from identity.policy import Operation

router = APIRouter(include_in_schema=False)


@cache
def zones() -> tuple[str, ...]:
    """That are offered; a program may set any other IANA name."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


@router.get("/settings")
@does(Operation.CHANGE_PRACTICE)
async def show_settings(request: Request, res: Res, staff: StaffPage) -> Response:
    found = await settings.read_practice(res, staff)
    return await _page(request, res, staff, typed=_typed(found))


def _typed(found: Practice) -> dict[str, Any]:
    return {
        "timezone": found.timezone,
        "language": found.language,
        "request_days": found.request_days,
        "reminder_days": ", ".join(map(str, found.reminder_days)),
        "reminders_optional": found.reminders_optional,
        "majority_age": found.majority_age,
        "paper_option": found.paper_option,
        "paper_option_es": found.paper_option_es or "",
    }


async def _page(request: Request, res: Res, staff: StaffPage, status: int = HTTPStatus.OK, **context: Any) -> Response:
    said = {"problem": None, "zones": zones(), "languages": languages.NAMES, **context}
    return await desk.page(request, res, staff, "chart/settings.html", status, **said)


@router.post("/settings")
@does(Operation.CHANGE_PRACTICE)
async def change(
    request: Request,
    res: Res,
    staff: StaffPage,
    timezone: Typed = "",
    language: Typed = "",
    request_days: Typed = "",
    reminder_days: Typed = "",
    reminders_optional: Typed = "",
    majority_age: Typed = "",
    paper_option: Typed = "",
    paper_option_es: Typed = "",
) -> Response:
    typed = {
        "timezone": timezone.strip(),
        "language": language,
        "request_days": request_days,
        "reminder_days": reminder_days,
        "reminders_optional": reminders_optional == "yes",
        "majority_age": majority_age,
        # one paragraph of the consent, however it was broken into lines here
        "paper_option": " ".join(paper_option.split()),
        "paper_option_es": " ".join(paper_option_es.split()),
    }
    try:
        wanted = {
            **typed,
            "request_days": forms.whole_number(request_days, N_("after how many days a request expires")),
            "reminder_days": forms.numbers(reminder_days),
            "paper_option_es": typed["paper_option_es"] or None,
            "majority_age": forms.whole_number(majority_age, N_("the age of majority")),
        }
        before = await settings.read_practice(res, staff)
        changes = {name: value for name, value in wanted.items() if value != getattr(before, name)}
        if changes:
            await settings.change_practice(res, staff, changes)
    except NotAllowed:
        raise
    except Refusal as refusal:
        return await _page(request, res, staff, forms.status(refusal), typed=typed, problem=str(refusal))
    return see_other(f"/settings?done=settings{'' if changes else '-same'}")
