"""Many documents at once: chosen in a chart, or one kind for many clients; then a result for each (SPEC S10)."""

from http import HTTPStatus
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.chart import KINDS, show_documents
from api.pages.forms import Typed
from api.pages.rendering import Notification, see_other
from api.stories import bulk
from api.stories.bulk import Possible
from chart.bulk import MOST, BulkAct, BulkId, ItemOutcome
from chart.client import NOT_REGISTERED
from chart.document import NOTE_NAMES, Kind
from chart.ids import ClientId, DocumentId
from chart.refusals import NotAllowed, NotFound, Refusal, Unacceptable
from chart.text import N_, Sentence
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

Chosen: TypeAlias = Annotated[list[str], Form(max_length=MOST)]

ACTS: dict[BulkAct, tuple[Sentence, Sentence]] = {
    BulkAct.SHARE_TO_SIGN: ("Share to Sign", "Notes and treatment plans only. Each client gets one email."),
    BulkAct.SHARE: ("Share", "Can be downloaded in the Client Portal at once."),
}

OUTCOMES: dict[ItemOutcome, Sentence] = {
    ItemOutcome.WAITING: "Not yet",
    ItemOutcome.SHARED: "Shared",
    ItemOutcome.ASKED: "Shared for signature",
    ItemOutcome.PARKED: "Waits until somebody registers",
    ItemOutcome.REFUSED: "Refused",
}

TONES = {
    ItemOutcome.WAITING: "quiet",
    ItemOutcome.SHARED: "good",
    ItemOutcome.ASKED: "good",
    ItemOutcome.PARKED: "wait",
    ItemOutcome.REFUSED: "bad",
}

ON_PAGES: dict[str, Sentence] = {
    NOT_REGISTERED: "Nobody is registered for this client. Invite somebody on the Chart Face, and share again."
}
"""What is said of a refusal to people, who call no API."""

SHAREABLE = {kind: label for kind, label in KINDS.items() if kind is not Kind.PSYCHOTHERAPY_NOTE}


def _ids(typed: list[str], what: str) -> list[UUID]:
    try:
        return [UUID(one) for one in typed]
    except ValueError:
        raise Unacceptable("Choose {what}.", what=what) from None


@router.post("/charts/{client_id:uuid}/documents/bulk")
@does(Operation.SHARE_IN_BULK)
async def share_chosen(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    documents: Chosen = [],  # noqa: B006 - FastAPI copies it
    act: Typed = "",
) -> Response:
    try:
        chosen = [DocumentId(one) for one in _ids(documents, N_("documents of this chart"))]
        if not chosen:
            raise Unacceptable("Tick the documents first, then choose what to do with them.")
        what = BulkAct(forms.one_of(tuple(BulkAct), act, N_("what to do with them")))
        begun = await bulk.share(res, staff, what, chosen, days=None, reminder_days=None, when_registered=False)
    except (NotFound, NotAllowed):
        raise
    except Refusal as refusal:
        told = Notification(str(refusal), good=False)
        return await show_documents(request, res, staff, client_id, forms.status(refusal), notification=told)
    return see_other(f"/bulk/{begun}")


# -- one kind to many clients

_NOTHING: dict[str, Any] = {
    "act": BulkAct.SHARE_TO_SIGN,
    "kind": Kind.CLINICAL_NOTE,
    "note_name": "",
    "clients": [],
    "everybody": False,
    "when_registered": False,
    "search": "",
    "after": "",
}


@router.get("/bulk")
@does(Operation.SHARE_IN_BULK)
async def form(request: Request, res: Res, staff: StaffPage) -> Response:
    return await _form(request, res, staff, typed=_NOTHING, problem=None, found=False)


async def _form(
    request: Request, res: Res, staff: StaffPage, status: int = HTTPStatus.OK, *, typed: dict[str, Any], **context: Any
) -> Response:
    said = {
        "possible": await _possible(res, staff, typed),
        "typed": typed,
        "acts": ACTS,
        "kinds": SHAREABLE,
        "note_names": NOTE_NAMES,
        **context,
    }
    return await desk.page(request, res, staff, "chart/bulk_form.html", status, **said)


@router.post("/bulk")
@does(Operation.SHARE_IN_BULK)
async def share_kind(
    request: Request,
    res: Res,
    staff: StaffPage,
    act: Typed = "",
    kind: Typed = "",
    note_name: Typed = "",
    clients: Chosen = [],  # noqa: B006 - FastAPI copies it
    everybody: Typed = "",
    when_registered: Typed = "",
    search: Typed = "",
    listed: Typed = "",
    after: Typed = "",
    find: Typed = "",
) -> Response:
    """Share; or list other clients first, which is posted too, so that no name stands in an address (SPEC A7)."""
    typed = {
        "act": act,
        "kind": kind,
        "note_name": note_name,
        "clients": clients,
        "everybody": everybody == "yes",
        "when_registered": when_registered == "yes",
        "search": search,
        "after": after,
    }
    if find or search.split() != listed.split():
        # nothing is shared with whoever is in a list that was not seen yet
        typed |= {"everybody": False, "after": find if find != "yes" else ""}
        return await _form(request, res, staff, typed=typed, problem=None, found=True)
    try:
        what = BulkAct(forms.one_of(tuple(BulkAct), act, N_("what to do")))
        of = Kind(forms.one_of(tuple(SHAREABLE), kind, N_("the type of the documents")))
        found = await bulk.of_kind(res, staff, await _clients(res, staff, typed), of, _named(of, note_name))
        if not found.documents:
            raise Unacceptable("None of these clients has a document of this type that is not shared yet.")
        begun = await bulk.share(
            res,
            staff,
            what,
            found.documents,
            days=None,
            reminder_days=None,
            when_registered=bool(typed["when_registered"]),
            nothing_of=found.nothing_of,
        )
    except NotAllowed:
        raise
    except Refusal as refusal:
        return await _form(request, res, staff, forms.status(refusal), typed=typed, problem=str(refusal), found=False)
    return see_other(f"/bulk/{begun}")


async def _possible(res: Res, staff: StaffPage, typed: dict[str, Any]) -> Possible:
    chosen = [found for one in typed["clients"] if (found := _client(one))]
    return await bulk.possible_clients(res, staff, typed["search"], _client(typed["after"]), chosen)


def _client(typed: str) -> ClientId | None:
    """None for what is no id; it is refused when something is shared with it."""
    try:
        return ClientId(UUID(typed))
    except ValueError:
        return None


async def _clients(res: Res, staff: StaffPage, typed: dict[str, Any]) -> list[ClientId]:
    if typed["everybody"]:
        possible = await _possible(res, staff, typed)
        return list(dict.fromkeys([*(one.id for one in possible.clients), *possible.besides]))
    chosen = [ClientId(one) for one in _ids(typed["clients"], N_("clients"))]
    if not chosen:
        raise Unacceptable("Choose the clients.")
    return chosen


def _named(kind: Kind, note_name: str) -> str | None:
    return note_name.strip() or None if kind is Kind.CLINICAL_NOTE else None


# -- what became of it


@router.get("/bulk/{bulk_id:uuid}")
@does(Operation.READ_BULK)
async def result(request: Request, res: Res, staff: StaffPage, bulk_id: BulkId) -> Response:
    looked = await bulk.look(res, staff, bulk_id)
    return await desk.page(
        request,
        res,
        staff,
        "chart/bulk.html",
        bulk=looked.bulk,
        concerned=looked.concerned,
        names=looked.names,
        act=ACTS[looked.bulk.act][0],
        outcomes=OUTCOMES,
        tones=TONES,
        on_pages=ON_PAGES,
        counts={words: sum(one.outcome is outcome for one in looked.bulk.items) for outcome, words in OUTCOMES.items()},
    )
