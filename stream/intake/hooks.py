"""`POST /v1/hooks/NAME`: the webhooks of other systems, by a mapping."""

import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from schemas.codec import MAX_VALUE, encode
from schemas.envelope import Event
from stream.clock import wall_ms
from stream.config.intake_settings import Hook
from stream.errors import ConfigError, CxgaugeError
from stream.http.guard import network_of
from stream.intake import challenges
from stream.intake.bodies import read_body, reserve_for
from stream.intake.decoding import OutgoingEvent, record_of
from stream.intake.exchange import json_response
from stream.intake.memory import MemoryBudget
from stream.intake.metrics import IntakeMetrics
from stream.intake.payloads import document_of
from stream.intake.problem import ProblemError
from stream.intake.signatures import SIGNED, SignedRequest, Verifier, verifier
from stream.intake.sink import DEADLETTER, KafkaSink
from stream.mapping.mapping import EventMapping, load, summary

log = logging.getLogger(__name__)

_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class CompiledHook(NamedTuple):
    """A webhook with its mapping and its verifier."""

    name: str
    settings: Hook
    mapping: EventMapping
    verify: Verifier


class MappedPayload(NamedTuple):
    """The events of a payload, and the errors of those that could not be made."""

    events: list[Event]
    errors: list[str]


def compile_hooks(hooks: Mapping[str, Hook]) -> dict[str, CompiledHook]:
    """Read the mappings of all webhooks. Raises ConfigError with a line for each fault."""
    compiled, faults = {}, []
    for name, hook in hooks.items():
        where = f"intake.hooks.{name}"
        try:
            compiled[name] = CompiledHook(name, hook, load(hook.mapping), verifier(hook, where))
        except ConfigError as error:
            faults.append(str(error))
        except CxgaugeError as error:
            faults += [f"{where}.mapping: {line}" for line in str(error).splitlines()]
    if faults:
        raise ConfigError("\n".join(faults))
    return compiled


def map_payload(hook: CompiledHook, request: SignedRequest, document: Any) -> MappedPayload:
    """Return the events of a document. `_headers` of the mapping are those of the request without credentials."""
    headers = {name: value for name, value in request.headers.items() if name not in _SECRET_HEADERS}
    events, errors = [], []
    for result in hook.mapping.events(document, {"_headers": headers}):
        if not isinstance(result, Event):
            errors.append(str(result))
        elif len(encode(result)) > MAX_VALUE:
            errors.append(f"value of {result.data.TYPE}: more than {MAX_VALUE} bytes")
        else:
            events.append(result)
    return MappedPayload(events, errors)


def dead_letter(hook: str, request: SignedRequest, errors: list[str], now: int) -> OutgoingEvent:
    """Return the dead letter of a payload: its raw body, cut at 256 KiB, and the errors as headers.

    Partition and offset are -1, because it never was a record. `now` in ms.
    """
    headers = {
        "content-type": request.headers.get("content-type", ""),
        "cx_reason": "invalid",
        "cx_detail": summary(errors),
        "cx_topic": f"hooks/{hook}",
        "cx_partition": "-1",
        "cx_offset": "-1",
        "cx_timestamp": str(now),
    }
    encoded = [(name, value.encode(errors="replace")) for name, value in headers.items()]
    return OutgoingEvent((DEADLETTER,), b"", request.body[:MAX_VALUE], now, encoded)


class HooksEndpoint:
    """Verifies a webhook, maps its payload, and answers when Kafka has the events and the dead letter."""

    def __init__(
        self, hooks: Mapping[str, CompiledHook], sink: KafkaSink, budget: MemoryBudget, metrics: IntakeMetrics
    ) -> None:
        self._hooks = hooks
        self._sink = sink
        self._budget = budget
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all methods."""
        path = "/v1/hooks/{name}"
        return [
            web.post(path, self.post),
            web.get(path, self.get),
            web.options(path, self.options),
        ]

    def _hook(self, request: web.Request) -> CompiledHook:
        hook = self._hooks.get(request.match_info["name"])
        if hook is None:
            raise web.HTTPNotFound
        return hook

    async def get(self, request: web.Request) -> web.Response:
        """Answer a challenge in the query."""
        return challenges.answer_get(request, self._hook(request).settings.challenge_token)

    async def options(self, request: web.Request) -> web.Response:
        """Answer the handshake of CloudEvents' webhooks."""
        self._hook(request)
        return challenges.answer_options(request)

    async def post(self, request: web.Request) -> web.Response:
        """Answer a delivery, and count it."""
        hook, outcome = self._hook(request), "error"
        try:
            with self._metrics.in_flight.track_inprogress():
                outcome, response = await self._answer(hook, request)
        except ProblemError as problem:
            outcome = problem.outcome
            raise
        finally:
            self._metrics.count(hook.name, outcome)
        return response

    async def _answer(self, hook: CompiledHook, request: web.Request) -> tuple[str, web.Response]:
        if (response := challenges.answer_validation(request)) is not None:
            return "challenge", response
        signed = SignedRequest(_headers(request), b"", request.query, network_of(request.remote))
        if hook.settings.verify not in SIGNED:  # otherwise it is authentic or not with its body only
            await hook.verify(signed, time.time())
        with reserve_for(request, self._budget) as reservation:
            body = await read_body(request, reservation)
            signed = signed._replace(body=body)
            if hook.settings.verify in SIGNED:
                await hook.verify(signed, time.time())
            self._metrics.body_bytes.inc(len(body))
            try:
                document = document_of(body, signed.headers.get("content-type", ""))
            except ValueError as error:
                mapped = MappedPayload([], [f"body: {error}"])
            else:
                if (response := challenges.answer_verification(document)) is not None:
                    return "challenge", response
                mapped = map_payload(hook, signed, document)
            now = wall_ms()
            records = [record_of(event, now) for event in mapped.events]
            if mapped.errors:
                log.warning(
                    "A payload of the webhook %s could not be mapped: see the dead letters", hook.name
                )
                records.append(dead_letter(hook.name, signed, mapped.errors, now))
            began = time.perf_counter()
            await self._sink.send(records, reservation)
            if records:
                self._metrics.ack_seconds.observe(time.perf_counter() - began)
        outcome = "unmapped" if mapped.errors else "accepted" if mapped.events else "ignored"
        return outcome, json_response(200, {"events": len(mapped.events), "unmapped": len(mapped.errors)})


def _headers(request: web.Request) -> dict[str, str]:
    """Return the headers by name in lower case. Several of one name are joined by commas."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    return headers
