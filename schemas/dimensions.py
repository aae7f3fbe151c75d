"""The dimensions by which metrics are broken down."""

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from .fields import Data, code, trimmed


class Dimensions(Data, kw_only=True):
    """The fields of event types with dimensions."""

    channel: Annotated[str, code("Channel, such as web, app, phone, chat or e-mail")] | None = None
    touchpoint: Annotated[str, code("Step of the journey, such as checkout or onboarding")] | None = None
    team: Annotated[str, code("The team in charge")] | None = None
    priority: Annotated[str, code("Priority, such as low, normal or urgent")] | None = None
    labels: (
        Annotated[
            dict[str, Any],
            Meta(
                title="Labels",
                description="Further dimensions that metrics.labels allows (by default brand, product, region and segment), "
                "strings of 1 to 64 characters. Others are ignored and counted. They must not contain personal data",
            ),
        ]
        | None
    ) = None

    DIMENSIONS: ClassVar[tuple[str, ...]] = ("channel", "touchpoint", "team", "priority")
    """The fields that are dimensions. Their values are trimmed."""
    VALUES: ClassVar[Callable[[Any], tuple[str | None, ...]]] = attrgetter(*DIMENSIONS)
    """Return the values of these fields."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.VALUES = attrgetter(*cls.DIMENSIONS)

    def __post_init__(self) -> None:
        values = type(self).VALUES(self)
        try:
            is_trimmed = values in _TRIMMED
        except TypeError:  # a value that is no text and has no hash, which trimming refuses
            is_trimmed = False
        if not is_trimmed:
            self._trim(self.DIMENSIONS, values)

    def _trim(self, names: tuple[str, ...], values: tuple[str | None, ...]) -> None:
        trims = [
            None if value is None else trimmed(value, name) for value, name in zip(values, names, strict=True)
        ]
        for name, value in zip(names, trims, strict=True):
            setattr(self, name, value)
        if len(_TRIMMED) < 50_000:
            _TRIMMED.add(tuple(trims))


_TRIMMED: set[tuple[str | None, ...]] = set()
"""Cached combinations of values that are already trimmed. Most events repeat one of them."""
