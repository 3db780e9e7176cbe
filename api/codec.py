"""The codec endpoint: operators read in the Temporal UI what is encrypted for everybody else (SPEC O1).

The UI sends payloads here as `POST /codec/decode` (Temporal's remote codec protocol) and shows what it gets back.
Programs, such as `temporal workflow show --codec-endpoint`, show an operator's token; browsers show the pass that the
page `/codec` gives for one. There is no `/codec/encode`: docs/decisions/009-operators-read-payloads.md says why.
"""

import json
import logging
import re
from collections.abc import Sequence, Set
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Cookie, Depends, Form, Header, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from google.protobuf import json_format
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.api.common.v1 import Payload, Payloads

from api.access import Res, SignInNeeded, does, ip_address
from api.pages.rendering import page, see_other
from chart.refusals import NotFound, Unacceptable
from gateways.temporal import EncryptingCodec, UnknownPayloadKey, UnreadablePayload
from identity.operator import PASS_LASTS, Operators
from identity.policy import Operation

DECODE = "/codec/decode"
COOKIE = "__Secure-sts-operator"
"""Not `__Host-`, which would go to every path, and on loopback to every port: this one goes to `/codec` only."""

MOST_PAYLOADS = 16_000_000
"""Bytes of one request of the UI: a few payloads of the 2 MB that Temporal allows, in base64."""

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/codec", include_in_schema=False)


def origins(text: str) -> frozenset[str]:
    """Read `https://a.example,https://b.example:8443`; a `ValueError` names what browsers would never send."""
    found = frozenset(filter(None, map(str.strip, text.split(","))))
    for origin in found:
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?|https?://\[[0-9a-f:]+\](:\d+)?", origin):
            raise ValueError(
                f"STS_TEMPORAL_UI_ORIGINS: {origin!r} is not `https://host` or `https://host:port`, in lower case and"
                " without a path"
            )
    return found


class CrossOrigin:
    """Lets pages of the allowed origins call `DECODE` with cookies and read every answer of it (Fetch: CORS)."""

    def __init__(self, app: ASGIApp, allowed: Set[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != DECODE:
            await self._app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin")

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin and origin in self._allowed:
                    headers.update({"access-control-allow-origin": origin} | WELCOME)
            await send(message)

        await self._app(scope, receive, send_told)


WELCOME = {
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "POST",
    # not `authorization`: a token is for programs, a browser shows its pass
    "access-control-allow-headers": "content-type, x-namespace",
    "access-control-max-age": "600",
}


async def _operators(res: Res) -> Operators:
    if not res.operators:
        raise NotFound("Nobody may read payloads here. To name operators who may, set STS_CODEC_TOKENS.")
    return res.operators


TheOperators: TypeAlias = Annotated[Operators, Depends(_operators)]
_Pass: TypeAlias = Annotated[str, Cookie(alias=COOKIE)]


async def _operator(
    request: Request,
    res: Res,
    operators: TheOperators,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
    origin: Annotated[str, Header()] = "",
    shown: _Pass = "",
) -> str:
    """Name of the operator. A pass counts on pages of the Temporal UI only: none of our own can use it."""
    name: str | None = None
    if bearer:
        name = operators.by_token(bearer.credentials)
    elif origin in res.temporal_ui:
        found = operators.by_pass(shown, datetime.now(UTC))
        name = found.operator if found else None
    if name is None:
        logger.warning("payloads refused to somebody who is no operator, at %s", ip_address(request))
        raise SignInNeeded("Open /codec here with an operator's token, or send it as `Authorization: Bearer …`.")
    return name


@router.options("/decode")
@does(Operation.LOOK_AROUND)
async def preflight() -> Response:
    """What browsers ask before they let another origin's page call; `CrossOrigin` says yes or nothing."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/decode", max_body_size=MOST_PAYLOADS)
@does(Operation.READ_PAYLOADS)
async def decode(request: Request, res: Res, operator: Annotated[str, Depends(_operator)]) -> Response:
    """Payloads as protobuf's JSON, decrypted; those that were never encrypted come back as they are."""
    sent = _payloads(await request.body())
    codec = res.engine.data_converter.payload_codec
    assert isinstance(codec, EncryptingCodec)
    # before they are read: whatever happens then, who asked is on record, and nothing of what is inside
    logger.info("operator %s reads %d payloads, at %s", operator, len(sent), ip_address(request))
    return JSONResponse({"payloads": [json_format.MessageToDict(_read(codec, payload)) for payload in sent]})


def _payloads(body: bytes) -> Sequence[Payload]:
    try:
        told = json.loads(body)
        if isinstance(told, dict):  # of a list or a text, the next line would find nothing wrong
            return json_format.ParseDict(told, Payloads(), ignore_unknown_fields=True).payloads
    except (ValueError, json_format.ParseError, RecursionError):
        pass  # the error quotes the body
    raise Unacceptable("The body is not the JSON of Temporal's `Payloads`.")


def _read(codec: EncryptingCodec, payload: Payload) -> Payload:
    try:
        return codec.read(payload)
    except UnknownPayloadKey as unknown:
        raise Unacceptable(
            "A payload was encrypted with the key '{key}', which is not in STS_PAYLOAD_KEYS."
            " Add it again, last, to read it.",
            key=str(unknown),
        ) from None
    except UnreadablePayload as unreadable:
        raise Unacceptable(
            "A payload does not fit the key '{key}' that it names: it was changed, or is not ours.", key=str(unreadable)
        ) from None


@router.get("")
@does(Operation.SIGN_IN)
async def show(request: Request, operators: TheOperators, shown: _Pass = "") -> Response:
    found = operators.by_pass(shown, datetime.now(UTC))
    return page(request, "codec.html", found=found, endpoint=f"{request.base_url}codec", problem=None)


@router.post("")
@does(Operation.SIGN_IN)
async def enter(request: Request, operators: TheOperators, token: Annotated[str, Form()] = "") -> Response:
    """Give the browser a pass for a token."""
    name = operators.by_token(token.strip())
    if name is None:
        logger.warning("a wrong operator's token was entered, at %s", ip_address(request))
        problem = "This is not an operator's token. Who runs the service can give you yours."
        return page(request, "codec.html", HTTPStatus.FORBIDDEN, found=None, endpoint="", problem=problem)
    logger.info("operator %s got a pass, at %s", name, ip_address(request))
    answer = see_other("/codec")
    # strict: pages of the UI are of the same site as we are, or the browser keeps the cookie to itself
    answer.set_cookie(
        COOKIE,
        operators.give_pass(name, datetime.now(UTC)),
        max_age=int(PASS_LASTS.total_seconds()),
        path="/codec",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/end")
@does(Operation.SIGN_IN)
async def end() -> Response:
    """Let the browser forget its pass."""
    answer = see_other("/codec")
    answer.delete_cookie(COOKIE, path="/codec", secure=True, httponly=True, samesite="strict")
    return answer
