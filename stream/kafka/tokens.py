"""Tokens for OAUTHBEARER, from a provider of another package, with errors that say who is at fault."""

import asyncio
import re
from typing import Any

from aiokafka import conn
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from stream.config.settings import Kafka
from stream.config.token_providers import GROUP, token_providers
from stream.errors import ConfigError, CxgaugeError

TOKEN_TIMEOUT = 20.0
"""Seconds in which a provider must return a token."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
"""A token as the broker parses it: visible ASCII characters."""


class TokenError(KafkaError):
    """A provider returned no token. It is an error of Kafka, so that clients connect again as after an outage."""

    def __str__(self) -> str:
        return str(self.args[0])


class TokenRefusedError(SaslAuthenticationFailed, ConfigError):
    """The broker refused a token."""

    def __str__(self) -> str:
        return str(self.args[0])


class _LastError:
    """The last error of a login in this process. aiokafka raises another one, without the reason."""

    error: KafkaError | None = None


def take_token_fault() -> CxgaugeError | None:
    """Return why the last login by a token failed, None if it succeeded, or if none was tried since the last call."""
    error, _LastError.error = _LastError.error, None
    return error if error is None or isinstance(error, CxgaugeError) else CxgaugeError(str(error))


def token_provider(kafka: Kafka) -> AbstractTokenProvider:
    """Return a token provider as the settings name and configure it.

    Raises ConfigError if it is not installed, cannot be imported, refuses its options, or is none of aiokafka.
    """
    name = kafka.token_provider or ""
    if (entry_point := token_providers().get(name)) is None:
        raise ConfigError(f"kafka.token_provider: {name!r} is not an entry point of the group {GROUP}")
    try:
        factory = entry_point.load()
    except Exception as error:
        raise ConfigError(
            f"kafka.token_provider: {name!r} ({entry_point.value}) cannot be imported: {_reason(error)}"
        ) from error
    try:
        provider = factory(**kafka.token_options)
    except Exception as error:
        raise ConfigError(
            f"kafka.token_options: the token provider {name!r} refuses them: {_reason(error)}"
        ) from error
    if not isinstance(provider, AbstractTokenProvider):
        raise ConfigError(
            f"kafka.token_provider: {name!r} ({entry_point.value}) returned {type(provider).__name__}, expected an instance of "
            "aiokafka.abc.AbstractTokenProvider"
        )
    if not issubclass(conn.OAuthAuthenticator, _CheckedAuthenticator):
        conn.OAuthAuthenticator = _CheckedAuthenticator
    return _CheckedProvider(name, provider)


class _CheckedProvider(AbstractTokenProvider):
    """A provider whose errors name it."""

    def __init__(self, name: str, provider: AbstractTokenProvider) -> None:
        self.name, self._provider = name, provider

    async def token(self) -> str:
        """Return a token. Raises TokenError."""
        try:
            async with asyncio.timeout(TOKEN_TIMEOUT):
                token = await self._provider.token()
        except TimeoutError as error:
            raise self._error(
                _reason(error) if str(error) else f"none within {TOKEN_TIMEOUT:.0f} s"
            ) from error
        except Exception as error:
            raise self._error(_reason(error)) from error
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            shown = "a str with other characters" if isinstance(token, str) else type(token).__name__
            raise self._error(f"expected a str of visible ASCII characters, got {shown}")
        return token

    def extensions(self) -> dict[str, str]:
        """Return the SASL extensions. Raises TokenError."""
        try:
            return dict(self._provider.extensions())
        except Exception as error:
            raise self._error(f"extensions: {_reason(error)}") from error

    def _error(self, reason: str) -> TokenError:
        _LastError.error = TokenError(
            f"kafka.token_provider: {self.name!r} returned no token for Kafka: {reason}"
        )
        return _LastError.error


class _CheckedAuthenticator(OAuthAuthenticator):
    """An authenticator that reads the broker's answer.

    A broker that refuses a token answers with a text and no error code (RFC 7628, section 3.2.2). aiokafka ignores it, and
    its next request ends with a closed connection.
    """

    async def step(self, payload: bytes | None) -> Any:
        """Return the next message to the broker, None at the end. Raises TokenRefusedError."""
        if self._token_sent:
            _LastError.error = None
            provider = self._sasl_oauth_token_provider
            if payload:
                name = provider.name if isinstance(provider, _CheckedProvider) else type(provider).__name__
                _LastError.error = TokenRefusedError(
                    f"kafka.token_provider: the broker refuses the token of {name!r}: "
                    f"{payload.decode(errors='replace')}"
                )
                raise _LastError.error
        return await super().step(payload)


def _reason(error: BaseException) -> str:
    """Return an error as one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
