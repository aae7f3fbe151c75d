"""The codec over all events and over any bytes."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Decoder, Undecodable, encode, make
from schemas.customers import CustomerActivated, PurchaseCompleted
from schemas.envelope import Event, at_ms
from schemas.examples import EXAMPLES
from schemas.feedback import FeedbackSubmitted
from schemas.fields import MAX_SAFE_INTEGER, Data
from schemas.tickets import InteractionHandled, TicketMessage
from schemas.topics import CUSTOMERS, FEEDBACK, TOPICS, topics_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
CODES = TEXT.filter(lambda text: 0 < len(text.strip()) <= 64)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=OFFSETS)
LABELS = st.dictionaries(
    TEXT, st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | TEXT | st.lists(TEXT)
)
DIMENSIONS = {name: st.none() | CODES for name in ("channel", "touchpoint", "team", "priority")} | {
    "labels": st.none() | LABELS
}
SECONDS = st.floats(0, MAX_SAFE_INTEGER // 1000)


@st.composite
def answers(draw: st.DrawFn) -> FeedbackSubmitted:
    survey, scale = draw(
        st.sampled_from([("nps", None), ("nps", (0, 10)), ("csat", None), ("ces", (-3, 3)), ("exit", (1, 2))])
    )
    low, high = scale or {"nps": (0, 10), "csat": (1, 5)}[survey]
    return FeedbackSubmitted(
        feedback_id=draw(IDS),
        survey=survey,
        scale=scale,
        score=draw(st.none() | st.integers(low, high)),
        direction=draw(st.sampled_from([None, "ease", "effort"])),
        revision=draw(st.integers(0, MAX_SAFE_INTEGER)),
        customer_id=draw(st.none() | IDS),
        transaction_time=draw(st.none() | TIMES),
        comment=draw(st.none() | TEXT),
        reasons=draw(st.lists(CODES, max_size=16).map(tuple)),
        **{name: draw(values) for name, values in DIMENSIONS.items()},
    )


DATA = st.one_of(
    answers(),
    st.builds(
        InteractionHandled,
        interaction_id=IDS,
        outcome=st.sampled_from(["handled", "abandoned", "bot"]),
        talk_s=SECONDS,
        hold_s=SECONDS,
        wrap_s=SECONDS,
        legs=st.integers(1, MAX_SAFE_INTEGER),
        **DIMENSIONS,
    ),
    st.builds(
        TicketMessage, ticket_id=IDS, message_id=IDS, author=st.sampled_from(["bot"]), public=st.booleans()
    ),
    st.builds(CustomerActivated, customer_id=IDS, margin_rate=st.none() | st.floats(0, 1), **DIMENSIONS),
    st.builds(
        PurchaseCompleted,
        order_id=IDS,
        customer_id=IDS,
        amount_minor=st.integers(0, MAX_SAFE_INTEGER),
        currency=st.sampled_from(["EUR", "JPY"]),
    ),
)
DECODERS = {domain: Decoder(topic) for domain, topic in TOPICS.items()}


def decoder_of(data: Data) -> Decoder:
    return DECODERS[topics_of(type(data))[0].domain]


@given(data=DATA, id_=IDS, source=TEXT.filter(len), time=TIMES)
def test_round_trip(data: Data, id_: str, source: str, time: datetime) -> None:
    """An event is the same after encoding and decoding, in structured and in binary mode."""
    event = make(data, id=id_, source=source, time=time)
    assert (event.data, event.id, event.source, event.time) == (data, id_, source, time)
    raw = encode(event)
    assert decoder_of(data).decode(raw, ()) == event
    document = json.loads(raw)
    inner = json.dumps(document.pop("data")).encode()
    headers = [("ce_" + name, text.encode()) for name, text in document.items()]
    assert decoder_of(data).decode(inner, headers) == event


@given(TIMES)
def test_milliseconds_are_exact(time: datetime) -> None:
    """The time in ms is the floor of the exact quotient, in every year and for every offset."""
    event = make(CustomerActivated(customer_id="c"), id="i", source="s", time=time)
    expected = time - datetime(1970, 1, 1, tzinfo=UTC)
    assert at_ms(event) == expected // timedelta(milliseconds=1)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_events_can_be_made_from_milliseconds(ms: int) -> None:
    """The time in ms is exact, from the start of year 1 to the end of year 9999."""
    assert at_ms(make(CustomerActivated(customer_id="c"), id="i", source="s", time=ms)) == ms


def test_make_refuses_what_decoders_refuse() -> None:
    """Invalid events are refused with the messages of the decoder."""
    data = CustomerActivated(customer_id="")
    with pytest.raises(Undecodable, match=r"^data\.customer_id: expected str of length >= 1, got ''$"):
        make(data, id="i", source="s", time=0)
    with pytest.raises(Undecodable, match=r"^time: expected an RFC 3339 date-time with an offset"):
        make(CustomerActivated(customer_id="c"), id="i", source="s", time=datetime(2026, 1, 1))  # noqa: DTZ001


def test_absent_fields_are_not_written() -> None:
    """Absent fields and defaults take no bytes."""
    data = FeedbackSubmitted(feedback_id="f", survey="nps", score=None)
    assert encode(make(data, id="i", source="/s", time=0)) == (
        b'{"type":"cx.feedback.submitted.v1","specversion":"1.0","id":"i","source":"/s",'
        b'"time":"1970-01-01T00:00:00Z","data":{"feedback_id":"f","survey":"nps","score":null}}'
    )


def only_undecodable(decoder: Decoder, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    try:
        event = decoder.decode(value, headers)
    except Undecodable as error:
        outcome, detail = error.outcome, error.detail
    else:
        assert isinstance(event, Event)
        assert decoder_of(event.data).decode(encode(event), ()) == event
        outcome, detail = "event", str(at_ms(event))
    assert outcome in {"event", "oversized", "invalid", "unknown_type"}
    assert 0 < len(detail) < 600


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_", "content-type"]
        ),
        st.none()
        | st.binary(max_size=9)
        | st.sampled_from([b"1.0", b"cx.feedback.submitted.v1", b"2026-11-22T10:15:00Z"]),
    ),
    max_size=8,
)


@given(value=st.none() | st.binary(), headers=HEADERS)
def test_any_bytes_are_decoded_or_refused(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    """Bytes are an event or Undecodable, nothing else."""
    only_undecodable(DECODERS["feedback"], value, headers)


@given(
    raw=st.sampled_from(list(EXAMPLES.values())),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), max_size=4),
    domain=st.sampled_from(list(TOPICS)),
)
def test_mutated_events(raw: bytes, edits: list[tuple[int, int, bytes]], domain: str) -> None:
    """An event with bytes cut out and put in likewise."""
    for at, cut, edit_value in edits:
        raw = raw[:at] + edit_value + raw[at + cut :]
    only_undecodable(DECODERS[domain], raw, [])


NASTY = [
    *(None, True, False, 0, 1, -1, 9, 9.0, -0.0, 7.5, 10**30, -(10**30), 10**4000, 1e308),
    *(
        float("nan"),
        float("inf"),
        "",
        "9",
        " ",
        "nps",
        "1.0",
        "2026-11-22T10:15:00Z",
        "\0",
        "\ud800",
        "x" * 300,
    ),
    *([], [1], [0, 10], [5, 1], ["speed"], [[]], {}, {"brand": {}}, {"": None}),
]
JSON = st.sampled_from(NASTY) | st.lists(st.sampled_from(NASTY), max_size=18)
FIELDS = [*FeedbackSubmitted.__struct_fields__, "else"]


@given(
    envelope=st.dictionaries(
        st.sampled_from(["specversion", "id", "source", "type", "time", "data", "else"]), JSON
    ),
    data=st.dictionaries(st.sampled_from(FIELDS), JSON),
)
def test_any_json_in_any_field(envelope: dict[str, object], data: dict[str, object]) -> None:
    """Any JSON value in any field likewise, NaN, Infinity and lone surrogates among them."""
    event = json.loads(EXAMPLES[FeedbackSubmitted])
    document = event | envelope
    if isinstance(inner := document["data"], dict):
        document["data"] = inner | data
    only_undecodable(DECODERS["feedback"], json.dumps(document).encode(), [])


BINARY: list[tuple[str, bytes | None]] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"i"),
    ("ce_source", b"s"),
    ("ce_type", b"cx.feedback.submitted.v1"),
    ("ce_time", b"2026-11-22T10:15:00Z"),
]


@pytest.mark.parametrize("field", ["labels", "else"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_limited(field: str, opening: str, closing: str) -> None:
    """500 levels are decoded and 501 refused, alone and in a batch, in a field that is known or not."""
    event = json.loads(EXAMPLES[FeedbackSubmitted])
    data = {"feedback_id": "f", "survey": "nps", "score": 1, field: {"a": "?"}}
    decoder = Decoder(FEEDBACK)

    def value(document: dict[str, object], levels: int) -> bytes:
        return json.dumps(document).replace('"?"', opening * levels + "1" + closing * levels).encode()

    structured = event | {"data": data}
    assert decoder.decode(value(data, 498), BINARY).id == "i"
    assert decoder.decode(value(structured, 497), []).id == event["id"]
    assert decoder.decode_all([value(structured, 497)]) is not None
    assert decoder.decode_all([value(structured, 498)]) is None
    for raw, headers, field_name in (
        (value(data, 499), BINARY, "data"),
        (value(structured, 498), [], "value"),
    ):
        with pytest.raises(Undecodable, match=f"^{field_name}: nested too deeply, 500 levels are allowed$"):
            decoder.decode(raw, headers)


def test_a_topic_reads_only_its_own_types() -> None:
    """Every example is read on each topic it is native to and unknown on the others."""
    for kind, raw in EXAMPLES.items():
        for domain, topic in TOPICS.items():
            if kind in topic.types:
                assert type(DECODERS[domain].decode(raw, ()).data) is kind
            else:
                with pytest.raises(
                    Undecodable, match=f"^type: {kind.TYPE} (belongs on|is written by workers only, to) "
                ) as caught:
                    DECODERS[domain].decode(raw, ())
                assert caught.value.outcome == "unknown_type"
    assert CUSTOMERS.types[-1] in FEEDBACK.types
