"""Errors of Kafka's client that no retry mends: refused logins and certificates, and missing rights."""

import asyncio
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    BrokerNotAvailableError,
    BrokerResponseError,
    ClusterAuthorizationFailedError,
    ConcurrentTransactions,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    IncompatibleBrokerVersion,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    ProducerFenced,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from stream.clock import wall_ms
from stream.config.settings import Kafka
from stream.errors import ConfigError, CxgaugeError
from stream.kafka.client import QuietLibrary, client_options
from stream.kafka.rights import Operation, decode_certificate, denied, lacking, principal
from stream.kafka.tokens import take_token_fault

LOGIN_TIMEOUT = 10.0
"""Seconds that a login to a server may take."""
CLOSE_TIMEOUT = 1.0
"""Seconds that closing a connection may take. With TLS the server has to agree."""
LOGINS = 3
"""Connections that a server must close before its answer, until that is taken for its answer to a wrong protocol."""
_PASSING = (
    BrokerNotAvailableError,
    ConcurrentTransactions,
    InvalidProducerEpoch,
    ProducerFenced,
    UnknownError,
)
"""Errors that may pass although aiokafka does not call them retriable. Workers that start together cause some of them."""


def final_error(
    kafka: Kafka, error: BaseException, operations: Collection[Operation] = (Operation.READ, Operation.WRITE)
) -> CxgaugeError | None:
    """Return the error that ends the process, or None if a retry may mend it.

    `operations` are those of which a topic may refuse one.
    """
    for cause in _chain(error):
        if isinstance(cause, CxgaugeError):
            return cause
        if fault := _login(kafka, cause) or _tls(kafka, cause):
            return ConfigError(fault)
        if fault := _right(kafka, cause, operations):
            return denied([fault])
    return None


def is_transient(error: BaseException) -> bool:
    """Return whether a retry may mend an error: no connection, no answer in time, no leader."""
    if isinstance(error, IncompatibleBrokerVersion):
        return False
    return not isinstance(error, BrokerResponseError) or error.retriable or isinstance(error, _PASSING)


def is_fenced(error: BaseException) -> bool:
    """Return whether another producer with the same transactional ID caused an error."""
    return any(isinstance(cause, (ProducerFenced, InvalidProducerEpoch)) for cause in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _login(kafka: Kafka, error: BaseException) -> str:
    servers = kafka.bootstrap_servers
    if isinstance(error, SaslAuthenticationFailed):
        return (
            f"kafka.sasl_username, kafka.sasl_password: {servers!r} refuses the login of {principal(kafka)} with "
            f"{kafka.sasl_mechanism}: wrong password, or no such user"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        allowed = f": {error.args[0]}" if error.args and isinstance(error.args[0], str) else ""
        return f"kafka.sasl_mechanism: {servers!r} does not take {kafka.sasl_mechanism}{allowed}"
    if isinstance(error, IllegalSaslStateError):
        return f"kafka.security_protocol: {servers!r} expects no login, got {kafka.security_protocol!r}"
    return ""


def _tls(kafka: Kafka, error: BaseException) -> str:
    servers = kafka.bootstrap_servers
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"kafka.ssl_cafile: the certificate of {servers!r} is refused: {error.verify_message}"
    if not isinstance(error, ssl.SSLError) or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return ""
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" in reason:
        return f"kafka.ssl_certfile: {servers!r} refuses the certificate of this client{_expiry(kafka)}: {reason}"
    return f"kafka.security_protocol: {servers!r} does not speak TLS as {kafka.security_protocol!r} does: {reason}"


def _expiry(kafka: Kafka) -> str:
    """Return when the certificate of this client has expired. Empty if it has not, or there is none."""
    if not kafka.ssl_certfile:
        return ", which has none"
    end = str(decode_certificate(str(kafka.ssl_certfile))["notAfter"])
    return f", which has expired on {end}" if ssl.cert_time_to_seconds(end) * 1000 < wall_ms() else ""


def _right(kafka: Kafka, error: BaseException, operations: Collection[Operation]) -> str:
    subject = error.args[0] if error.args else ""
    if isinstance(error, GroupAuthorizationFailedError):
        return lacking(kafka, [Operation.READ], f"group {subject}")
    if isinstance(error, TransactionalIdAuthorizationFailed):
        return lacking(kafka, [Operation.WRITE], f"transactional ID {subject}")
    if isinstance(error, ClusterAuthorizationFailedError):
        return f"{principal(kafka)} lacks Write on every topic, or IdempotentWrite on the cluster"
    if isinstance(error, TopicAuthorizationFailedError):
        names = subject if isinstance(subject, str) else ", ".join(sorted(subject))
        labels = " or ".join(operation.label for operation in operations)
        return f"{principal(kafka)} lacks {labels} on topic {names}"
    return ""


@contextmanager
def translated(kafka: Kafka, *operations: Operation) -> Iterator[None]:
    """Raise the error that ends the process for an error of Kafka's client. Errors that a retry may mend stay."""
    try:
        yield
    except KafkaError as error:
        if (fault := final_error(kafka, error, operations)) is not None:
            raise fault from error
        raise


async def diagnose(
    kafka: Kafka, error: BaseException, operations: Collection[Operation] = (Operation.READ, Operation.WRITE)
) -> CxgaugeError | None:
    """Return the error that ends the process, or None if a retry may mend it. `operations` as in `final_error`.

    aiokafka does not say why it could not connect, so this logs in to each server to learn it.
    """
    fault = final_error(kafka, error, operations)
    if fault is not None or not isinstance(error, KafkaConnectionError):
        return fault
    for host, port, _ in collect_hosts(kafka.bootstrap_servers):
        if (fault := await _login_fault(kafka, host, port)) is not None:
            return fault
    return None


async def retry_reason(
    kafka: Kafka, error: Exception, operations: Collection[Operation] = (Operation.READ, Operation.WRITE)
) -> str:
    """Return a text for a service that tries again. Raises CxgaugeError if no retry mends the error."""
    if (fault := await diagnose(kafka, error, operations)) is not None:
        raise fault from error
    if not is_transient(error):
        raise CxgaugeError(f"Kafka at {kafka.bootstrap_servers!r}: {error}") from error
    return (
        str(take_token_fault() or "")
        or f"broker {kafka.bootstrap_servers} cannot be reached: {type(error).__name__}"
    )


async def _login_fault(kafka: Kafka, host: str, port: int) -> CxgaugeError | None:
    """Return why a server refuses this client, None if it does not, or cannot be reached."""
    options = client_options(kafka)
    del options["bootstrap_servers"]
    for _ in range(LOGINS):
        try:
            with QuietLibrary():
                async with asyncio.timeout(LOGIN_TIMEOUT):
                    connection = await create_conn(host, port, **options)
        except (KafkaError, OSError, TimeoutError) as error:
            return final_error(kafka, error)
        try:
            async with asyncio.timeout(LOGIN_TIMEOUT):
                await connection.send(MetadataRequest([]))
        except KafkaConnectionError as error:
            if (fault := final_error(kafka, error)) is not None:
                return fault
        except (KafkaError, OSError, TimeoutError) as error:
            return final_error(kafka, error)
        else:
            return None
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await connection.close()
    return ConfigError(
        f"kafka.security_protocol: the server {host}:{port} closes connections with {kafka.security_protocol!r}"
    )
