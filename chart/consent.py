"""Consent to electronic records (15 USC 7001(c)): a versioned text, given once, withdrawable (SPEC G1).

It is worded in each language, and each wording is a version of its own, so that the evidence tells which words somebody
agreed to. What was agreed to in one language holds when they go on in the other. It is kept word for word. A text that
reads otherwise, be it ours or the practice's paper option, has another version and is asked for anew. Withdrawing
leaves what was signed as it is.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from chart import practice
from chart.ids import AccountId, PracticeId
from chart.refusals import NotReadyToSign
from gateways.postgres import SQL, Transaction

EDITION = "2026-11"
"""Of our own words, for people; the version adds a hash of all of them."""

_IN_ENGLISH = (
    "With this consent you read and sign here the documents that the practice shares with you, now and later. "
    "Your electronic signature counts like one made with a pen.",
    "You need a phone, tablet or computer with an up-to-date web browser that runs JavaScript, an internet connection, "
    "and an email address that you read. To keep copies you need a program that opens PDF files.",
    "You need not do this electronically. {paper_option}",
    "You may withdraw this consent at any time and at no cost, under Preferences in this portal. What you have signed "
    "before stays signed. Before you sign again here, you are asked again.",
    "If your email address or your name changes, tell the practice, so that messages reach you.",
)
"""In the order of 7001(c)(1): scope (B)(ii), hardware and software (C)(i), paper (B)(i)(I) and (iv), withdrawal
(B)(i)(II) and (iii), contact information (B)(iii)."""

_IN_SPANISH = (
    "Con este consentimiento, usted lee y firma aquí los documentos que el consultorio comparte con usted, ahora y más "
    "adelante. Su firma electrónica vale como una hecha a mano.",
    "Necesita un teléfono, una tableta o una computadora con un navegador web actual que use JavaScript, una conexión "
    "a internet y un correo electrónico que usted lea. Para guardar copias necesita un programa que abra archivos PDF.",
    "No tiene que hacer esto de forma electrónica. {paper_option}",
    "Puede retirar este consentimiento en cualquier momento y sin costo, en Preferencias de este portal. Lo que ya "
    "firmó sigue firmado. Antes de firmar otra vez aquí, se le preguntará de nuevo.",
    "Si cambian su correo electrónico o su nombre, avise al consultorio para que los mensajes le lleguen.",
)
"""The same, not from the catalogue: these words are evidence, and change with an edition only."""

_WORDED = {"en": (EDITION, _IN_ENGLISH), "es": (f"{EDITION}-es", _IN_SPANISH)}

_OUR_PAPER = {
    "Ask the practice for a paper copy, or to sign on paper instead; both cost you nothing.": (
        "Pida al consultorio una copia en papel, o firmar en papel; ninguna de las dos cosas le cuesta nada."
    )
}
"""What a practice says about paper that has not said it in its own words (migration 0031), in Spanish."""


@dataclass(frozen=True)
class Text:
    paragraphs: tuple[str, ...]
    edition: str = EDITION

    @property
    def version(self) -> str:
        """`2026-11.3f9ac41b`, in Spanish `2026-11-es.8d02c7f1`: another one for any other words."""
        return f"{self.edition}.{hashlib.sha256(self.whole.encode()).hexdigest()[:8]}"

    @property
    def whole(self) -> str:
        return "\n\n".join(self.paragraphs)

    @property
    def paper(self) -> str:
        """What can be done instead."""
        return self.paragraphs[2]


@dataclass(frozen=True)
class Given:
    """A consent that was given and not withdrawn."""

    text_version: str
    given_at: datetime


def worded(paper_option: str, language: str = "en") -> Text:
    """The present text, with what the practice says about paper."""
    edition, paragraphs = _WORDED[language]
    return Text(tuple(paragraph.format(paper_option=paper_option) for paragraph in paragraphs), edition)


async def text(transaction: Transaction, language: str) -> Text:
    """The present text of the practice in this language."""
    return (await _texts(transaction))[language]


async def _texts(transaction: Transaction) -> dict[str, Text]:
    ours = await practice.current(transaction)
    in_spanish = ours.paper_option_es or _OUR_PAPER.get(ours.paper_option, ours.paper_option)
    return {"en": worded(ours.paper_option), "es": worded(in_spanish, "es")}


async def given(transaction: Transaction, account_id: AccountId) -> Given | None:
    """The account's consent to the present text in any language; None if it was not given, or withdrawn."""
    versions = [one.version for one in (await _texts(transaction)).values()]
    row = await transaction.fetchrow(GIVEN, account_id, versions)
    return Given(**row) if row else None


async def give(
    transaction: Transaction, practice_id: PracticeId, account_id: AccountId, shown: str | None, language: str
) -> str | None:
    """Keep the consent and return the version; None if it stands already.

    `shown`: version of the text that was read; None, from programs: the one in the account's `language`.
    """
    texts = await _texts(transaction)
    present = next((one for one in texts.values() if one.version == shown), None) if shown else texts[language]
    if present is None:
        raise NotReadyToSign("The text about electronic records has changed. Open the page again and read it.")
    await transaction.execute(KEEP_TEXT, practice_id, present.version, present.whole)
    new = await transaction.fetchval(GIVE, practice_id, account_id, present.version)
    return present.version if new else None


async def withdraw(transaction: Transaction, account_id: AccountId) -> bool:
    """Withdraw whatever was agreed to; False if there was nothing."""
    return await transaction.fetchval(WITHDRAW, account_id) is not None


async def withdrawn(transaction: Transaction, account_id: AccountId) -> bool:
    """Whether the account has taken its consent back, and has agreed to nothing since."""
    taken_back: bool | None = await transaction.fetchval(WITHDRAWN, account_id)
    return bool(taken_back)


GIVEN = SQL("""
select text_version, given_at from consent
where account_id = $1 and text_version = any($2::text[]) and withdrawn_at is null order by given_at desc limit 1
""")

KEEP_TEXT = SQL("""
insert into consent_text (practice_id, version, text) values ($1, $2, $3) on conflict (practice_id, version) do nothing
""")

GIVE = SQL("""
insert into consent (practice_id, account_id, text_version) values ($1, $2, $3)
on conflict (account_id, text_version) where withdrawn_at is null do nothing returning account_id
""")

WITHDRAW = SQL("""
with withdrawn as (
    update consent set withdrawn_at = now() where account_id = $1 and withdrawn_at is null returning account_id
)
select account_id from withdrawn limit 1
""")

WITHDRAWN = SQL("""
select bool_and(withdrawn_at is not null) from consent where account_id = $1 -- null of whoever never agreed
""")
