"""Unknown fields of data are ignored, and their names are returned."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Decoder, Undecodable
from schemas.envelope import EVENTS
from schemas.examples import EXAMPLES
from schemas.feedback import FeedbackSubmitted
from schemas.topics import TOPICS, topics_of

DECODERS = {topic.domain: Decoder(topic) for topic in TOPICS.values()}
DECODER = DECODERS["feedback"]
BINARY = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"e"),
    ("ce_source", b"/test"),
    ("ce_type", FeedbackSubmitted.TYPE.encode()),
    ("ce_time", b"2026-09-21T12:00:00Z"),
]
DATA = b'{"feedback_id":"f","survey":"nps","score":9,"labels":{"shoe":"42"}%s}'
KNOWN_NAMES = {name for kind in EVENTS for name in kind.__struct_fields__}
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=9).filter(
    lambda name: name not in KNOWN_NAMES
)
MEMBERS = st.dictionaries(NAMES, st.none() | st.integers() | st.text() | st.lists(st.none()), max_size=5)


def structured(data: bytes) -> bytes:
    """Return the value of an event in structured mode, with extensions in its envelope."""
    attributes = (
        b'"specversion":"1.0","id":"e","source":"/test","time":"2026-09-21T12:00:00Z","traceparent":"00"'
    )
    return b'{%b,"partition":{"a":1},"type":"%b","data":%b}' % (
        attributes,
        FeedbackSubmitted.TYPE.encode(),
        data,
    )


@pytest.mark.parametrize(
    ("members", "names"),
    [
        pytest.param(b"", (), id="none"),
        pytest.param(b',"device":"phone"', ("device",), id="one"),
        pytest.param(b',"b":1,"a":1,"B":false,"":0', ("b", "a", "B", ""), id="several in their order"),
        pytest.param(b',"device": null ,"os":\tnull\n', (), id="null"),
        pytest.param(b',"a":"null","b":[null],"c":{"d":null}', ("a", "b", "c"), id="null inside"),
        pytest.param(b',"device":{"os":{"version":[1]}}', ("device",), id="nested"),
        pytest.param(b',"a":1,"a":2,"b":1,"b":null,"c":null,"c":1', ("a", "c"), id="twice"),
        pytest.param(b',"comment":"ok","comment":null', (), id="a known one twice"),
        pytest.param(b',"\\u0064evice":1,"\\u0063omment":"ok"', ("device",), id="escaped"),
        pytest.param(b',"a":1e999,"b":"\xff"', ("a", "b"), id="values that no JSON reader takes"),
        pytest.param(b',"a\xff":1,"b":2', ("a\ufffd", "b"), id="broken UTF-8 in a name"),
        pytest.param(b',"customer":"c","Score":1', ("customer", "Score"), id="almost a known one"),
    ],
)
def test_names_of_unknown_fields(members: bytes, names: tuple[str, ...]) -> None:
    """In every mode. Neither labels nor attributes are fields of the data."""
    data = DATA % members
    event = DECODER.decode(structured(DATA % b""), ())
    event.data.comment = "ok" if b"\\u0063omment" in members else None  # type: ignore[attr-defined]
    assert DECODER.decode_with_unknown(structured(data), ()) == (event, names)
    assert DECODER.decode(structured(data), ()) == event
    binary, binary_names = DECODER.decode_with_unknown(data, BINARY)
    assert (type(binary.data), binary.data, binary_names) == (FeedbackSubmitted, event.data, names)
    batch = DECODER.decode_all([structured(data)])
    assert batch == ([event], {0: names} if names else {})


def test_names_in_a_batch_are_by_position() -> None:
    """Events with unknown fields may be anywhere among others."""
    members = [b"", b',"a":1', b',"b":1', b',"c":null', b"", b"", b',"d":1', b"", b',"a":1']
    batch = DECODER.decode_all([structured(DATA % member) for member in members])
    assert batch is not None
    assert batch.events == [DECODER.decode(structured(DATA % b""), ())] * len(members)
    assert batch.unknown == {1: ("a",), 2: ("b",), 6: ("d",), 8: ("a",)}


@given(MEMBERS)
def test_events_are_the_same_with_and_without_unknown_fields(members: dict[str, Any]) -> None:
    """Events of every type, wherever the unknown fields are, alone and in a batch."""
    names = tuple(name for name, value in members.items() if value is not None)
    for kind, example in EXAMPLES.items():
        decoder, document = DECODERS[topics_of(kind)[0].domain], json.loads(example)
        plain = json.dumps(document).encode()
        event = decoder.decode(plain, ())
        for data in (members | document["data"], document["data"] | members):
            value = json.dumps(document | {"data": data}).encode()
            decoded, unknown = decoder.decode_with_unknown(value, ())
            assert (type(decoded), type(decoded.data)) == (EVENTS[kind], kind)
            assert (decoded, unknown) == (event, names)
            batch = decoder.decode_all([plain, value, plain])
            assert batch == ([event] * 3, {1: names} if names else {})


@pytest.mark.parametrize(
    "data",
    [
        b'{"feedback_id":"f","survey":"nps","score":11%s}',
        b'{"feedback_id":"f","survey":"stars","score":1%s}',
        b'{"feedback_id":"f","survey":"nps","score":"9"%s}',
        b'{"survey":"nps","score":9%s}',
        b'{"feedback_id":"f","survey":"nps","score":9,"channel":" "%s}',
        b'{"feedback_id":"f","survey":"nps","score":9%s',
    ],
)
def test_invalid_data_has_the_same_error_with_an_unknown_field(data: bytes) -> None:
    """The unknown field is not named. Only the text of malformed JSON shows it, as it shows the whole value."""
    for value, headers in (
        (structured(data % b""), []),
        (data % b"", BINARY),
    ):
        extended = value.replace(b'"survey"', b'"a":1,"survey"')
        assert DECODER.decode_all([extended]) is None
        errors = []
        for raw in (value, extended):
            with pytest.raises(Undecodable) as caught:
                DECODER.decode(raw, headers)
            errors.append((caught.value.outcome, caught.value.detail.partition(", got b'")[0]))
        assert errors[0] == errors[1]
