"""Recovery codes: for whoever has lost the phone; ten, each good for once (NIST SP 800-63B-4 3.1.2)."""

import asyncio
import re
import secrets

from chart.audit import Actor
from chart.ids import PracticeId
from gateways.postgres import SQL, Transaction
from identity import password as passwords

COUNT = 10
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing that looks like something else."""
_DRAWN = 11
"""Characters behind the first: 55 bits, under Argon2id like a password."""


async def make(transaction: Transaction, practice: PracticeId, party: Actor) -> list[str]:
    """Ten new ones; those before end. This is the only time that they can be read."""
    # the first character says which of the ten it is, so that one look is enough
    codes = [f"{n}{''.join(secrets.choice(_LETTERS) for _ in range(_DRAWN))}" for n in range(COUNT)]
    hashes = await asyncio.gather(*map(passwords.hash_code, codes))
    await transaction.execute(FORGET, party)
    await transaction.execute(KEEP, party, practice, list(range(COUNT)), hashes)
    return ["-".join(re.findall("....", code)) for code in codes]


async def use(transaction: Transaction, party: Actor, typed: str) -> bool:
    """Whether it is one of theirs that was not used before; now it is."""
    code = typed.translate(str.maketrans("oil", "011"))
    position = int(code[0]) if code[:1].isascii() and code[:1].isdecimal() else -1
    row = await transaction.fetchrow(FIND, party, position)
    if not await passwords.matches(row["code_hash"] if row else None, code):
        return False
    return await transaction.fetchval(USE, party, position) is not None


async def left(transaction: Transaction, party: Actor) -> int:
    count: int = await transaction.fetchval(LEFT, party)
    return count


async def forget(transaction: Transaction, party: Actor) -> None:
    await transaction.execute(FORGET, party)


FORGET = SQL("delete from recovery_code where party = $1")

KEEP = SQL("""
insert into recovery_code (party, practice_id, position, code_hash)
select $1, $2, position, code_hash from unnest($3::int[], $4::text[]) codes(position, code_hash)
""")

FIND = SQL("select code_hash from recovery_code where party = $1 and position = $2 and used_at is null")

USE = SQL("""
update recovery_code set used_at = now() where party = $1 and position = $2 and used_at is null returning true
""")

LEFT = SQL("select count(*)::int from recovery_code where party = $1 and used_at is null")
