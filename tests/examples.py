"""A valid example of every route that writes: what its body may be. The access matrix fails where one is missing."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.papers import paper

WHY = {"reason": "The client asked for it."}
DAY = datetime.now(UTC).date() - timedelta(days=2)
"""Past wherever a practice is."""


@dataclass(frozen=True)
class Example:
    """How a route is called, and what it answers to whoever may."""

    json: Any = None
    form: dict[str, Any] | None = None
    file: bool = False
    answers: frozenset[int] = field(default=frozenset({200}))
    """Of a route that reads; one that writes is shown to whoever may an id that is not there, or what it refuses."""

    is_slow: bool = False
    """It looks at passwords or codes, which takes its time on purpose."""

    def body(self) -> dict[str, Any]:
        """As the HTTP client takes it."""
        if self.file:
            return {"files": {"file": ("a.pdf", PAPER, "application/pdf")}, "data": self.form or {}}
        if self.form is not None:
            return {"data": self.form}
        return {} if self.json is None else {"json": self.json}


PAPER = paper("An upload of nobody.")
READ = Example()


def posts(*answers: int, **form: Any) -> Example:
    return Example(form=form, answers=frozenset(answers or {404}))


def sends(json: Any = None, *answers: int) -> Example:
    return Example(json=json, answers=frozenset(answers or {404}))


CONSENT = {
    "recipient": "County court",
    "what": "The treatment plan.",
    "purpose": "As the court asks.",
    "starts_on": str(DAY),
    "ends_when": "The case ends.",
    "signed_on": str(DAY),
    "signed_how": "on_paper",
}
SIGNATURE = {"sha256": "a" * 64, "typed_name": "Jordan", "intends": True}
ANYTHING = {"id": "x", "rawId": "x", "type": "public-key", "response": {}}
"""Of a passkey that nobody has."""
NOT_READ = {"no_such_field": True}
"""A body that the route refuses, for routes that name no object."""

API = "/api/v1"
CLIENT, DOCUMENT, REQUEST = (
    f"{API}/clients/{{client_id}}",
    f"{API}/documents/{{document_id}}",
    f"{API}/requests/{{request_id}}",
)
CHART = "/charts/{client_id:uuid}"
PAPERS, ASKED = f"{CHART}/documents/{{document_id:uuid}}", f"{CHART}/requests/{{request_id:uuid}}"
MINE, MY = f"{API}/portal/documents/{{document_id}}", "/portal/documents/{document_id:uuid}"

EXAMPLES: dict[str, Example] = {
    # -- the practice, over the API
    f"PATCH {API}/practice": sends(NOT_READ, 422),
    f"POST {API}/clients": sends(NOT_READ, 422),
    f"POST {API}/clients/search": sends({"words": "canary"}, 200),
    f"PUT {CLIENT}/timezone": sends({"timezone": "America/Chicago"}),
    f"PUT {CLIENT}/restriction": sends(WHY | {"care_team": [str(uuid4())]}),
    f"DELETE {CLIENT}/restriction": sends(),
    f"POST {CLIENT}/invitations": sends({"email": "a@demo.example", "name": "Ana"}),
    f"DELETE {CLIENT}/invitations/{{invitation_id}}": sends(),
    f"POST {CLIENT}/access/{{account_id}}/end": sends(WHY),
    f"POST {CLIENT}/access/{{account_id}}/new-factors": sends(WHY),
    f"POST {CLIENT}/documents": Example(form={"kind": "document"}, file=True, answers=frozenset({404})),
    f"POST {DOCUMENT}/share": sends(),
    f"POST {DOCUMENT}/hide": sends(WHY | {"exception": "privacy"}),
    f"POST {DOCUMENT}/blocks": sends(WHY | {"account_id": str(uuid4())}),
    f"DELETE {DOCUMENT}/blocks/{{account_id}}": sends(),
    f"POST {DOCUMENT}/versions": Example(form=WHY, file=True, answers=frozenset({404})),
    f"POST {DOCUMENT}/share-to-sign": sends(),
    f"POST {REQUEST}/recall": sends(WHY),
    f"POST {REQUEST}/extend": sends({"until": str(DAY + timedelta(days=20))}),
    f"POST {REQUEST}/reminders": sends({"days": [3]}),
    f"POST {REQUEST}/remind": sends(),
    f"POST {REQUEST}/unable-to-obtain": sends(WHY | {"attempts": [{"on": str(DAY), "how": "Called."}]}),
    f"POST {REQUEST}/signed-on-paper": sends(WHY | {"signed_on": str(DAY)}),
    f"POST {REQUEST}/resume": sends(),
    f"POST {REQUEST}/skip": sends(),
    f"POST {REQUEST}/reissue": sends(),
    f"POST {API}/bulk-shares": sends(NOT_READ, 422),
    f"POST {CLIENT}/disclosure-consents": sends(CONSENT),
    f"POST {CLIENT}/disclosure-consents/{{consent_id}}/revoke": sends(WHY),
    f"POST {DOCUMENT}/disclosures": sends({"consent_id": str(uuid4())}),
    f"POST {API}/keys": sends(NOT_READ, 422),
    f"DELETE {API}/keys/{{key_id}}": sends(),
    f"POST {CLIENT}/break-glass": sends(WHY),
    f"POST {API}/appointments": sends(NOT_READ, 422),
    f"POST {API}/appointments/{{appointment_id}}/move": sends({"starts_at": "2026-11-02T10:00:00Z"}),
    f"POST {API}/appointments/{{appointment_id}}/cancel": sends(),
    f"POST {DOCUMENT}/counter-signature": sends(SIGNATURE),
    f"POST {API}/session/authentication": sends({"password": "wrong"}, 403),
    # -- the client, over the API
    f"PUT {API}/portal/language": sends(NOT_READ, 422),
    f"PUT {API}/portal/reminders": sends(NOT_READ, 422),
    f"POST {API}/portal/consent": sends({"version": "another"}, 409),
    f"DELETE {API}/portal/consent": sends(None, 204),
    f"POST {MINE}/signature": sends(SIGNATURE),
    f"POST {MINE}/decline": sends({}),
    f"DELETE {API}/portal/session": sends(None, 204),
    f"POST {API}/portal/session/authentication": sends({"password": "wrong"}, 403),
    # -- anybody, over the API
    f"POST {API}/portal/sessions": sends({"email": "nobody@demo.example", "password": "x"}, 403),
    f"POST {API}/portal/session/second-factor": sends({"code": "123456"}, 401),
    f"POST {API}/portal/registrations": sends({"token": "x", "password": "x"}, 410),
    f"POST {API}/verifications": Example(file=True),
    # -- the chart
    "POST /charts": posts(200, search="canary"),
    "POST /charts/new": posts(422),
    f"POST {CHART}/invitation": posts(name="Ana", email="a@demo.example"),
    f"POST {CHART}/documents/new": Example(
        form={"kind": "document", "service_on": str(DAY)}, file=True, answers=frozenset({404})
    ),
    f"POST {CHART}/invitations/{{invitation_id:uuid}}/again": posts(),
    f"POST {CHART}/invitations/{{invitation_id:uuid}}/revoke": posts(),
    f"POST {CHART}/access/{{account_id:uuid}}/end": posts(**WHY),
    f"POST {CHART}/access/{{account_id:uuid}}/new-factors": posts(**WHY),
    f"POST {CHART}/access/{{account_id:uuid}}/block": posts(**WHY),
    f"POST {CHART}/access/{{account_id:uuid}}/unblock": posts(),
    f"POST {CHART}/break-glass": posts(**WHY),
    f"POST {CHART}/restriction": posts(care_team=[str(uuid4())], **WHY),
    f"POST {CHART}/restriction/lift": posts(),
    f"POST {CHART}/consents": posts(**CONSENT),
    f"POST {CHART}/consents/{{consent_id:uuid}}/revoke": posts(**WHY),
    f"POST {CHART}/consents/{{consent_id:uuid}}/copy": posts(document=str(uuid4())),
    f"POST {CHART}/appointments/new": posts(day="2026-11-02", at="10:00"),
    f"POST {CHART}/appointments/{{appointment_id:uuid}}": posts(day="2026-11-02", at="10:00"),
    f"POST {CHART}/appointments/{{appointment_id:uuid}}/cancel": posts(),
    f"POST {CHART}/documents/bulk": posts(),
    "POST /bulk": posts(422),
    "POST /settings": posts(422),
    "POST /staff": posts(422),
    **{f"POST /staff/{{staff_id:uuid}}/{act}": posts() for act in ("invitation", "end", "remove-factors")},
    "POST /staff/{staff_id:uuid}/role": posts(role="auditor"),
    f"POST {PAPERS}/share": posts(),
    f"POST {PAPERS}/versions": Example(form=WHY, file=True, answers=frozenset({404})),
    f"POST {PAPERS}/hide": posts(exception="privacy", **WHY),
    f"POST {PAPERS}/share-to-sign": posts(),
    f"POST {ASKED}/{{way}}": posts(),
    "POST /keys": posts(422),
    "POST /keys/{key_id:uuid}/revoke": posts(),
    **{f"POST {door}/sign-in/link": posts(409, token="x") for door in ("", "/portal")},
    # -- the Client Portal
    f"POST {MY}/decline": posts(choice="decline", step="send"),
    "POST /portal/preferences/consent": posts(409, version="another"),
    "POST /portal/preferences/consent/withdraw": posts(303),
    "POST /portal/preferences/reminders": posts(303, reminders="on"),
    # -- the codec endpoint: nobody here is an operator
    "POST /codec/decode": sends({"payloads": []}, 401),
    "POST /codec": posts(403, token="x"),
    "POST /codec/end": posts(303),
    "OPTIONS /codec/decode": sends(None, 204),
    "POST /verify": Example(file=True),
    "POST /portal/register": posts(409, token="x", new_password="x"),
    # -- what reads, and does not answer 200
    "GET /sign-in/sso": Example(answers=frozenset({404})),
    "GET /sign-in/sso/callback": Example(answers=frozenset({404})),
    "GET /": Example(answers=frozenset({303})),
    "GET /portal": Example(answers=frozenset({303})),
    f"GET {PAPERS}/share-to-sign": Example(answers=frozenset({303})),
    f"GET {MY}/decline": Example(answers=frozenset({303})),
    f"GET {MY}/declined": Example(answers=frozenset({303})),
}

for _door in ("", "/portal"):
    _sign_in, _account = f"{_door}/sign-in", f"{_door}/account"
    EXAMPLES |= {
        f"POST {_sign_in}": posts(403, email="nobody@demo.example", password="x"),
        f"POST {_sign_in}/passkey/question": posts(200),
        f"POST {_sign_in}/passkey": sends(ANYTHING, 403),
        f"POST {_door}/sign-out": posts(303),
        f"POST {_sign_in}/second-factor": posts(409, code="123456"),
        f"POST {_sign_in}/second-factor/passkey/question": posts(401),
        f"POST {_sign_in}/second-factor/passkey": sends(ANYTHING, 401),
        f"POST {_sign_in}/enrol": posts(409, code="123456"),
        f"POST {_sign_in}/enrol/passkey/question": posts(401),
        f"POST {_sign_in}/enrol/passkey": sends(ANYTHING, 401),
        f"POST {_sign_in}/forgotten": posts(200, email="nobody@demo.example"),
        f"POST {_sign_in}/reset": posts(409, token="x"),
        f"POST {_sign_in}/new-password": posts(409, new_password="x"),
        f"POST {_account}/password": posts(403, password="wrong", new_password="x"),
        f"POST {_account}/sessions/{{session_id:uuid}}/end": posts(409),
        f"POST {_account}/language": posts(422, language="xx"),
        f"POST {_account}/session": posts(200),
        f"POST {_account}/sessions/end-others": posts(303),
        f"POST {_account}/authenticator": posts(403, code="123456"),
        f"POST {_account}/authenticator/remove": posts(303, 409),
        f"POST {_account}/passkeys/question": posts(200),
        f"POST {_account}/passkeys": sends(ANYTHING, 403),
        f"POST {_account}/passkeys/remove": posts(303, 409, passkey="eA=="),
        f"POST {_account}/recovery-codes": posts(200),
        f"POST {_account}/again": posts(403, password="wrong"),
        f"POST {_account}/again/passkey/question": posts(200),
        f"POST {_account}/again/passkey": sends(ANYTHING, 403),
        f"GET {_account}/session": Example(answers=frozenset({200, 401})),
        f"GET {_sign_in}/second-factor": Example(answers=frozenset({409})),
        f"GET {_sign_in}/enrol": Example(answers=frozenset({409})),
        f"GET {_sign_in}/new-password": Example(answers=frozenset({409})),
    }
for _name in EXAMPLES:
    if _name.endswith(("/password", "/recovery-codes", "/again", "/authentication")):
        EXAMPLES[_name] = replace(EXAMPLES[_name], is_slow=True)
