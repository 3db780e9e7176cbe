"""Everything that can be set, read from environment variables that begin with `STS_`.

Secrets come from the environment only. `./sts up` makes the demo's at first start; in production the
deployment gives them. The README's table of settings is held against this file by a test.
"""

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ORIGIN = r"^https?://[^/?#\s]+$"
"""With anything behind it, be it a slash, passkeys and single sign-on would be those of another site."""


class Settings(BaseSettings):
    """One object for API, worker and commands; each field's description is what the README says of it."""

    model_config = SettingsConfigDict(
        env_prefix="STS_",
        frozen=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,  # as docker-compose.yml passes what was not given
    )

    database_url: SecretStr = Field(
        description="Postgres DSN of the application's role, which owns nothing and cannot bypass row-level security."
    )
    database_owner_url: SecretStr | None = Field(
        default=None, description="Postgres DSN of the owner; only the `migrate` command reads it."
    )
    temporal_address: str = Field(default="127.0.0.1:7233", description="host:port of the Temporal frontend.")
    temporal_namespace: str = Field(default="default", description="Temporal namespace.")
    temporal_task_queue: str = Field(default="share-to-sign", description="Task queue that the workers poll.")
    deployment_name: str = Field(
        default="",
        description="Worker deployment in the engine; set it with `STS_BUILD_ID` to release beside open requests.",
    )
    build_id: str = Field(default="", description="This release of the workers; empty: workers are not versioned.")
    payload_keys: SecretStr = Field(
        description="AES-256 keys of the Temporal payloads, `id:base64,id:base64`. The first encrypts, all decrypt."
    )
    account_keys: SecretStr = Field(
        description="AES-256 keys of what accounts keep secret (authenticator apps), `id:base64,id:base64`. "
        "The first encrypts, all decrypt."
    )
    codec_tokens: SecretStr = Field(
        default=SecretStr(""),
        description="Operators who may read Temporal payloads, `name:token,name:token`, each token 32 random "
        "characters or more; empty: nobody.",
    )
    temporal_ui_origins: str = Field(
        default="",
        description="Comma-separated origins of the Temporal UI, e.g. `https://temporal.example.org`: the only pages "
        "elsewhere that may call the codec endpoint.",
    )
    storage_folder: Path = Field(description="Folder of the stored PDFs, encrypted; their names tell nothing.")
    storage_keys: SecretStr = Field(
        description="AES-256 master keys of the stored PDFs, `id:base64,id:base64`. The first wraps, all unwrap."
    )
    smtp_host: str = Field(default="127.0.0.1", description="Mail relay.")
    smtp_port: int = Field(default=25, description="Port of the mail relay.")
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="`none` is for a relay on this machine only."
    )
    smtp_username: str | None = Field(default=None, description="Sign-in at the mail relay, if it wants one.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail relay.")
    mail_from: str = Field(description="Sender address of all mail; the address alone is shown.")
    api_host: str = Field(default="127.0.0.1", description="Address on which the API listens.")
    api_port: int = Field(default=8000, description="Port on which the API listens.")
    chart_url: str = Field(
        description="Where staff reach the chart pages, e.g. `https://chart.example.org`.", pattern=ORIGIN
    )
    portal_url: str = Field(
        description="Where clients reach the Client Portal; links in mail begin with it.", pattern=ORIGIN
    )
    trusted_proxies: str = Field(
        default="",
        description="Comma-separated addresses or networks of proxies whose `X-Forwarded-For` is believed, never all "
        "there are; empty: none.",
    )
    oidc_issuer: str = Field(
        default="", description="Issuer of the OpenID provider through which staff may sign in; empty: none."
    )
    oidc_client_id: str = Field(default="", description="Who this service is at the OpenID provider.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret of this service at the OpenID provider."
    )
    oidc_second_factors: str = Field(
        default="",
        description="Comma-separated values of `acr` or `amr` by which the OpenID provider says that it has seen two "
        "factors, e.g. `mfa`; without one of them staff shows the second factor here.",
    )
    seal_key_file: Path = Field(
        description="File of the private key (ECDSA P-256) that seals signed PDFs: PEM or PKCS #12."
    )
    seal_passphrase: SecretStr | None = Field(default=None, description="Passphrase of the seal's key file, if any.")
    seal_certificate_file: Path = Field(description="PEM file of the seal's certificate, its chain behind it.")
    tsa_urls: SecretStr = Field(
        default=SecretStr(""),
        description="Comma-separated URLs of time-stamp authorities (RFC 3161), asked in this order, e.g. "
        "`https://name:password@tsa.example.org`; empty: no time stamps.",
    )
    tsa_seconds: float = Field(default=10, gt=0, le=20, description="How long each time-stamp authority may take.")
    tsa_certificate_file: Path | None = Field(
        default=None,
        description="PEM file of the certificates that a time stamp must lead to; without it any authority at "
        "these URLs is taken, and shown as unknown.",
    )
    metrics_address: str = Field(
        default="",
        description="`host:port` at which Prometheus fetches the metrics of this process; empty: nowhere.",
        pattern=r"^(\S+:\d+)?$",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @field_validator("trusted_proxies")
    @classmethod
    def _names_some(cls, told: str) -> str:
        """Whoever believes everybody records whatever address a stranger makes up."""
        for address in filter(None, told.split(",")):
            try:
                everybody = ip_network(address.strip(), strict=False).prefixlen == 0
            except ValueError:
                raise ValueError("name each proxy by its address or network, e.g. `10.0.0.0/24`") from None
            if everybody:
                raise ValueError("this is everybody; name the proxies")
        return told


@cache
def settings() -> Settings:
    """The process's settings; a missing or bad variable is named in the error."""
    return Settings()
