"""A signature request as the practice sees it: what it waits for, what happened, what can be done; and the queue."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms, words
from api.pages.forms import Typed
from api.pages.rendering import Notification, see_other
from api.stories import charts, requests
from api.stories.requests import Steered
from api.stories.sharing import Asked
from chart import schedule
from chart.ids import ClientId, RequestId
from chart.lifecycle import Act
from chart.refusals import ClientNotRegistered, NotFound, Refusal, Unacceptable
from chart.text import N_, Sentence
from chart.waiting import Filter, Spot
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

FILTERS: dict[Filter, Sentence] = {
    Filter.ALL: "All",
    Filter.UNSIGNED: "Unsigned",
    Filter.OVERDUE: "Overdue",
    Filter.NEEDS_ATTENTION: "Needs attention",
    Filter.COUNTER_SIGNATURE: "Counter-signature",
    Filter.NOT_REGISTERED: "Not registered",
}


@router.get("/requests")
@does(Operation.LIST_REQUESTS)
async def queue(request: Request, res: Res, staff: StaffPage, show: str = "", after: str = "") -> Response:
    """What waits for somebody, over all charts (SPEC N4); all of it where the filter is none of ours."""
    chosen = Filter(show) if show in set(Filter) else Filter.ALL
    found = await requests.queue(res, staff, chosen, after=Spot.read(after) if after else None)
    return await desk.page(
        request, res, staff, "chart/requests.html", waiting=found.waiting, next=found.next, show=chosen, filters=FILTERS
    )


@router.get("/charts/{client_id:uuid}/requests/{request_id:uuid}")
@does(Operation.READ_REQUEST)
async def view(request: Request, res: Res, staff: StaffPage, client_id: ClientId, request_id: RequestId) -> Response:
    return await _show(request, res, staff, client_id, request_id)


async def _show(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    request_id: RequestId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    found = await requests.timeline(res, staff, request_id)
    chart = await charts.open_chart(res, staff, client_id)
    document = next(one for one in chart.documents if one.id == found.request.document_id)
    now = datetime.now(UTC)
    # it ends with the last day, in the zone of the practice
    last_day = (found.request.expires_at - timedelta(seconds=1)).astimezone(found.zone).date()
    created_on = found.request.created_at.astimezone(found.zone).date()
    return await desk.page(
        request,
        res,
        staff,
        "chart/request.html",
        status,
        **{
            "chart": chart,
            "asked": found.request,
            "document": document,
            "entries": found.entries,
            "names": found.names,
            "ahead": [
                moment
                for moment in found.request.reminders
                if now < moment < found.request.expires_at and found.reminds
            ],
            "today": now.astimezone(found.zone).date(),
            "last_day": last_day,
            # a day lasts until its end, and the request does so for whole days at least and at most
            "earliest_day": max(now.astimezone(found.zone).date(), created_on + schedule.SHORTEST),
            "latest_day": created_on + schedule.LONGEST - timedelta(days=1),
            "words": words,
            "written": WRITTEN,
            "typed": {},
            "problem": None,
            "problem_of": None,
            **context,
        },
    )


Way = Literal[
    "remind", "extend", "reminders", "recall", "unable-to-obtain", "signed-on-paper", "resume", "skip", "reissue"
]


WRITTEN: dict[Way, Act] = {
    "recall": Act.RECALL,
    "unable-to-obtain": Act.RECORD_UNABLE,
    "signed-on-paper": Act.RECORD_PAPER,
}
"""Forms in which something is written; where another tab was first, a form is gone, and what was written is shown."""


@router.post("/charts/{client_id:uuid}/requests/{request_id:uuid}/{way}")
@does(Operation.STEER_REQUEST)
async def steer(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    request_id: RequestId,
    way: Way,
    reason: Typed = "",
    until: Typed = "",
    days: Typed = "",
    on: Typed = "",
    how: Typed = "",
    before_service: Typed = "",
) -> Response:
    """One of the buttons; a refusal is shown beside it with what was typed."""
    typed = {"reason": reason.strip(), "until": until, "days": days, "on": on, "how": how.strip()}
    acts: dict[Way, Callable[[], Awaitable[object]]] = {
        "remind": lambda: requests.remind(res, staff, request_id),
        "extend": lambda: requests.extend(res, staff, request_id, forms.calendar_day(until, N_("the last day"))),
        "reminders": lambda: requests.reschedule(res, staff, request_id, forms.numbers(days)),
        "recall": lambda: requests.recall(res, staff, request_id, typed["reason"]),
        "unable-to-obtain": lambda: requests.record(
            res, staff, request_id, Act.RECORD_UNABLE, typed["reason"], {"attempts": [_attempt(on, typed["how"])]}
        ),
        "signed-on-paper": lambda: requests.record(
            res,
            staff,
            request_id,
            Act.RECORD_PAPER,
            typed["reason"],
            {"signed_on": _day(on)},
            before_service=before_service == "yes",
        ),
        "resume": lambda: requests.resume(res, staff, request_id),
        "skip": lambda: requests.skip(res, staff, request_id),
        "reissue": lambda: requests.reissue(res, staff, request_id),
    }
    try:
        done = await acts[way]()
    except NotFound:
        raise
    except Refusal as refusal:
        said: dict[str, object] = {"problem_of": way, "typed": typed}
        if isinstance(refusal, Unacceptable) and way != "reissue":
            said["problem"] = str(refusal)
        else:
            # at the top: where something else came first, the form may be gone
            said["notification"] = await _refused(res, staff, client_id, request_id, refusal)
        return await _show(request, res, staff, client_id, request_id, forms.status(refusal), **said)
    match done:
        case Asked(delivered=False):
            return see_other(f"/charts/{client_id}/documents?done=received")
        case Asked(request_id=new):
            return see_other(f"/charts/{client_id}/requests/{new}?done={way}")
        case Steered(decided=False):
            return see_other(f"/charts/{client_id}/requests/{request_id}?done=taken")
    return see_other(f"/charts/{client_id}/requests/{request_id}?done={way}")


async def _refused(
    res: Res, staff: StaffPage, client_id: ClientId, request_id: RequestId, refusal: Refusal
) -> Notification:
    """Who was asked may have no access any more, and asking again needs other signers: a link leads to the choice."""
    if not isinstance(refusal, Unacceptable | ClientNotRegistered):
        return Notification(str(refusal), good=False)
    nobody = N_("Nobody is registered for this client any more.")
    said = nobody if isinstance(refusal, ClientNotRegistered) else str(refusal)
    asked = await requests.find_request(res, staff, request_id)
    options = f"/charts/{client_id}/documents/{asked.document_id}/share-to-sign"
    return Notification(said, good=False, remedy=(options, N_("Share to Sign with options")))


def _day(typed: str) -> str:
    return str(forms.calendar_day(typed, N_("the day")))


def _attempt(on: str, how: str) -> dict[str, str]:
    if not how:
        raise Unacceptable("Say what was tried.")
    return {"on": _day(on), "how": how}
