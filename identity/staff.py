"""Staff of the practice, and who of them may counter-sign (SPEC G8)."""

from dataclasses import dataclass, field

from chart.audit import Actor
from chart.ids import StaffId
from chart.refusals import Unacceptable
from gateways.postgres import SQL, Record, Transaction
from identity.caller import Role

MAY_COUNTER_SIGN = frozenset({Role.PROVIDER, Role.SUPERVISOR})


@dataclass(frozen=True)
class Colleague:
    id: StaffId
    name: str = field(repr=False)
    role: Role

    @property
    def party(self) -> Actor:
        """As a signer of a request."""
        return Actor(f"staff:{self.id}")


async def counter_signers(transaction: Transaction) -> list[Colleague]:
    """Providers and supervisors, by name."""
    rows = await transaction.fetch(COUNTER_SIGNERS, list(MAY_COUNTER_SIGN))
    return [_colleague(row) for row in rows]


async def everybody(transaction: Transaction) -> list[Colleague]:
    """All staff of the practice who have access, by name."""
    return [_colleague(row) for row in await transaction.fetch(EVERYBODY)]


def _colleague(row: Record) -> Colleague:
    return Colleague(row["id"], row["name"], Role(row["role"]))


async def check_may_counter_sign(transaction: Transaction, party: Actor) -> None:
    if party not in {colleague.party for colleague in await counter_signers(transaction)}:
        raise Unacceptable(
            "Counter-signatures are given by providers and supervisors of this practice. Name one of them."
        )


COUNTER_SIGNERS = SQL(
    "select id, name, role from staff where role = any($1::text[]) and ended_at is null order by lower(name), id"
)

EVERYBODY = SQL("select id, name, role from staff where ended_at is null order by lower(name), id")
