"""The hash of the settings that change figures."""

import json
from hashlib import sha256

import msgspec

from stream.config.settings import Settings
from stream.config.show import plain_document


def config_hash(settings: Settings) -> str:
    """Return a hash of the settings that change figures, as 16 hex digits.

    Processes with equal hashes give equal figures. Of holidays by file or country the days themselves are covered. The hash depends on the order of labels and calendars, but not on
    that of windows and views.
    """
    form = plain_document(settings)
    metrics = form["metrics"]
    figures = {
        "labels": metrics["labels"],
        "views": metrics["views"],
        "windows": sorted((window.span, window.label) for window in settings.metrics.windows),
        "queue_target": form["queue"]["target"],
        "target": form["frt"]["target"],
        "targets": form["frt"]["targets"],
        "calendars": [msgspec.to_builtins(configured.calendar) for configured in settings.calendars],
        "margin_rate": settings.clv.margin_rate,
    }
    canonical = json.dumps(figures, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:16]
