"""Who calls: the three kinds of caller, each of exactly one practice."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from chart.audit import Actor
from chart.ids import AccountId, PracticeId, StaffId


class Surface(StrEnum):
    """Where somebody signs in: staff to the chart, clients and who acts for them to the Client Portal."""

    CHART = "chart"
    PORTAL = "portal"

    def party(self, id: UUID) -> Actor:
        """Whoever signs in there under this id."""
        return Actor(f"{self._kind}:{id}")

    def has(self, party: str) -> bool:
        """Whether `party` signs in there."""
        return party.startswith(f"{self._kind}:")

    @property
    def _kind(self) -> str:
        return "staff" if self is Surface.CHART else "account"


class Role(StrEnum):
    PROVIDER = "provider"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a route asks for; also the scopes of API keys."""

    READ_CHARTS = "charts:read"
    WRITE_CHARTS = "charts:write"
    SHARE = "share"
    INVITE = "invite"
    STEER_REQUESTS = "requests:steer"
    SET_PRACTICE = "practice:set"
    RESTRICT_CHARTS = "charts:restrict"
    READ_AUDIT = "audit:read"
    MANAGE_KEYS = "keys:manage"
    MANAGE_STAFF = "staff:manage"


@dataclass(frozen=True)
class StaffMember:
    practice: PracticeId
    id: StaffId
    role: Role
    authenticated_at: datetime
    name: str = field(repr=False)
    language: str = "en"
    """Of pages and mail."""
    timezone: str = "UTC"
    """Of the practice."""

    @property
    def actor(self) -> Actor:
        return Actor(f"staff:{self.id}")


@dataclass(frozen=True)
class Integration:
    """A program of the practice, signed in by an API key."""

    practice: PracticeId
    id: UUID
    scopes: frozenset[str]

    @property
    def actor(self) -> Actor:
        return Actor(f"key:{self.id}")


@dataclass(frozen=True)
class PortalUser:
    """Somebody signed in to the Client Portal."""

    practice: PracticeId
    id: AccountId
    authenticated_at: datetime
    name: str = field(repr=False)
    language: str = "en"
    """Of pages and mail."""
    timezone: str = "UTC"
    """Of the practice."""

    @property
    def actor(self) -> Actor:
        return Actor(f"account:{self.id}")


PracticeSide: TypeAlias = StaffMember | Integration
