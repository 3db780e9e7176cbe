"""How many requests stand where, over all practices: what operators see."""

from collections import Counter

from chart.lifecycle import RequestState
from gateways.postgres import SQL, Database

NEEDS_ATTENTION = "needs_attention"
"""Counted apart from the state in which a request stands that cannot go on."""


async def requests(database: Database) -> Counter[str]:
    """By state, each state named even if nobody is in it."""
    async with database.anyone() as transaction:
        rows = await transaction.fetch(BY_STATE)
    found = Counter[str]({state.value: 0 for state in RequestState} | {NEEDS_ATTENTION: 0})
    for row in rows:
        found[row["state"]] += row["requests"]
        found[NEEDS_ATTENTION] += row["requests"] * row["needs_attention"]
    return found


BY_STATE = SQL("select state, needs_attention, requests from requests_by_state()")
