"""What stamp and certificate say, in each language that a practice may choose."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Language = Literal["en", "es"]


@dataclass(frozen=True)
class Wording:
    """Fields in braces are filled in with `str.format`."""

    title: str
    continued: str
    about: str
    request: str
    version_sha256: str
    consent_version: str
    audit_head: str
    signature: str
    signature_of_many: str
    printed_name: str
    relationship: str
    meaning: str
    time_utc: str
    time_local: str
    method: str
    drawn: str
    typed: str
    ip_address: str
    notice: str
    to_verify: str
    page: str
    stamp_signed: str
    stamp_request: str
    stamp: str
    field: str
    drawn_mark: str
    typed_mark: str
    months: tuple[str, ...]
    date: str


IN: dict[Language, Wording] = {
    "en": Wording(
        title="Signature certificate",
        continued="Signature certificate, continued",
        about="This page was added when the document was signed, and is sealed together with it.",
        request="Request",
        version_sha256="SHA-256 of the version that was signed",
        consent_version="Consent version",
        audit_head="Audit head",
        signature="Signature",
        signature_of_many="Signature {number} of {many}",
        printed_name="Printed name",
        relationship="Relationship",
        meaning="Meaning",
        time_utc="Time (UTC)",
        time_local="Local time",
        method="Method",
        drawn="Drawn by hand",
        typed="Typed name",
        ip_address="IP address",
        notice="Notice",
        to_verify="To verify: open this file in a PDF reader that shows signatures. "
        "Any later change breaks the seal; only a time stamp may follow it.",
        page="Certificate page {number}",
        stamp_signed="Signed {time}",
        stamp_request="Request {request}, see the certificate page",
        stamp="Signature",
        field="Signature of {names}",
        drawn_mark="Drawn signature of {name}",
        typed_mark="Typed signature: {name}",
        months=(
            *("January", "February", "March", "April", "May", "June"),
            *("July", "August", "September", "October", "November", "December"),
        ),
        date="{day} {month} {year}",
    ),
    "es": Wording(
        title="Certificado de firma",
        continued="Certificado de firma, continuación",
        about="Esta página se agregó cuando se firmó el documento y está sellada junto con él.",
        request="Solicitud",
        version_sha256="SHA-256 de la versión que se firmó",
        consent_version="Versión del consentimiento",
        audit_head="Último registro de auditoría",
        signature="Firma",
        signature_of_many="Firma {number} de {many}",
        printed_name="Nombre en letra de imprenta",
        relationship="Relación",
        meaning="Significado",
        time_utc="Hora (UTC)",
        time_local="Hora local",
        method="Método",
        drawn="Dibujada a mano",
        typed="Nombre escrito con el teclado",
        ip_address="Dirección IP",
        notice="Aviso",
        to_verify="Para verificar: abra este archivo en un lector de PDF que muestre firmas. "
        "Cualquier cambio posterior rompe el sello; solo puede seguirle un sello de tiempo.",
        page="Página {number} del certificado",
        stamp_signed="Firmado el {time}",
        stamp_request="Solicitud {request}; vea la página del certificado",
        stamp="Firma",
        field="Firma de {names}",
        drawn_mark="Firma dibujada de {name}",
        typed_mark="Firma escrita con el teclado: {name}",
        months=(
            *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
            *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
        ),
        date="{day} de {month} de {year}",
    ),
}

REDISCLOSURE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""Statement 2 of 42 CFR 2.32(a)(2) as amended by 89 FR 12472 (2024), which added *use or*; no translation replaces it.

The copy of the consent that 2.32(b) wants with it, or an account of what it covers, is not on this page.
"""

REDISCLOSURE_IN_SPANISH = (
    "La parte 2 del título 42 del Código de Reglamentos Federales (42 CFR part 2) prohíbe el uso o la divulgación "
    "no autorizados de estos registros."
)


def time_utc(at: datetime, language: Language) -> str:
    return f"{_date_and_time(at.astimezone(UTC), language)} UTC"


def time_local(at: datetime, timezone: str, language: Language) -> str:
    there = at.astimezone(ZoneInfo(timezone))
    offset = f"{there:%z}"
    return f"{_date_and_time(there, language)} (UTC{offset[:3]}:{offset[3:5]}, {timezone})"


def _date_and_time(at: datetime, language: Language) -> str:
    words = IN[language]
    date = words.date.format(day=at.day, month=words.months[at.month - 1], year=at.year)
    return f"{date}, {at:%H:%M:%S}"
