"""Identifiers are clear: no puns, in the tests neither, and few classes of one vague word."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.style.sources import trees, trees_of_tests

PUNS = {"found", "look", "made", "one", "own", "place", "settle", "tell", "told"}
"""Words that stood for several things each.

As part of a longer name, such as `own_labels`, they may be clear.
"""
TEST_PUNS = {
    *("again", "alike", "buried", "came", "each", "fold", "happened", "laid", "letter", "letters"),
    *("lies", "mine", "rig", "said", "stands", "tallies", "tally", "theirs", "twin", "usual", "who", "world"),
}
"""Words of the same kind that only tests had."""
TRUE_TERMS = {
    # Kafka, Kafka Streams, Flink and Prometheus, and the words of the product's subject
    *(
        "Aggregate",
        "Answer",
        "Broker",
        "Calendar",
        "Cell",
        "Checkpoint",
        "Consumer",
        "Contribution",
        "Customer",
    ),
    *("Customers", "Decoder", "Dimensions", "Event", "Exporter", "Exposition", "Family", "Feedback", "Flush"),
    *("Headline", "Interaction", "Kafka", "Metric", "Metrics", "Panel", "Publisher", "Query", "Resolution"),
    *("Sample", "Settings", "Snapshot", "Ticket", "Tickets", "Topic", "Topics", "Window", "Worker"),
}
MAX_ONE_WORD_SHARE = 0.3


def test_no_identifier_is_a_pun() -> None:
    assert puns(trees(), PUNS) | puns(trees_of_tests(), PUNS | TEST_PUNS) == set()


def test_classes_of_one_word_are_few() -> None:
    """Terms that everybody in the field uses do not count."""
    names = [
        node.name.strip("_")
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    vague = sorted({name for name in names if len(words(name)) == 1} - TRUE_TERMS)
    assert len(vague) <= MAX_ONE_WORD_SHARE * len(names), vague


def puns(modules: dict[Path, ast.Module], banned: set[str]) -> set[str]:
    """Return the identifiers of modules that are banned, with the path of the module."""
    return {
        f"{path}: {name}" for path, tree in modules.items() for name in identifiers(tree) if name in banned
    }


def identifiers(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a module binds or reads."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name.strip("_").lower()
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name.strip("_").lower()


def words(name: str) -> list[str]:
    """Return the words of a name in camel case."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)
