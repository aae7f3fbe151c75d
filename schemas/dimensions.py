"""The dimensions by which metrics are broken down."""

from typing import Annotated, Any

from msgspec import Meta

from .fields import Data, code, trimmed


class Dimensions(Data, kw_only=True):
    """The fields of event types with dimensions."""

    channel: Annotated[str, code("Where it happened: web, app, phone, chat, e-mail, ...")] | None = None
    touchpoint: Annotated[str, code("The step of the journey: checkout, onboarding, ...")] | None = None
    team: Annotated[str, code("Who was in charge")] | None = None
    priority: Annotated[str, code("How urgent: low, normal, urgent, ...")] | None = None
    labels: (
        Annotated[
            dict[str, Any],
            Meta(
                description="Further dimensions, as far as the configuration allows them (brand, product, region and "
                "segment by default): strings of 1 to 64 characters. Others are ignored and counted. No personal data"
            ),
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        if (self.channel, self.touchpoint, self.team, self.priority) not in _TRIMMED:
            self._trim()

    def _trim(self) -> None:
        values = (self.channel, self.touchpoint, self.team, self.priority)
        names = ("channel", "touchpoint", "team", "priority")
        trims = [
            None if value is None else trimmed(value, name) for value, name in zip(values, names, strict=True)
        ]
        self.channel, self.touchpoint, self.team, self.priority = trims
        if len(_TRIMMED) < 50_000:
            _TRIMMED.add(tuple(trims))


_TRIMMED: set[tuple[str | None, ...]] = {(None, None, None, None)}
"""Cached combinations of values that are already trimmed. Most events repeat one of them."""
