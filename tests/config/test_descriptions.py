"""Every setting has a description, and the reference knows which settings change figures."""

from datetime import date
from typing import Any

import msgspec
import pytest

from stream.config import Settings, config_hash
from stream.config.calendars import ConfiguredCalendar
from stream.config.descriptions import CHANGES_FIGURES, DESCRIPTIONS
from stream.config.settings import keys
from stream.core.model.business_hours import Calendar
from stream.core.model.response_targets import ResponseTarget
from stream.core.model.time_buckets import DAY, Window

OTHER_VALUES: dict[str, Any] = {
    "metrics.windows": (Window("30d", 30 * DAY),),
    "metrics.labels": ("brand",),
    "metrics.views": {"total": ()},
    "frt.target": 1_000,
    "frt.targets": {"chat": ResponseTarget(1_000)},
    "calendars": (
        ConfiguredCalendar(Calendar(name="x", since=date(2026, 1, 1), timezone="UTC", hours=((),) * 7), {}),
    ),
    "queue.target": 1_000,
    "clv.margin_rate": 0.5,
}


def test_every_setting_is_described() -> None:
    assert list(DESCRIPTIONS) == list(keys())
    assert keys().keys() >= CHANGES_FIGURES


@pytest.mark.parametrize("key", sorted(CHANGES_FIGURES))
def test_settings_that_change_figures_change_the_hash(key: str) -> None:
    section, _, name = key.partition(".")
    settings = Settings()
    changed = OTHER_VALUES[key]
    if name:
        changed = msgspec.structs.replace(getattr(settings, section), **{name: changed})
    assert config_hash(msgspec.structs.replace(settings, **{section: changed})) != config_hash(settings)
