"""Demo data: a practice with charts to click through, and a second practice that must never see them.

Made once, at the first start. All people are made up; passwords and the API key are drawn at random, and
`DATA/demo.json` (mode 600) keeps them.
"""

import argparse
import asyncio
import base64
import io
import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

import pdf
from chart import appointment, client, document
from chart import practice as practices
from chart.appointment import AppointmentKind
from chart.audit import SERVICE
from chart.document import Kind
from chart.ids import ClientId, PracticeId
from gateways import postgres
from gateways.keys import Keyring, read_keys
from gateways.postgres import SQL, Database, Transaction
from gateways.storage import Storage
from identity import account, api_key, person, second_factor, staff, totp
from identity.caller import Right, Role, Surface
from settings import Settings, settings


@dataclass(frozen=True)
class SignIn:
    who: str
    email: str
    password: str


@dataclass(frozen=True)
class StaffSignIn(SignIn):
    authenticator: str
    """Key of the authenticator app, from which `./sts code` makes the codes of the second step."""


@dataclass(frozen=True)
class Note:
    kind: Kind
    note_name: str | None
    days_ago: int
    heading: str
    paragraphs: tuple[str, ...]


NOTES = (
    Note(
        Kind.CLINICAL_NOTE,
        "Progress Note",
        1,
        "Progress Note",
        (
            "<b>Presenting.</b> Client reports sleeping six hours a night, up from four, and two panic episodes this "
            "week, down from five. Practised the breathing exercise on most days.",
            "<b>Intervention.</b> Cognitive restructuring of the thought 'I will faint on the bus'. Planned two short "
            "rides with a friend.",
            "<b>Plan.</b> Continue weekly sessions. Client agrees to keep the sleep log and to ride two stops twice.",
        ),
    ),
    Note(
        Kind.TREATMENT_PLAN,
        None,
        14,
        "Treatment Plan",
        (
            "<b>Goal 1.</b> Client rides the bus to work alone on four of five days by the end of the quarter.",
            "<b>Objectives.</b> Learn diaphragmatic breathing; build a ladder of situations; climb one step a week.",
            "<b>Frequency.</b> Individual sessions of 50 minutes, weekly, for twelve weeks. Review on the last visit.",
        ),
    ),
    Note(Kind.DOCUMENT, None, 20, "Superbill", ("Individual psychotherapy, 50 minutes. Paid in full.",)),
    Note(
        Kind.PSYCHOTHERAPY_NOTE,
        None,
        1,
        "Psychotherapy Note",
        ("The therapist's own notes on the conversation, kept apart from the record.",),
    ),
)

APPOINTMENTS = (
    (-1, time(10), "Jordan", AppointmentKind.INDIVIDUAL),
    (0, time(9), "Zoë", AppointmentKind.INDIVIDUAL),
    (0, time(11), "Jordan", AppointmentKind.INDIVIDUAL),
    (0, time(15, 30), "Priya", AppointmentKind.INTAKE),
    (1, time(14), "Zoë", AppointmentKind.FAMILY),
    (7, time(11), "Jordan", AppointmentKind.INDIVIDUAL),
)
"""Days from today, time, client, kind."""

WORDS = re.findall(
    r"\w+",
    """amber anchor apple autumn basket beacon birch breeze bridge canoe canyon cedar cherry clover copper coral cotton
    crane creek daisy delta ember falcon fern field finch forest garden ginger granite harbor hazel heron island
    juniper kettle lantern lemon lilac linen maple meadow orchard otter pebble plum quartz raven river saffron silver
    spruce summer thistle velvet willow""",
)

CLICK = (
    "Sign in to the chart as the provider, with the code that the mail inbox shows; open Jordan Rivera, Documents.",
    "In the three-dot menu of the Progress Note select Share to Sign.",
    "Open the mail inbox, follow the link in the mail, sign in to the portal as Jordan Rivera.",
    "Open the document from the message, Add Signature, draw or type, Sign Document, Download.",
    "Watch the chart change to Shared and Signed, and look at the workflow in the Temporal UI.",
)


def passphrase() -> str:
    return "-".join(secrets.choice(WORDS) for _ in range(4))


async def make(configured: Settings, out: Path) -> None:
    """Make the demo practices unless `out` says that they are there."""
    if out.exists():  # noqa: ASYNC240 - a command, nobody waits beside it
        return
    assert configured.database_owner_url is not None, "only the owner makes practices"
    storage = Storage.of(configured)
    keyring = Keyring(read_keys(configured.account_keys.get_secret_value(), "STS_ACCOUNT_KEYS"))
    harbor = await _practice(configured.database_owner_url.get_secret_value(), "Harbor Counseling (demo)")
    other = await _practice(configured.database_owner_url.get_secret_value(), "Hilltop Psychiatry (demo)")
    async with postgres.connect(configured.database_url.get_secret_value(), most=2) as database:
        demo = await _harbor(database, keyring, storage, harbor)
        async with database.practice(other) as transaction:
            demo["staff"].append(
                asdict(await _staff(transaction, keyring, other, "other-practice", "Sam Okafor", Role.PROVIDER))
            )
            ada = await _client(transaction, other, "Ada", "Lindqvist", date(1990, 2, 3))
            await _documents(transaction, storage, other, ada, "Ada Lindqvist", NOTES[:1])
    _write(out, demo)


async def _harbor(
    database: Database, keyring: Keyring, storage: Storage, practice: PracticeId
) -> dict[str, list[object]]:
    async with database.practice(practice) as transaction:
        people = [
            await _staff(transaction, keyring, practice, "provider", "Dr. Maya Chen", Role.PROVIDER),
            await _staff(transaction, keyring, practice, "admin", "Ruth Adeyemi", Role.ADMIN),
            await _staff(transaction, keyring, practice, "auditor", "Lee Novak", Role.AUDITOR),
        ]
        jordan = await _client(transaction, practice, "Jordan", "Rivera", date(1988, 5, 17))
        zoe = await _client(transaction, practice, "Zoë", "Müller-Łukaszewicz", date(1995, 11, 2))
        unregistered = await _client(transaction, practice, "Priya", "Natarajan", date(1979, 8, 30))
        await _documents(transaction, storage, practice, jordan, "Jordan Rivera", NOTES)
        await _documents(transaction, storage, practice, zoe, "Zoë Müller", NOTES[1:3])
        await _documents(transaction, storage, practice, unregistered, "Priya Natarajan", NOTES[:1])
        await _appointments(transaction, practice, {"Jordan": jordan, "Zoë": zoe, "Priya": unregistered})
        key = await api_key.make(
            transaction, practice, "Demo integration", frozenset(Right), lasts=timedelta(days=3650)
        )
    clients = [
        await _register(database, practice, jordan, "jordan", "Jordan Rivera", "self"),
        await _register(database, practice, zoe, "zoe", "Zoë Müller-Łukaszewicz", "self"),
    ]
    return {
        "staff": [asdict(one) for one in people],
        "clients": [asdict(one) for one in clients],
        "api_key": key,  # type: ignore[dict-item]
        "click": list(CLICK),
    }


async def _practice(owner_dsn: str, name: str) -> PracticeId:
    connection = await asyncpg.connect(owner_dsn)
    try:
        practice: PracticeId = await connection.fetchval(ADD_PRACTICE, name, "America/New_York")
        return practice
    finally:
        await connection.close()


async def _staff(
    transaction: Transaction, keyring: Keyring, practice: PracticeId, local: str, name: str, role: Role
) -> StaffSignIn:
    email, password = f"{local}@demo.example", passphrase()
    staff_id = await account.add_staff(transaction, practice, email=email, name=name, role=role, password=password)
    whose = await person.find(transaction, Surface.CHART.party(staff_id))
    key = (await second_factor.offer_authenticator(transaction, keyring, whose)).text
    # of the step before, so that the code which is shown now is good for the first sign-in
    proof = totp.code(base64.b32decode(key), totp.step_at(datetime.now(UTC)) - 1)
    await second_factor.add_authenticator(transaction, keyring, whose, proof)
    return StaffSignIn(f"{name}, {role}", email, password, key)


async def _client(
    transaction: Transaction, practice: PracticeId, given_name: str, family_name: str, birth_date: date
) -> ClientId:
    made = await client.add(
        transaction,
        practice,
        given_name=given_name,
        family_name=family_name,
        birth_date=birth_date,
        external_id=None,
    )
    return made.id


async def _register(
    database: Database, practice: PracticeId, client_id: ClientId, local: str, name: str, relationship: str
) -> SignIn:
    sign_in = SignIn(name, f"{local}@demo.example", passphrase())
    async with database.practice(practice) as transaction:
        invitation = await account.invite(
            transaction, practice, client_id, email=sign_in.email, name=name, relationship=relationship
        )
    await account.register(database, invitation.token, sign_in.password)
    return sign_in


async def _documents(
    transaction: Transaction,
    storage: Storage,
    practice: PracticeId,
    client_id: ClientId,
    name: str,
    notes: Sequence[Note],
) -> None:
    for note in notes:
        service_on = date.today() - timedelta(days=note.days_ago)  # noqa: DTZ011 - a day, not a moment
        paper = _paper(note, name, service_on)
        inspected = await asyncio.to_thread(pdf.inspect, paper)
        await document.add(
            transaction,
            practice,
            client_id,
            kind=note.kind,
            note_name=note.note_name,
            service_on=service_on,
            sha256=await storage.put(inspected.data),
            upload_sha256=await storage.put(paper),
            size=len(inspected.data),
            pages=inspected.pages,
            stamp_plan=inspected.plan.to_json(),
        )


async def _appointments(transaction: Transaction, practice: PracticeId, clients: Mapping[str, ClientId]) -> None:
    """Of the provider, around the day on which the demo is made."""
    zone = ZoneInfo((await practices.current(transaction)).timezone)
    today = await practices.today(transaction)
    (provider,) = await staff.counter_signers(transaction)
    for days, at, who, kind in APPOINTMENTS:
        await appointment.add(
            transaction,
            practice,
            clients[who],
            provider.id,
            starts_at=appointment.at_wall_time(today + timedelta(days=days), at, zone),
            minutes=50,
            kind=kind,
            by=SERVICE,
            today=today,
        )


def _paper(note: Note, name: str, service_on: date) -> bytes:
    """A note as a health-record system prints it: letter size, one page."""
    styles = getSampleStyleSheet()
    story = [
        Paragraph("Harbor Counseling (demo)", styles["Normal"]),
        Paragraph(note.heading, styles["Title"]),
        Paragraph(f"Client: {name} &nbsp;&nbsp; Date of service: {service_on:%B %d, %Y}", styles["Normal"]),
        Spacer(0, 18),
    ]
    for paragraph in note.paragraphs:
        story += [Paragraph(paragraph, styles["BodyText"]), Spacer(0, 8)]
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer, pagesize=LETTER, title=note.heading, invariant=True).build(story)
    return buffer.getvalue()


def _write(out: Path, demo: dict[str, list[object]]) -> None:
    temporary = out.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(demo, file, ensure_ascii=False, indent=1)
    temporary.rename(out)


ADD_PRACTICE = SQL("insert into practice (name, timezone) values ($1, $2) returning id")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="local.demo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    asyncio.run(make(settings(), parser.parse_args().out))
