"""Identifiers say what they stand for: no puns, and no class that is one vague word."""

import ast
import re
from collections.abc import Iterator

from tests.style.sources import trees

PUNS = {"found", "look", "made", "one", "own", "place", "settle", "tell", "told"}
"""Words that stood for several things each. As part of a longer name, such as `own_labels`, they may be clear."""
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
    assert {f"{path}: {name}" for path, tree in trees().items() for name in identifiers(tree)} & {
        f"{path}: {word}" for path in trees() for word in PUNS
    } == set()


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
