"""Errors of Kafka's client that end a process, and those that a retry may mend."""

import re
import ssl

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidProducerEpoch,
    InvalidTxnState,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    ProducerFenced,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from stream.config import Kafka
from stream.errors import CxgaugeError
from stream.kafka.faults import diagnose, final_error, is_fenced, is_transient, retry_reason, translated
from stream.kafka.metadata import ClusterTopics, TopicMetadata
from stream.kafka.rights import Operation, check_rights

KAFKA = Kafka(security_protocol="SASL_SSL", sasl_username="u", sasl_password="p")  # noqa: S106


def caused(error: Exception, cause: Exception) -> Exception:
    """Return an error with its cause."""
    error.__cause__ = cause
    return error


def tls(error: ssl.SSLError, reason: str) -> ssl.SSLError:
    """Return an error of TLS with OpenSSL's reason."""
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (TopicAuthorizationFailedError("cx.a"), 4, "User:u lacks Read on topic cx.a"),
        (TopicAuthorizationFailedError({"cx.b", "cx.a"}), 4, "User:u lacks Read on topic cx.a, cx.b"),
        (GroupAuthorizationFailedError("g"), 4, "User:u lacks Read on group g"),
        (TransactionalIdAuthorizationFailed("t"), 4, "User:u lacks Write on transactional ID t"),
        (ClusterAuthorizationFailedError(), 4, "IdempotentWrite on the cluster"),
        (caused(KafkaError("delivery"), TopicAuthorizationFailedError("cx.a")), 4, "topic cx.a"),
        (SaslAuthenticationFailed("no"), 2, "refuses the login of User:u with PLAIN"),
        (
            caused(KafkaConnectionError(), tls(ssl.SSLError(), "SSLV3_ALERT_BAD_CERTIFICATE")),
            2,
            "kafka.ssl_certfile",
        ),
        (tls(ssl.SSLError(), "WRONG_VERSION_NUMBER"), 2, "kafka.security_protocol"),
    ],
)
def test_errors_that_end_a_process(error: Exception, code: int, text: str) -> None:
    """A missing right ends it with 4, a refused login with 2."""
    fault = final_error(KAFKA, error, [Operation.READ])
    assert isinstance(fault, CxgaugeError)
    assert fault.exit_code == code
    assert text in str(fault)


@pytest.mark.parametrize(
    "error",
    [
        KafkaConnectionError(),
        NodeNotReadyError(),
        LeaderNotAvailableError(),
        RequestTimedOutError(),
        ProducerFenced(),
        TimeoutError(),
        ConnectionRefusedError(),
        ssl.SSLEOFError(),
    ],
)
def test_errors_that_a_retry_may_mend(error: Exception) -> None:
    """No connection, no answer in time, no leader, or another worker that starts."""
    assert final_error(KAFKA, error) is None
    assert is_transient(error)


def test_a_fenced_producer_is_told_from_other_errors() -> None:
    """Also as the cause of another error, as after a fatal error of the producer."""
    assert is_fenced(ProducerFenced())
    assert is_fenced(caused(KafkaError("fatal"), InvalidProducerEpoch()))
    assert not is_fenced(caused(KafkaError("fatal"), InvalidTxnState()))


@pytest.mark.parametrize("error", [InvalidTxnState(), IncompatibleBrokerVersion("DescribeConfigs")])
async def test_a_refused_request_is_not_transient(error: KafkaError) -> None:
    """It is refused each time. So is a request that the broker does not know. A service ends with the reason."""
    assert not is_transient(error)
    with pytest.raises(CxgaugeError, match=re.escape(f"Kafka at '127.0.0.1:9092': {error}")):
        await retry_reason(Kafka(), error)


async def test_a_server_that_is_not_there_refuses_nothing(free_port: int) -> None:
    """A login at each server finds no reason to end."""
    kafka = Kafka(bootstrap_servers=f"127.0.0.1:{free_port},127.0.0.1:{free_port}")
    assert await diagnose(kafka, KafkaConnectionError()) is None


def test_other_errors_stay() -> None:
    """Callers handle them."""
    with pytest.raises(InvalidTxnState), translated(KAFKA, Operation.WRITE):
        raise InvalidTxnState
    with pytest.raises(CxgaugeError, match=r"lacks Write on topic cx.a"), translated(KAFKA, Operation.WRITE):
        raise TopicAuthorizationFailedError("cx.a")


def described(operations: int | None) -> ClusterTopics:
    """Return a topic with these operations, a missing topic and a hidden one."""
    return ClusterTopics(
        {"cx.a": TopicMetadata(b"id", 1, 1, operations)}, frozenset({"cx.missing"}), frozenset({"cx.hidden"})
    )


def test_missing_rights_are_listed_by_topic() -> None:
    """A hidden topic lacks all operations that include Describe. A missing one lacks no right."""
    needs = dict.fromkeys(("cx.a", "cx.missing", "cx.hidden"), (Operation.READ, Operation.DESCRIBE_CONFIGS))
    with pytest.raises(CxgaugeError) as raised:
        check_rights(KAFKA, described(1 << Operation.READ), needs)
    assert str(raised.value).splitlines()[:-1] == [
        "User:u lacks DescribeConfigs on topic cx.a",
        "User:u lacks Read on topic cx.hidden",
    ]


def test_brokers_may_not_say_what_is_permitted() -> None:
    """Then the request itself fails if it is not."""
    check_rights(KAFKA, described(None), {"cx.a": (Operation.READ,)})
    check_rights(KAFKA, described(1 << Operation.READ), {"cx.a": (Operation.READ,)})
