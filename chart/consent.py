"""Consent to electronic records (15 USC 7001(c)): a versioned text, given once, withdrawable (SPEC G1).

What was agreed to is kept word for word. A text that reads otherwise, be it ours or the practice's paper option, has
another version and is asked for anew. Withdrawing leaves what was signed as it is.
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

_PARAGRAPHS = (
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


@dataclass(frozen=True)
class Text:
    paragraphs: tuple[str, ...]

    @property
    def version(self) -> str:
        """`2026-11.3f9ac41b`: another one for any other words."""
        return f"{EDITION}.{hashlib.sha256(self.whole.encode()).hexdigest()[:8]}"

    @property
    def whole(self) -> str:
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True)
class Given:
    """A consent that was given and not withdrawn."""

    text_version: str
    given_at: datetime


def worded(paper_option: str) -> Text:
    """The present text, with what the practice says about paper."""
    return Text(tuple(paragraph.format(paper_option=paper_option) for paragraph in _PARAGRAPHS))


async def text(transaction: Transaction) -> Text:
    """The present text of the practice."""
    return worded((await practice.current(transaction)).paper_option)


async def given(transaction: Transaction, account_id: AccountId) -> Given | None:
    """The account's consent to the present text; None if it was not given, or withdrawn."""
    row = await transaction.fetchrow(GIVEN, account_id, (await text(transaction)).version)
    return Given(**row) if row else None


async def give(transaction: Transaction, practice_id: PracticeId, account_id: AccountId, shown: str | None) -> bool:
    """Keep the consent; False if it stands already. `shown`: version of the text that was read, if that is told."""
    present = await text(transaction)
    if shown not in {None, present.version}:
        raise NotReadyToSign("The text about electronic records has changed. Open the page again and read it.")
    await transaction.execute(KEEP_TEXT, practice_id, present.version, present.whole)
    return await transaction.fetchval(GIVE, practice_id, account_id, present.version) is not None


async def withdraw(transaction: Transaction, account_id: AccountId) -> bool:
    """Withdraw whatever was agreed to; False if there was nothing."""
    return await transaction.fetchval(WITHDRAW, account_id) is not None


GIVEN = SQL("""
select text_version, given_at from consent where account_id = $1 and text_version = $2 and withdrawn_at is null
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
