"""The dimensions that figures are broken down by."""

from typing import Annotated, Any

from msgspec import Meta

from .fields import Data, code, trimmed


class Dimensions(Data, kw_only=True):
    """Fields of every event type that lists dimensions."""

    channel: Annotated[str, code("Channel, such as web, app, phone, chat or e-mail")] | None = None
    touchpoint: Annotated[str, code("Step of the journey, such as checkout or onboarding")] | None = None
    team: Annotated[str, code("The team in charge")] | None = None
    priority: Annotated[str, code("Priority, such as low, normal or urgent")] | None = None
    labels: (
        Annotated[
            dict[str, Any],
            Meta(
                description="Further dimensions that metrics.labels allows (by default brand, product, region and segment), "
                "strings of 1 to 64 characters. Others are ignored and counted. They must not contain personal data"
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
"""The first combinations that came and had nothing to trim: most come again and again."""
