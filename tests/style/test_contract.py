"""The contract in `schemas/README.md` names the same topics, outcomes, headers and limits as the code."""

import re

from schemas.codec import MAX_VALUE
from schemas.generate import asyncapi
from stream.config import load
from stream.core.aggregation.outgoing import OutgoingRecord, to_dead_letter
from stream.core.aggregation.registry import DOMAIN_REGISTRY
from stream.core.model.checkpoint import VERSION
from stream.core.model.outcomes import DEAD_LETTER_OUTCOMES, OUTCOMES
from stream.core.model.time_buckets import DAY, HOUR, MINUTE, MINUTES, QUARTERS
from stream.kafka.topics import DEADLETTER_RETENTION, topics
from tests.style.sources import ROOT
from tests.support import FakeRecord, aggregation_config

TEXT = (ROOT / "schemas/README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text of a section."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> list[str]:
    """Return the code in the first cells of a section's tables."""
    return [
        name
        for cell in re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)
        for name in re.findall(r"`(.+?)`", cell)
    ]


def test_every_topic_is_listed_with_its_limits() -> None:
    """That of comments, too. Names that begin with a dot continue the first name of their row."""
    names: list[str] = []
    for name in first_cells("Topics"):
        names.append(name if name.startswith("cx.") else names[-1].rpartition(".")[0] + name)
    settings = load(None, {"CXGAUGE_COMMENTS_KEEP": "true"})
    assert sorted(names) == sorted(spec.name for spec in topics(settings))
    for text in (
        f"`topics.retention` ({settings.topics.retention // DAY} d)",
        f"delete after {DEADLETTER_RETENTION // DAY} d",
        f"`topics.partitions` partitions ({settings.topics.partitions})",
        f"at most {MAX_VALUE >> 10} KiB",
    ):
        assert text in section("Topics")


def test_every_outcome_is_listed_with_its_effect() -> None:
    """Dead letters are those of the code."""
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.+?) \| .* \|$", section("Outcomes of a record"), re.MULTILINE)
    assert {outcome for outcome, _ in rows} == set(OUTCOMES)
    assert {outcome for outcome, effect in rows if effect == "dead letter"} == set(DEAD_LETTER_OUTCOMES)
    assert all(f"`{outcome}`" in section("Dead-letter records") for outcome in DEAD_LETTER_OUTCOMES)


def test_every_header_of_a_dead_letter_is_listed() -> None:
    """In the page and in AsyncAPI."""
    dead_letter: OutgoingRecord = to_dead_letter(FakeRecord(0, 0, None, None), "cx.feedback", 0, "late", "")
    names = [name for name, _ in dead_letter.headers]
    assert first_cells("Dead-letter records") == names
    message = asyncapi()["channels"]["deadletter"]["messages"]["DeadLetter"]
    assert message["headers"]["required"] == names


def test_times_are_those_of_the_default_settings() -> None:
    """Lateness, retention of entities and panes."""
    config, time, windows = aggregation_config(), section("Time and order"), section("Windows and panes")
    assert f"({config.allowed_lateness // DAY} d)" in time
    assert f"({config.entity_retention // DAY} d)" in time
    assert f"| {MINUTES.retention // MINUTE} minutes |" in windows  # type: ignore[operator]
    assert f"| {QUARTERS.retention // HOUR} hours |" in windows  # type: ignore[operator]
    assert f"({config.pane_retention // DAY} d)" in windows


def test_the_page_about_upgrades_names_the_versions_of_the_state() -> None:
    """Those that are written and read."""
    page = " ".join((ROOT / "deploy/docs/upgrade.md").read_text(encoding="utf-8").split())
    (oldest,) = {domain.oldest_readable_version for domain in DOMAIN_REGISTRY}
    assert oldest == VERSION - 1
    assert f"writes version {VERSION}. It reads version {oldest}, and no older one." in page
    assert f'"version {oldest - 1} is older than {oldest}: process it' in page
    assert f'"version {VERSION + 1} is newer than {VERSION}, which this one writes"' in page
