"""`POST /v1/events`."""

import time

from aiohttp import web

from stream.clock import wall_ms
from stream.config.settings import Intake
from stream.http.auth import BasicAuth
from stream.http.guard import network_of
from stream.http.web_config import WebConfig
from stream.intake.answers import Answer, answer_of, rejection
from stream.intake.binary_mode import attributes, has_attributes
from stream.intake.bodies import read_body, reserve_for
from stream.intake.decoding import decode
from stream.intake.exchange import json_response
from stream.intake.grants import ANONYMOUS, UNKNOWN, Grant, by_password, by_token
from stream.intake.media_types import Mode, mode_of
from stream.intake.memory import MemoryBudget
from stream.intake.metrics import IntakeMetrics
from stream.intake.problem import ProblemError, bad_request
from stream.intake.sink import KafkaSink
from stream.intake.splitting import split

_FLAGS = {"": False, "false": False, "0": False, "true": True, "1": True}


class EventsEndpoint:
    """Authenticates a request, validates its events, and answers when Kafka has them."""

    def __init__(
        self,
        settings: Intake,
        web_config: WebConfig,
        sink: KafkaSink,
        budget: MemoryBudget,
        metrics: IntakeMetrics,
    ) -> None:
        self._tokens = settings.tokens
        self._basic = BasicAuth(web_config.users) if web_config.users else None
        self._sink = sink
        self._budget = budget
        self._metrics = metrics

    async def post(self, request: web.Request) -> web.Response:
        """Answer a request, and count it."""
        source, outcome = UNKNOWN, "error"
        try:
            with self._metrics.in_flight.track_inprogress():
                grant = await self._grant(request)
                source = grant.source
                answer = await self._answer(request, grant)
            outcome = answer.outcome
        except ProblemError as problem:
            outcome = problem.outcome
            raise
        finally:
            self._metrics.count(source, outcome)
        return json_response(answer.status, answer.document)

    async def _grant(self, request: web.Request) -> Grant:
        """Return the grant of the sender. Raises ProblemError (401, 429 or 503)."""
        header = request.headers.get("Authorization", "")
        if self._basic is not None and (header[:6].lower() == "basic " or not self._tokens):
            return Grant(await by_password(self._basic, header, network_of(request.remote)))
        return by_token(header, self._tokens) if self._tokens else Grant(ANONYMOUS)

    async def _answer(self, request: web.Request, grant: Grant) -> Answer:
        atomic = _is_atomic(request)
        headers = request.headers
        mode = mode_of(headers.get("Content-Type"), has_attributes=has_attributes(headers))
        in_headers = attributes(headers.items()) if mode is Mode.BINARY else []
        with reserve_for(request, self._budget) as reservation:
            body = await read_body(request, reservation)
            self._metrics.body_bytes.inc(len(body))
            accepted, faults = decode(split(mode, body, in_headers), wall_ms(), grant.refusal)
            if faults and (atomic or not accepted):
                raise rejection(faults, atomic=bool(atomic and accepted))
            began = time.perf_counter()
            await self._sink.send([event.record for event in accepted], reservation)
            self._metrics.ack_seconds.observe(time.perf_counter() - began)
        return answer_of(accepted, faults)


def _is_atomic(request: web.Request) -> bool:
    """Return the parameter `atomic`. Raises ProblemError for another value, and for any other parameter."""
    for name in request.query:
        if name != "atomic":  # misspelt, it would store a part of a request that is meant to be atomic
            raise _bad_parameter(f"query: expected atomic, got {name[:20]!r}")
    text = request.query.get("atomic", "").lower()
    if text not in _FLAGS:
        raise _bad_parameter(f"atomic: expected true or false, got {text[:20]!r}")
    return _FLAGS[text]


def _bad_parameter(detail: str) -> ProblemError:
    return bad_request("invalid-parameter", "A parameter is invalid", detail)
