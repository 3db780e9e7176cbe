"""What a route works with, made once for the process."""

from dataclasses import dataclass

from temporalio.client import Client

from api.hub import Hub
from gateways.keys import Keyring
from gateways.postgres import Database
from gateways.storage import Storage
from identity.caller import Surface
from identity.operator import Operators
from identity.passkey import RelyingParty
from identity.single_sign_on import SingleSignOn
from pdf import certificates_in
from settings import Settings


@dataclass(frozen=True)
class Resources:
    settings: Settings
    database: Database
    storage: Storage
    engine: Client
    hub: Hub
    sign_on: SingleSignOn | None
    """The staff's organisation, where there is one."""
    keyring: Keyring
    """For what accounts keep secret."""
    operators: Operators
    """Who may read payloads."""
    temporal_ui: frozenset[str]
    """Origins of the Temporal UI."""
    seal_certificates: bytes
    """PEM; what a sealed file must lead to."""
    authority_certificates: bytes
    """The same of time stamps; empty: no authority is trusted."""

    def __post_init__(self) -> None:
        for pem in (self.seal_certificates, self.authority_certificates):
            certificates_in(pem)  # a file of something else is found when the API starts

    def site(self, surface: Surface) -> RelyingParty:
        """As passkeys know it."""
        address = self.settings.chart_url if surface is Surface.CHART else self.settings.portal_url
        return RelyingParty(surface, address)
