"""What the parts are told: the variables of `settings.py`, and the secrets made at the first start."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from local.ports import LOOPBACK, Ports

_PRACTICE = "Share to Sign (demo)"


def environment(data: Path, ports: Ports, *, owner_url: str, application_url: str) -> dict[str, str]:
    """The environment of every part: ours as we were given it, and each setting in which one machine is special."""
    key, certificate = _seal(data / "seal")
    return {
        **os.environ,
        **_secrets(data / "secrets.env"),
        "PYTHONUNBUFFERED": "1",
        "STS_DATABASE_URL": application_url,
        "STS_DATABASE_OWNER_URL": owner_url,
        "STS_TEMPORAL_ADDRESS": f"{LOOPBACK}:{ports.temporal}",
        "STS_TEMPORAL_NAMESPACE": "default",
        "STS_TEMPORAL_TASK_QUEUE": "share-to-sign",
        # by this name alone: for a browser, `localhost` is another site, to which it takes no operator's pass
        "STS_TEMPORAL_UI_ORIGINS": f"http://{LOOPBACK}:{ports.temporal_ui}",
        "STS_STORAGE_FOLDER": str(data / "documents"),
        "STS_SMTP_HOST": LOOPBACK,
        "STS_SMTP_PORT": str(ports.smtp),
        "STS_SMTP_SECURITY": "none",
        "STS_MAIL_FROM": "no-reply@portal.localhost",
        "STS_API_HOST": LOOPBACK,
        "STS_API_PORT": str(ports.api),
        "STS_CHART_URL": f"http://chart.localhost:{ports.api}",
        "STS_PORTAL_URL": f"http://portal.localhost:{ports.api}",
        "STS_SEAL_KEY_FILE": str(key),
        "STS_SEAL_CERTIFICATE_FILE": str(certificate),
    }


def write_private(path: Path, text: str) -> None:
    """Write `text` so that only we can read it, and that nobody ever sees half of it."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _secrets(path: Path) -> Mapping[str, str]:
    """The demo's secrets as they were made at the first start; losing them is losing every document and open request.

    One that came with a later release is made at that release's first start.
    """
    kept = dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    made = {
        "STS_PAYLOAD_KEYS": _key(),
        "STS_ACCOUNT_KEYS": _key(),
        "STS_STORAGE_KEYS": _key(),
        "STS_CODEC_TOKENS": f"demo:{secrets.token_urlsafe(32)}",
    }
    if made.keys() - kept.keys():
        kept = made | kept
        write_private(path, "".join(f"{name}={value}\n" for name, value in kept.items()))
    return kept


def _key() -> str:
    return f"demo-1:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _seal(folder: Path) -> tuple[Path, Path]:
    """Files of the demo's key and certificate, which no PDF reader trusts: they show what a real seal looks like."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    if not (key.exists() and certificate.exists()):
        from pdf import make_demo_seal  # noqa: PLC0415 – heavy, and only needed once

        folder.mkdir(mode=0o700, exist_ok=True)
        key_pem, certificate_pem = make_demo_seal(_PRACTICE)
        write_private(key, key_pem.decode())
        write_private(certificate, certificate_pem.decode())
    return key, certificate
