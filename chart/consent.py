"""Consent to electronic records (15 USC 7001(c)): a versioned text, given once, withdrawable (SPEC G1)."""

from chart.ids import AccountId, PracticeId
from gateways.postgres import SQL, Transaction

VERSION = "2026-11"
"""Changes with the text; a new version is asked for anew."""

TEXT = (
    "You can read and sign this document here, on a phone, tablet or computer with a web browser. "
    "Your electronic signature counts like one made with a pen. "
    "You may ask the practice for a paper copy, or sign on paper instead, at any time and at no cost. "
    "You may withdraw this consent at any time by telling the practice; what you have signed before stays signed."
)


async def given(transaction: Transaction, account_id: AccountId) -> bool:
    """Whether the account has consented to the present text and not withdrawn."""
    return await transaction.fetchval(GIVEN, account_id, VERSION) is not None


async def give(transaction: Transaction, practice: PracticeId, account_id: AccountId) -> bool:
    """Keep the consent; False if it was given before."""
    if await given(transaction, account_id):
        return False
    await transaction.execute(GIVE, practice, account_id, VERSION)
    return True


GIVEN = SQL("""
select true from consent where account_id = $1 and text_version = $2 and withdrawn_at is null limit 1
""")

GIVE = SQL("insert into consent (practice_id, account_id, text_version) values ($1, $2, $3)")
