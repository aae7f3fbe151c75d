"""Types of the settings that change figures: windows, labels, views and targets."""

import re
from typing import Any

from stream.config.setting_types import (
    SettingSource,
    SettingType,
    as_duration,
    milliseconds,
    read_duration,
)
from stream.core.model.aggregation_config import NAMED_DIMENSIONS
from stream.core.model.response_targets import ResponseTarget
from stream.core.model.time_buckets import HOUR, Window

_OWN_LABELS = """
view window quantile survey reason currency cohort category satisfied easy stage basis result state method
by voluntary topic outcome metric version le class scale direction part opened_by first_response
fate note_id text of type field label"""
_ADDED = "job instance pod cluster namespace alertname alertstate severity domain"
RESERVED = frozenset(f"{_OWN_LABELS} {_ADDED}".split())
"""Labels that metrics define themselves, and those that scraping, rules and alerts add."""
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST_WINDOW = "1830d"
"""Five years, for old data. The longest window decides how many panes are kept."""
_LONGEST_TARGET = "400d"


def _windows(value: object, at: SettingSource) -> tuple[Window, ...]:
    if not isinstance(value, list) or not value:
        at.error(value, 'a list of durations such as ["5m", "24h"]')
        return ()
    windows: dict[int, Window] = {}
    for position, label in enumerate(value):
        here = at.under(str(position))
        window = Window(str(label), read_duration(label, here, "1m", _LONGEST_WINDOW))
        step = window.resolution.step
        if window.span % step:
            here.error(label, f"a multiple of its bucket, {as_duration(step)} for windows of this length")
        elif window.span in windows:
            here.error(label, f"each length once ({windows[window.span].label!r} is as long)")
        windows[window.span] = window
    return tuple(windows.values())


def label_error(name: object) -> str | None:
    """Return a description of allowed names if a name of a label or view cannot be used, None if it can."""
    if not isinstance(name, str) or not _LABEL.fullmatch(name) or name.startswith("__"):
        return "a name of letters, digits and _ that does not begin with a digit or __"
    if name in RESERVED:
        return f"a name that is not reserved (reserved names: {', '.join(sorted(RESERVED))})"
    return None


def _labels(value: object, at: SettingSource) -> tuple[str, ...]:
    if not isinstance(value, list):
        at.error(value, 'a list of names such as ["brand", "region"]')
        return ()
    for position, name in enumerate(value):
        here = at.under(str(position))
        if allowed := label_error(name):
            here.error(name, allowed)
        elif name in NAMED_DIMENSIONS:
            here.error(
                name,
                f"a key of an event's labels; {', '.join(NAMED_DIMENSIONS)} are always dimensions",
            )
        elif name in value[:position]:
            here.error(name, "each name once")
    return tuple(value)


def _views(value: object, at: SettingSource) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        at.error(value, 'a table of lists such as {total = [], channel = ["channel"]}')
        return {}
    if value.get("total") != []:
        at.under("total").error(
            value.get("total"), "an empty list, because the view of everything is required"
        )
    views = {}
    for name, labels in value.items():
        here = at.under(name)
        if allowed := label_error(name):
            here.error(name, allowed)
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            here.error(labels, "a list of label names")
        elif len(set(labels)) < len(labels):
            here.error(labels, "each label once")
        else:
            views[name] = tuple(labels)
    return views


def _target(value: object, at: SettingSource) -> ResponseTarget:
    if not isinstance(value, dict):
        return ResponseTarget(read_duration(value, at, "1s", _LONGEST_TARGET))
    at.refuse_unknown_keys(value, ("duration", "hours"))
    hours = value.get("hours", "calendar")
    if hours not in ("calendar", "business"):
        at.under("hours").error(hours, "one of calendar, business")
    return ResponseTarget(
        read_duration(value.get("duration"), at.under("duration"), "1s", _LONGEST_TARGET), hours
    )


def _targets(value: object, at: SettingSource) -> dict[str, ResponseTarget]:
    if not isinstance(value, dict):
        at.error(value, 'a table such as {"chat/urgent" = "15m"}')
        return {}
    for key in value:
        channel, slash, priority = key.partition("/")
        parts = [channel, priority] if slash else [channel]
        if not all(1 <= len(p.strip()) <= 64 for p in parts) or "/" in priority or parts[-1] == "*":
            at.under(key).error(key, 'a key such as "chat/urgent", "chat" or "*/urgent" (channel/priority)')
    return {key: _target(target, at.under(key)) for key, target in value.items()}


def _show_target(target: ResponseTarget) -> Any:
    span = as_duration(target.duration)
    return span if target.hours == "calendar" else {"duration": span, "hours": target.hours}


windows = SettingType(_windows, lambda value: [window.label for window in value], json=True)
labels = SettingType(_labels, list, json=True)
views = SettingType(_views, lambda value: {name: list(labels) for name, labels in value.items()}, json=True)
targets = SettingType(_targets, lambda value: {k: _show_target(t) for k, t in value.items()}, json=True)
DEFAULT_WINDOWS = tuple(Window(label, milliseconds(label)) for label in ("5m", "1h", "24h", "7d", "30d"))
DEFAULT_LABELS = ("brand", "product", "region", "segment")
DEFAULT_VIEWS: dict[str, tuple[str, ...]] = {
    "total": (),
    "channel": ("channel",),
    "touchpoint": ("touchpoint",),
    "team": ("team",),
}
DEFAULT_TARGET = HOUR
