"""The dimensions that figures are broken down by."""

from typing import Annotated, Any

from msgspec import Meta

from schemas.fields import TRIMMED, Data, code, trimmed


class Dimensions(Data, kw_only=True):
    """Fields of every event type that lists dimensions."""

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
        if (value := self.channel) is not None:
            self.channel = TRIMMED.get(value) or trimmed(value, "channel")
        if (value := self.touchpoint) is not None:
            self.touchpoint = TRIMMED.get(value) or trimmed(value, "touchpoint")
        if (value := self.team) is not None:
            self.team = TRIMMED.get(value) or trimmed(value, "team")
        if (value := self.priority) is not None:
            self.priority = TRIMMED.get(value) or trimmed(value, "priority")
