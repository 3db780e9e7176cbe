"""Share to Sign: at once with the practice's ways, or with options; for a client whom nobody represents, the choice."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from activities.notify import IN
from activities.order import Terms
from api import languages
from api.access import Res, StaffPage, does
from api.body import Body
from api.pages import desk, forms
from api.pages.chart import show_documents
from api.pages.rendering import Notification, see_other
from api.stories import charts, sharing
from api.stories.sharing import Choices, Invitee
from chart import disclosure
from chart.audit import Actor
from chart.document import Document
from chart.ids import ClientId, DocumentId
from chart.lifecycle import OnDecline
from chart.refusals import ClientNotRegistered, NotFound, Refusal, Unacceptable
from chart.relationship import Relationship, named
from chart.text import N_, Sentence
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Field(max_length=1000)]


class Chosen(Body):
    """The form of options as it was typed; nothing of it where Share to Sign was selected in the menu."""

    options: Text = ""
    """Something if it comes from the page of options."""
    signers: Annotated[list[Text], Field(max_length=100)] = Field(default_factory=list)
    """The parties that are ticked."""
    parties: Annotated[list[Text], Field(max_length=100)] = Field(default_factory=list)
    turns: Annotated[list[Text], Field(max_length=100)] = Field(default_factory=list)
    """One for each of `parties`."""
    order: Text = "together"
    on_decline: Text = OnDecline.ENDS.value
    days: Text = ""
    reminder_days: Text = ""
    unregistered: Text = ""
    """What to do for a client whom nobody represents: `invite` or `wait`."""
    name: Text = ""
    email: Text = ""
    relationship: Text = Relationship.SELF.value

    @property
    def turn_of(self) -> dict[str, str]:
        return dict(zip(self.parties, self.turns, strict=False))

    @property
    def in_order(self) -> bool:
        return self.order == "in-order"


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/share-to-sign")
@does(Operation.SHARE_TO_SIGN)
async def options(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId
) -> Response:
    return await _options(request, res, staff, client_id, document_id)


async def _options(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    document_id: DocumentId,
    status: int = HTTPStatus.OK,
    *,
    typed: Chosen | None = None,
    problem: str | None = None,
) -> Response:
    chart, document = await _of_chart(res, staff, client_id, document_id)
    if document.request_id and not document.may_be_asked:
        return see_other(f"/charts/{client_id}/requests/{document.request_id}")
    choices = await sharing.choices(res, staff, document_id)
    return await desk.page(
        request,
        res,
        staff,
        "chart/share_to_sign.html",
        status,
        chart=chart,
        document=document,
        choices=choices,
        needs_consent=disclosure.NEEDS_CONSENT,
        relationships=list(Relationship),
        mail=IN[languages.of(request)],
        portal=res.settings.portal_url,
        typed=typed or _as_ever(chart, choices),
        problem=problem,
    )


def _as_ever(chart: charts.Chart, choices: Choices) -> Chosen:
    """What Share to Sign without options would ask for."""
    return Chosen(
        signers=[one.party for one in choices.accounts if one.why_not is None][:1],
        days=str(choices.practice.request_days),
        reminder_days=", ".join(map(str, choices.practice.reminder_days)),
        unregistered="invite",
        name=chart.client.name,
    )


async def _of_chart(
    res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId
) -> tuple[charts.Chart, Document]:
    chart = await charts.open_chart(res, staff, client_id)
    for document in chart.documents:
        if document.id == document_id:
            return chart, document
    raise NotFound("There is no such document in this chart.")


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/share-to-sign")
@does(Operation.SHARE_TO_SIGN)
async def share_to_sign(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    document_id: DocumentId,
    chosen: Annotated[Chosen, Form()],
) -> Response:
    """One click; or what the page of options asks for. A refusal is shown where it can be mended."""
    try:
        terms, invitee = None, None
        if chosen.options:
            choices = await sharing.choices(res, staff, document_id)
            terms, invitee = _terms(chosen, choices), _invitee(chosen, choices)
        asked = await sharing.share_to_sign(res, staff, document_id, terms, invitee)
    except NotFound:
        raise
    except ClientNotRegistered:
        return await _options(request, res, staff, client_id, document_id, HTTPStatus.CONFLICT, problem=_NOBODY)
    except Refusal as refusal:
        status, said = forms.status(refusal), str(refusal)
        if chosen.options:
            return await _options(request, res, staff, client_id, document_id, status, typed=chosen, problem=said)
        told = Notification(said, good=False)
        return await show_documents(request, res, staff, client_id, status, notification=told)
    if not asked.delivered:
        return see_other(f"/charts/{client_id}/documents?done=received")
    if terms is None:
        return see_other(f"/charts/{client_id}/documents?done=shared-for-signature")
    done = "shared-and-invited" if invitee else "parked" if terms.when_registered else "shared-for-signature"
    return see_other(f"/charts/{client_id}/requests/{asked.request_id}?done={done}")


_NOBODY: Sentence = "Not shared yet: nobody is registered for this client in the Client Portal. Choose how to go on."


def _terms(chosen: Chosen, choices: Choices) -> Terms:
    parties = {one.party for one in (*choices.accounts, *choices.colleagues)}
    ticked = [Actor(party) for party in chosen.parties if party in chosen.signers]
    if chosen.unregistered and not choices.nobody:
        raise Unacceptable("Somebody who can sign has registered in the meantime. Choose who signs.")
    if not choices.nobody and not ticked:
        raise Unacceptable("Choose who signs.")
    if not parties.issuperset(ticked):
        raise Unacceptable("Who may sign has changed in the meantime. Choose again.")
    if chosen.in_order:
        ticked.sort(key=lambda party: _turn(chosen.turn_of[party]))
    return Terms(
        days=_days(chosen.days),
        signers=tuple(ticked),
        in_order=chosen.in_order,
        on_decline=OnDecline(forms.one_of(tuple(OnDecline), chosen.on_decline, N_("what a decline does"))),
        reminder_days=forms.numbers(chosen.reminder_days),
        when_registered=choices.nobody,
    )


def _turn(typed: str) -> int:
    if not typed.strip().isdecimal():
        raise Unacceptable("Give each signer a turn: 1, 2, 3.")
    return int(typed)


def _days(typed: str) -> int:
    if not typed.strip().isdecimal() or not 1 <= int(typed) <= 365:
        raise Unacceptable("Give the days until it expires as a number from 1 to 365.")
    return int(typed)


def _invitee(chosen: Chosen, choices: Choices) -> Invitee | None:
    if not choices.nobody:
        return None
    way = forms.one_of(("invite", "wait"), chosen.unregistered, N_("Invite and share, or Share when registered"))
    if way == "wait":
        return None
    if not chosen.email.strip():
        raise Unacceptable("Enter the email address to which the invitation goes.")
    return Invitee(chosen.email.strip(), forms.name(chosen.name.strip(), N_("the name")), named(chosen.relationship))
