"""Connection options of Kafka clients."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from stream.config.settings import OAUTHBEARER, Kafka
from stream.errors import ConfigError
from stream.kafka.tokens import token_provider
from stream.resources.certificates import CertificateFile

REQUEST_TIMEOUT_MS = 10_000
"""Time after which a single request fails."""


def client_options(kafka: Kafka) -> dict[str, Any]:
    """Return the connection options of an aiokafka client: servers, TLS context and SASL credentials.

    Raises ConfigError for files of certificates and token providers that cannot be used.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(kafka)
    if kafka.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = kafka.sasl_mechanism
        if kafka.sasl_mechanism == OAUTHBEARER:
            options["sasl_oauth_token_provider"] = token_provider(kafka)
        else:
            options |= {
                "sasl_plain_username": kafka.sasl_username,
                "sasl_plain_password": kafka.sasl_password,
            }
    return options


def certificate_files(kafka: Kafka) -> Iterator[CertificateFile]:
    """Yield the files of certificates that a connection uses."""
    if kafka.security_protocol.endswith("SSL"):
        if kafka.ssl_cafile is not None:
            yield CertificateFile("kafka_ca", kafka.ssl_cafile)
        if kafka.ssl_certfile is not None:
            yield CertificateFile("kafka_client", kafka.ssl_certfile)


def _ssl_context(kafka: Kafka) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
    except OSError as error:
        raise ConfigError(
            f"kafka.ssl_cafile: expected a file of certificates in PEM, got {str(kafka.ssl_cafile)!r}: {error}"
        ) from error
    if kafka.ssl_certfile:
        try:
            # With an empty password an encrypted key raises. Without one, OpenSSL would ask on the terminal.
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile, password="")
        except OSError as error:
            raise ConfigError(
                f"kafka.ssl_certfile: expected a certificate in PEM with its key, not encrypted, in it or in kafka.ssl_keyfile, "
                f"got {str(kafka.ssl_certfile)!r}: {error}"
            ) from error
    return context


class QuietLibrary:
    """A context in which aiokafka logs nothing: it logs errors for an attempt to connect whose failure the caller reports.

    Contexts of several tasks may overlap. `has_connected` is true after the first attempt that succeeded.
    """

    has_connected = False
    _depth = 0
    _level = logging.NOTSET

    def __enter__(self) -> None:
        library = logging.getLogger("aiokafka")
        if not QuietLibrary._depth:
            QuietLibrary._level = library.level
            library.setLevel(logging.CRITICAL)
        QuietLibrary._depth += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        QuietLibrary._depth -= 1
        QuietLibrary.has_connected |= kind is None
        if not QuietLibrary._depth:
            logging.getLogger("aiokafka").setLevel(QuietLibrary._level)


async def connect(kafka: Kafka) -> AIOKafkaClient:
    """Return a connected client for single requests, which the caller closes. Raises aiokafka's KafkaError."""
    client = AIOKafkaClient(**client_options(kafka), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        with QuietLibrary():
            await client.bootstrap()
    except BaseException:
        await client.close()
        raise
    return client


class Client(Protocol):
    """A consumer or producer of aiokafka."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Close the connections."""


async def stop_within(client: Client, seconds: float) -> None:
    """Stop a client. One that does not stop in time is left to the end of the process."""
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(seconds):
            await client.stop()


ClientT = TypeVar("ClientT", bound=Client)


@asynccontextmanager
async def running(client: ClientT) -> AsyncIterator[ClientT]:
    """Start a client, and stop it at the end of the block. A client whose start fails is stopped too."""
    try:
        with QuietLibrary():
            await client.start()
        yield client
    finally:
        await client.stop()
