"""SPEC A7: what may be personal or secret does not print itself, wherever it is logged, raised or shown."""

import dataclasses
import hashlib
import typing
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from api.body import Body
from api.v1_clients import NewClient
from api.v1_portal import SignIn
from pdf import Mark
from settings import Settings
from tests.conftest import KEY, OPERATOR_TOKEN

ROOT = Path(__file__).parent.parent
ROOMS = ("activities", "api", "chart", "gateways", "identity", "pdf", "workflows")

TELLING = (str, bytes, dict, date, Any, *typing.get_args(Mark))
"""Types of fields that may say something of somebody. Ids, enums, numbers and moments cannot."""

WRITTEN_HERE = {
    "activities.notify.Wording",
    "activities.reset.Wording",
    "api.defences.Turned",
    "api.pages.door.Door",
    "api.pages.standing.Words",
    "api.problem_types.Problem",
    "chart.lifecycle.Row",
    "identity.throttle.Budget",
    "pdf.seal._Pattern",
    "pdf.typeface.Face",
    "pdf.wording.Wording",
}
"""Whose texts stand in the code."""

HASHES = {
    *("sha256", "original_sha256", "shared_sha256", "shown_sha256", "signed_sha256", "upload_sha256", "version_sha256"),
    *("audit_head", "digest", "hash", "previous"),
}
OF_THE_SERVICE = {
    *("chain_pem", "field_name", "host", "label", "mail_from", "operator", "organisation", "pieces", "portal_url"),
    *("request_id", "scopes", "seal_certificates", "security", "task_queue", "temporal_ui"),
    *("authority", "authority_certificates", "certificate", "certificates", "client_id", "crls", "issuer", "ocsps"),
    *(
        "edition",
        "origin",
        "others",
        "paper_option",
        "paper_option_es",
        "redirect_uri",
        "roots",
        "seal_chain",
        "second_factors",
        "trusted",
        "url",
    ),
}
PLAIN_WORDS = {
    *(
        "attention",
        "besides",
        "broken",
        "changes",
        "columns",
        "kind",
        "meaning",
        "notice",
        "occasion",
        "paragraphs",
        "places",
    ),
    *("time_stamp_waits", "title", "why", "why_not"),
}
"""Sentences, or words of a few, that are written in the code."""
TERMS = {
    *("act", "blocked_by", "consent_version", "ended_by", "ends_on", "file_name", "language", "made_by", "mail"),
    *("relationship", "signed_on", "starts_on", "text_version", "timezone"),
}
"""Of a few known words, opaque, or a day that is nobody's birthday."""

IMPERSONAL = HASHES | OF_THE_SERVICE | PLAIN_WORDS | TERMS
"""Names of fields of such types that never tell of somebody, in whichever class."""


def classes() -> Iterator[type]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if path.name == "__main__.py":
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found = vars(import_module(name)).values()
            yield from (kind for kind in found if isinstance(kind, type) and kind.__module__ == name)


def name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def parts(annotation: Any) -> Iterator[Any]:
    """The types that a field may hold, below unions, lists and the like."""
    if isinstance(annotation, UnionType) or typing.get_origin(annotation) is not None:
        yield typing.get_origin(annotation)
        for part in typing.get_args(annotation):
            yield from parts(part)
    else:
        yield annotation


def test_a_field_that_may_tell_of_somebody_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlib, "_Hash", object, raising=False)  # known to type checkers only
    printed = {
        f"{name_of(record)}.{each.name}"
        for record in classes()
        if dataclasses.is_dataclass(record) and name_of(record) not in WRITTEN_HERE
        for types in [typing.get_type_hints(record)]
        for each in dataclasses.fields(record)
        if each.repr and each.name not in IMPERSONAL and any(part in TELLING for part in parts(types[each.name]))
    }
    assert not printed, "give them field(repr=False), or list them here as impersonal"


def test_what_goes_over_the_wire_is_not_printed() -> None:
    models = [kind for kind in classes() if issubclass(kind, BaseModel)]
    assert {name_of(kind) for kind in models if not issubclass(kind, Body)} == set(), "derive them from api.body.Body"
    signing_in = SignIn(email="canary@demo.example", password="Canaryname")
    for text in (repr(signing_in), str(signing_in), f"{signing_in}", repr([signing_in])):
        assert "anary" not in text


def test_a_body_that_does_not_fit_is_refused_without_its_values() -> None:
    with pytest.raises(ValidationError) as refused:
        NewClient.model_validate({"given_name": "Canaryname" * 20, "family_name": 7, "birth_date": "Canaryday"})
    assert "anary" not in str(refused.value)


def test_settings_keep_their_secrets(configured: Settings) -> None:
    printed = repr(configured) + str(configured)
    for secret in (KEY, OPERATOR_TOKEN, configured.database_url.get_secret_value()):
        assert secret not in printed
