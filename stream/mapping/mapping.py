"""Mapping files: the public interface of the mapping language, for imports, webhooks and bridges.

mapping = load("shop.toml")
for result in mapping.events(record):  # none: no rule took the record
    if isinstance(result, MappingError): ...
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from schemas.envelope import Event
from schemas.fields import abbreviated
from stream.errors import CxgaugeError
from stream.mapping import shipped
from stream.mapping.expressions import PathExpression, TextTemplate
from stream.mapping.forms import MappingForm
from stream.mapping.local_times import FileOrder
from stream.mapping.rules import EventRule, Faults, RuleError

MAX_BYTES = 1 << 20
"""Allowed size of a mapping file."""
MAX_ERRORS = 10
"""Number of errors of a record that its dead letter names."""
NOTHING: Mapping[str, Any] = {}

_RULE_PATH = re.compile(r"`\$\.event\[(\d+)\]\.?")


class MappingError(ValueError):
    """An event that a rule could not make from a record.

    Attributes:
        mapping: name of the mapping file
        rule: number, name and event type of the rule, "" for an error of the whole record
        field: field of the event, such as `data.score`
        detail: received and allowed values
        position: position of the record and element, such as `export.csv:4` or `records[3], each[2]`
    """

    def __init__(self, *, mapping: str, rule: str, field: str, detail: str, position: str) -> None:
        self.mapping, self.rule, self.field, self.detail, self.position = (
            mapping,
            rule,
            field,
            detail,
            position,
        )
        super().__init__(": ".join(part for part in (position, mapping, rule, field, detail) if part))

    def within(self, position: str) -> "MappingError":
        """Return the error with the position of the document, which a caller need not know of records without errors."""
        return MappingError(
            mapping=self.mapping,
            rule=self.rule,
            field=self.field,
            detail=self.detail,
            position=_joined(position, self.position),
        )


def summary(errors: Sequence[str]) -> str:
    """Return the errors of one record in a text, of many the first ones and the number of the others."""
    others = [f"{len(errors) - MAX_ERRORS} more"] if len(errors) > MAX_ERRORS else []
    return "; ".join([*errors[:MAX_ERRORS], *others])


class EventMapping:
    """A compiled mapping file. It has no state: one may serve many threads and files.

    Attributes:
        name: name of the mapping file, for errors
        file: the format of CSV files
        rules: the compiled rules
        names: top-level names of records that rules read, without those that begin with `_`
    """

    def __init__(self, form: MappingForm, name: str, faults: Faults) -> None:
        self.name, self.file = name, form.file
        source = TextTemplate("x")
        self._records: PathExpression | None = None
        with faults.at("source"):
            source = TextTemplate(form.source)
        with faults.at("records"):
            self._records = PathExpression(form.records) if form.records != "@" else None
        if not form.source:
            faults.append("source: got '', allowed is a text such as /shop/orders")
        if not form.event:
            faults.append("event: missing, allowed is one table [[event]] or more")
        self.rules = [EventRule(rule, number, source, faults) for number, rule in enumerate(form.event, 1)]
        names = frozenset[str]().union(*(rule.names for rule in self.rules))
        self.names = frozenset(name for name in names if not name.startswith("_"))

    def events(
        self,
        document: Any,
        given: Mapping[str, Any] = NOTHING,
        *,
        order: FileOrder | None = None,
        position: str = "",
    ) -> list[Event | MappingError]:
        """Return the events of a decoded JSON document or row, and an error for each that could not be made.

        An empty list means that no rule took the document. `given` are further names for expressions, which begin
        with `_`. `order` is the state of the file that the document is from, for its local times. `position` is that
        of the document. Raises nothing.
        """
        order = order or FileOrder()
        try:
            records = document if self._records is None else self._records(document)
        except ValueError as error:
            return [self._error("", "records", str(error), position)]
        if not isinstance(records, list):
            return (
                [] if records is None and self._records else self._of_record(records, given, order, position)
            )
        return [
            result
            for index, record in enumerate(records)
            for result in self._of_record(record, given, order, _joined(position, f"records[{index}]"))
        ]

    def _of_record(
        self, record: Any, given: Mapping[str, Any], order: FileOrder, position: str
    ) -> list[Event | MappingError]:
        if not isinstance(record, dict):
            return [self._error("", "", f"got {abbreviated(record)}, allowed is a JSON object", position)]
        scope = {**record, **given} if given else record
        return [
            self._error(rule.label, result.field, result.detail, _joined(position, result.element))
            if isinstance(result, RuleError)
            else result
            for rule in self.rules
            for result in rule.results(scope, order)
        ]

    def _error(self, rule: str, field: str, detail: str, position: str) -> MappingError:
        return MappingError(mapping=self.name, rule=rule, field=field, detail=detail, position=position)


def load(path: Path | str) -> EventMapping:
    """Read a mapping file, or the shipped mapping of this name. Raises CxgaugeError with path and all faults."""
    file = shipped.resolve(path)
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise CxgaugeError(
                f"{file}: got more than {MAX_BYTES:,} bytes, which is too large for a mapping file"
            )
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CxgaugeError(f"{file}: is not in UTF-8") from error
    except OSError as error:
        raise CxgaugeError(f"{file}: {error}") from error
    return compile_mapping(text, str(file))


def compile_mapping(text: str, name: str) -> EventMapping:
    """Compile the text of a mapping file. `name` is its name in errors. Raises CxgaugeError with all faults, a line each."""
    faults = Faults()
    try:
        form = msgspec.convert(tomllib.loads(text), MappingForm)
        mapping = EventMapping(form, Path(name).name, faults)
    except msgspec.ValidationError as error:
        raise CxgaugeError(f"{name}: {_RULE_PATH.sub(_rule_number, str(error))}") from error
    except (ValueError, LookupError) as error:
        raise CxgaugeError(f"{name}: {error}") from error
    except RecursionError as error:
        raise CxgaugeError(f"{name}: values are nested too deeply") from error
    if faults:
        raise CxgaugeError("\n".join(f"{name}: {fault}" for fault in faults))
    return mapping


def _rule_number(match: re.Match[str]) -> str:
    return f"rule {int(match[1]) + 1}, `"


def _joined(position: str, element: str) -> str:
    return ", ".join(part for part in (position, element) if part)
