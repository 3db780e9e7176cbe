"""What a route works with, made once for the process."""

from dataclasses import dataclass

from temporalio.client import Client

from api.hub import Hub
from gateways.postgres import Database
from gateways.storage import Storage
from identity.operator import Operators
from settings import Settings


@dataclass(frozen=True)
class Resources:
    settings: Settings
    database: Database
    storage: Storage
    engine: Client
    hub: Hub
    operators: Operators
    """Who may read payloads."""
    temporal_ui: frozenset[str]
    """Origins of the Temporal UI."""
    seal_certificates: bytes
    """PEM; what a sealed file must lead to."""
    authority_certificates: bytes
    """The same of time stamps; empty: no authority is trusted."""
