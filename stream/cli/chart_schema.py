"""The settings in the schema of the Helm chart's values, which `cxgauge generate` writes from the code."""

import json
from typing import Any

from stream.config import Settings
from stream.config.descriptions import DESCRIPTIONS
from stream.config.settings import keys
from stream.config.show import plain_document

PATH = "deploy/helm/cxgauge/values.schema.json"
_BY_CHART = (
    "worker.instance",
    "worker.listen",
    "exporter.listen",
    "exporter.web_config",
    "intake.listen",
    "intake.web_config",
)
"""The chart sets these settings, and all of Kafka, from other values. Its templates refuse them and name those values."""
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def with_settings(text: str) -> str:
    """Return the text of the schema with a property of `config` for each setting. The rest is written by hand."""
    schema = json.loads(text)
    schema["properties"]["config"] = _config()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _config() -> dict[str, Any]:
    defaults = plain_document(Settings())
    config = _object({})
    for key in keys():
        section, _, name = key.partition(".")
        if section == "kafka":
            config["properties"][section] = {}
            continue
        default = defaults.get(section, {}).get(name, "") if name else defaults[section]
        setting = _setting(key, default)
        if name:
            config["properties"].setdefault(section, _object({}))["properties"][name] = setting
        else:
            config["properties"][section] = setting
    return config


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _setting(key: str, default: Any) -> dict[str, Any]:
    """Return the schema of a setting: the type of its default and its description.

    A setting without a default is a text. cxgauge itself checks the rest when it starts.
    """
    if key in _BY_CHART:
        return {}
    kind = _TYPES[type(default)]
    # a retention is a duration, or -1
    return {
        "type": ["string", "integer"] if key == "topics.retention" else kind,
        "description": DESCRIPTIONS[key],
    }
