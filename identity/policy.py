"""Who may what: the one table. Clients are not in it: they see what is shared with them and nothing else."""

from chart.refusals import NotAllowed
from identity.caller import Integration, PracticeSide, Right, Role

LOOKING_AFTER_THE_PRACTICE = frozenset(
    {Right.SET_PRACTICE, Right.RESTRICT_CHARTS, Right.READ_AUDIT, Right.MANAGE_KEYS, Right.MANAGE_STAFF}
)

MAY: dict[Role, frozenset[Right]] = {
    Role.PROVIDER: frozenset(Right) - LOOKING_AFTER_THE_PRACTICE,
    Role.SUPERVISOR: frozenset(Right) - LOOKING_AFTER_THE_PRACTICE,
    Role.ADMIN: frozenset(Right),
    Role.AUDITOR: frozenset({Right.READ_CHARTS, Right.READ_AUDIT}),
}


def check(caller: PracticeSide, right: Right) -> None:
    """Raise `NotAllowed` unless the caller's role, or the API key's scopes, hold the right."""
    held = caller.scopes if isinstance(caller, Integration) else MAY[caller.role]
    if right not in held:
        raise NotAllowed(f"This needs the right '{right}'. Ask an administrator of your practice for it.")
