"""The stories of the Client Portal, played with records made by hand."""

from dataclasses import dataclass, field

from api.stories import portal, settings
from chart.consent import Given, worded
from chart.document import Document, Version
from chart.ids import DocumentId, MessageId
from chart.lifecycle import RequestState
from chart.message import Message, MessageAbout
from identity.account import Preferences
from tests.pages.play import Play
from tests.pages.records import MESSAGE, NOW, PENDING, REQUEST, request_of

ACTS = {
    portal: (
        "electronic_records",
        "inbox",
        "open_message",
        "shared_documents",
        "review",
        "signed_copies",
        "decline",
        "page_image",
    ),
    settings: ("preferences",),
}
"""The functions of `api.stories` that this plays."""


@dataclass
class PortalSide(Play):
    """What a client finds and does."""

    consented: bool = False
    declining: bool = False
    about: MessageAbout = MessageAbout.RECORD_REQUEST
    copies: list[Version] = field(default_factory=list)

    async def inbox(self, _r: object, _u: object) -> list[Message]:
        of = next((one for one in self.documents if one.id == PENDING.id), None)
        if of is None:
            return []
        return [
            Message(
                id=MESSAGE,
                about=self.about,
                request_id=REQUEST,
                document_id=of.id,
                type=of.type,
                service_on=of.service_on,
                practice_name="Harbor Counseling",
                created_at=NOW,
                read_at=None,
                request_state=of.request_state or RequestState.PENDING,
                my_seat=of.my_seat,
                my_turn=of.my_turn,
                late=of.late,
            )
        ]

    async def electronic_records(self, _r: object, _u: object) -> portal.ElectronicRecords:
        text = worded("Ask for paper.", self.language)
        return portal.ElectronicRecords(text, Given(text.version, NOW) if self.consented else None)

    async def open_message(self, _r: object, _u: object, _m: MessageId) -> portal.OpenedMessage:
        (message,) = await self.inbox(None, None)
        document = self._document(PENDING.id)
        shared = document if document.shared else None
        return portal.OpenedMessage(message, request_of(document), document.type, document.service_on, shared)

    async def shared_documents(self, _r: object, _u: object) -> list[Document]:
        return [one for one in self.documents if one.shared]

    async def review(self, _r: object, _u: object, document_id: DocumentId) -> portal.Review:
        document = self._document(document_id)
        request = request_of(document) if document.request_state else None
        return portal.Review(
            document,
            request,
            self.consented,
            False,
            worded("Ask for paper.", self.language),
            self.received,
            self.declining,
            self.fresh,
        )

    async def signed_copies(self, _r: object, _u: object, _d: object) -> list[Version]:
        return self.copies

    async def decline(
        self, _r: object, _u: object, document_id: DocumentId, *, reason: str | None, correction: bool
    ) -> None:
        self._act("decline", document=document_id, reason=reason, correction=correction)

    async def preferences(self, _r: object, _u: object) -> Preferences:
        return Preferences("en", reminders=True, reminders_optional=True)
