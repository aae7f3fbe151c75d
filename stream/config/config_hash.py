"""Which configuration figures were made under."""

import json
from hashlib import sha256

from stream.config.settings import Settings
from stream.config.show import plain_document


def config_hash(settings: Settings) -> str:
    """16 hex digits over the settings that change figures: two processes with equal ones give equal figures.

    The order of windows and views does not count; that of labels and calendars does.
    """
    form = plain_document(settings)
    metrics = form["metrics"]
    figures = {
        "labels": metrics["labels"],
        "views": metrics["views"],
        "windows": sorted((window.span, window.label) for window in settings.metrics.windows),
        "target": form["frt"]["target"],
        "targets": form["frt"]["targets"],
        "calendars": form["calendars"],
        "margin_rate": settings.clv.margin_rate,
    }
    canonical = json.dumps(figures, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:16]
