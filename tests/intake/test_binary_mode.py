"""Attributes in headers: quoted and percent-encoded, as of the HTTP binding."""

import pytest

from stream.intake.binary_mode import attributes, has_attributes
from stream.intake.problem import ProblemError


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%e2%82%ac", "€"),
        ("%41%42", "AB"),
        ("%2525", "%25"),
        ('"quoted \\"value\\" \\\\ %20"', 'quoted "value" \\  '),
        ("plain value", "plain value"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ('"', '"'),
        ("€", "€"),
    ],
)
def test_values_are_decoded_once(header: str, value: str) -> None:
    assert attributes([("Ce-Id", header), ("Host", "%41")]) == [("ce_id", value.encode())]


@pytest.mark.parametrize("header", ["%C0%A0", "%ff", "a%E2%82", "\udcff", "%ED%A0%80"])
def test_bytes_that_are_no_utf_8_are_refused(header: str) -> None:
    """An overlong encoding, and a surrogate, too."""
    with pytest.raises(ProblemError, match="ce-id: expected UTF-8"):
        attributes([("ce-id", header)])


def test_an_attribute_comes_once() -> None:
    with pytest.raises(ProblemError, match="ce-id: comes twice"):
        attributes([("ce-id", "1"), ("CE-ID", "1")])


def test_other_headers_are_none() -> None:
    headers = [("content-type", "application/json"), ("cookie", "ce-id=1"), ("ce", "1")]
    assert attributes(headers) == []
    assert not has_attributes(name for name, _ in headers)
    assert has_attributes(["host", "Ce-Type"])
