"""Temporal: connection, payload encryption, search attributes.

What an operator reads without a key (ids, search attributes, summaries, current details) is made free of
personal data by its author and said in `PlainWords`; everything else is encrypted before it leaves the
process (SPEC A7, O1).
"""

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from opentelemetry.trace import Tracer
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadCodec,
)
from temporalio.service import RPCError, RPCStatusCode

from gateways.keys import Keys, read_keys
from settings import Settings

WAITS_FOR = SearchAttributeKey.for_keyword("StsWaitsFor")
"""What an open request waits for: `Signature`, `Registration` or `Attention`."""

ENDING = SearchAttributeKey.for_keyword("StsEnding")
"""How a request ended that was not signed: `Declined`, `Recalled`, `Expired`, …

A completed one without it was signed: so the common way costs no billable action.
"""

PRACTICE = SearchAttributeKey.for_keyword("StsPractice")
"""Opaque id of the practice."""

EXPIRES = SearchAttributeKey.for_datetime("StsExpires")
"""When the request ends if nobody signs."""

SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (WAITS_FOR, ENDING, PRACTICE, EXPIRES)


class PlainWords(str):
    """A sentence for the operator, free of personal data, so it travels readable."""

    __slots__ = ()


class _JSON(PydanticJSONPlainPayloadConverter):
    """JSON by pydantic, which also marks `PlainWords` as readable."""

    def to_payload(self, value: Any) -> Payload | None:
        payload = super().to_payload(value)
        if payload is not None and isinstance(value, PlainWords):
            payload.metadata[_READABLE] = b"1"
        return payload


class _Converter(CompositePayloadConverter):
    def __init__(self) -> None:
        super().__init__(
            *(
                _JSON() if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


_READABLE = "readable"
_ENCRYPTED = b"binary/encrypted"
_CURRENT_DETAILS = b"temporal.api.sdk.v1.WorkflowMetadata"
"""Answer of the query by which the UI reads the current details; holds our plain words and names from the code."""


_NOT_OURS = Payload(metadata={"encoding": b"refused/not-encrypted"})
"""What stands for a payload that somebody without our keys has sent, such as a forged signature: no converter
reads it, so the engine's client drops the signal that carries it."""


class UnknownPayloadKey(Exception):
    """A payload was encrypted with a key that is not in `STS_PAYLOAD_KEYS`: add the key again to read it."""


class UnreadablePayload(Exception):
    """A payload does not fit the key that it names: it was changed, or encrypted elsewhere under a key of that name."""


class EncryptingCodec(PayloadCodec):
    """AES-256-GCM with the key's id beside each payload, so that keys can be rotated while requests are open.

    Args: `keys` maps id to 32 bytes; the first encrypts, all decrypt.
    """

    def __init__(self, keys: Keys) -> None:
        self._active = next(iter(keys))
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [payload if _is_readable(payload) else self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._ours(payload) for payload in payloads]

    def _ours(self, payload: Payload) -> Payload:
        """What nobody with our keys has sent is replaced; a key that is missing here is an error all the same.

        Plain words too: we write them and read none, and a sentence could be taken for the name of who acts.
        """
        try:
            return self._decrypt(payload) if _is_encrypted(payload) else _NOT_OURS
        except UnreadablePayload:
            return _NOT_OURS

    def read(self, payload: Payload) -> Payload:
        """For the eyes of an operator: decrypted if it was encrypted, else as it is.

        Not for workers: they must not take for ours what somebody without our keys has sent (`decode`).
        Raises `UnknownPayloadKey`, or `UnreadablePayload`.
        """
        return self._decrypt(payload) if _is_encrypted(payload) else payload

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = os.urandom(12)  # NIST SP 800-38D 8.2.2: random, 96 bits
        key_id = self._active.encode()
        sealed = self._ciphers[self._active].encrypt(nonce, payload.SerializeToString(), key_id)
        return Payload(metadata={"encoding": _ENCRYPTED, "key": key_id}, data=nonce + sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        key_id = payload.metadata["key"]
        name = key_id.decode(errors="replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise UnknownPayloadKey(name)
        try:
            return Payload.FromString(cipher.decrypt(payload.data[:12], payload.data[12:], key_id))
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise UnreadablePayload(name) from error


def _is_encrypted(payload: Payload) -> bool:
    return payload.metadata.get("encoding") == _ENCRYPTED


def _is_readable(payload: Payload) -> bool:
    return _READABLE in payload.metadata or payload.metadata.get("messageType") == _CURRENT_DETAILS


def payload_keys(text: str) -> Keys:
    """Read what `STS_PAYLOAD_KEYS` gives; raises `ValueError`."""
    return read_keys(text, "STS_PAYLOAD_KEYS")


def data_converter(keys: Keys) -> DataConverter:
    """Pydantic JSON, encrypted; failure messages and stack traces too, since they may quote values."""
    return dataclasses.replace(
        DataConverter.default,
        payload_converter_class=_Converter,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        payload_codec=EncryptingCodec(keys),
    )


async def connect(settings: Settings, *, lazy: bool = False, tracer: Tracer | None = None) -> Client:
    """A client of the engine; with `lazy` it connects at its first call, so the API starts without the engine.

    With `tracer`, starts, signals and steps are traced, also by the worker that uses the client.
    """
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=data_converter(payload_keys(settings.payload_keys.get_secret_value())),
        lazy=lazy,
        interceptors=[TracingInterceptor(tracer)] if tracer else [],
    )


COMES_BACK_WITHIN = timedelta(seconds=60)


async def wait_for(settings: Settings, tracer: Tracer | None = None) -> Client:
    """A client of an engine that may be on its way back, and knows our search attributes then."""
    until = asyncio.get_running_loop().time() + COMES_BACK_WITHIN.total_seconds()
    while True:
        try:
            client = await connect(settings, tracer=tracer)
            await register_search_attributes(client)
        except (RuntimeError, RPCError):
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.5)
        else:
            return client


async def register_search_attributes(client: Client) -> None:
    """Make the search attributes known to the namespace; those that exist stay as they are."""
    kinds = {
        "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
        "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    }
    for key in SEARCH_ATTRIBUTES:
        kind = kinds["Datetime" if key is EXPIRES else "Keyword"]
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes={key.name: kind})
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as answer:
            if answer.status != RPCStatusCode.ALREADY_EXISTS:
                raise


async def backlog(client: Client, task_queue: str) -> dict[str, tuple[int, float]]:
    """Tasks that wait for a worker, and seconds that the oldest has waited, about, by kind. Raises `RPCError`."""
    found = {}
    for name, kind in _KINDS.items():
        request = DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind, report_stats=True
        )
        stats = (await client.workflow_service.describe_task_queue(request)).stats
        found[name] = stats.approximate_backlog_count, stats.approximate_backlog_age.ToNanoseconds() / 1e9
    return found


_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
