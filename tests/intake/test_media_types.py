"""The mode of a request by its content type."""

import pytest

from stream.intake.media_types import Mode, mode_of
from stream.intake.problem import ProblemError


@pytest.mark.parametrize(
    ("content_type", "has_attributes", "mode"),
    [
        ("application/cloudevents+json", False, Mode.STRUCTURED),
        ("application/cloudevents+json; charset=UTF-8", False, Mode.STRUCTURED),
        ('Application/CloudEvents+JSON ;charset="utf-8"; profile=x', False, Mode.STRUCTURED),
        ("application/cloudevents+json", True, Mode.STRUCTURED),
        ("application/cloudevents-batch+json;charset=utf-8", False, Mode.BATCH),
        ("application/json", True, Mode.BINARY),
        ("application/vnd.shop+json; charset=utf-8", True, Mode.BINARY),
        (None, True, Mode.BINARY),
        ("", True, Mode.BINARY),
        ("application/json", False, Mode.BARE),
        ("application/x-ndjson", False, Mode.LINES),
        ("application/jsonl; charset=us-ascii", False, Mode.LINES),
    ],
)
def test_the_content_type_decides(content_type: str | None, has_attributes: bool, mode: Mode) -> None:
    """Its case, parameters and order of parameters do not matter."""
    assert mode_of(content_type, has_attributes=has_attributes) is mode


@pytest.mark.parametrize(
    ("content_type", "has_attributes"),
    [
        (None, False),
        ("application/cloudevents+avro", False),
        ("application/cloudevents", True),
        ("application/cloudevents-batch", False),
        ("text/plain", False),
        ("application/xml", True),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", True),
        ("application/json; charset=latin1", False),
        ("application/cloudevents+json; charset=utf-16", False),
        ("json", False),
        ("application/json, text/plain", False),
    ],
)
def test_other_types_are_not_read(content_type: str | None, has_attributes: bool) -> None:
    """A web page can send some of them to another site, so none is taken for JSON."""
    with pytest.raises(ProblemError) as caught:
        mode_of(content_type, has_attributes=has_attributes)
    assert (caught.value.status, caught.value.outcome) == (415, "unsupported")
