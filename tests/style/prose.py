"""Print counts of the product's docstrings by package: `python -m tests.style.prose`. For reading, not a limit.

Rates are per 1,000 words of docstrings. Plain technical English, such as that of Kafka Streams, httpx and msgspec, has at
most 2 pronouns "what" and 2 semicolons per 1,000 words, and at most 2 % of its docstrings begin with a question word.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from tests.style.sources import trees

WORD = re.compile(r"[A-Za-z][\w'-]*")
WHAT = re.compile(r"\bwhat\b", re.IGNORECASE)
QUESTION = re.compile(r"(What|Whether|Which|Who|How|Where|When)\b")


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def main() -> None:
    """Print a line for every package and one for all of them."""
    texts = defaultdict(list)
    for path, tree in trees().items():
        package = "/".join(path.parts[: min(3 if path.parts[1] == "core" else 2, len(path.parts) - 1)])
        texts[package] += docstrings(tree)
    print(f"{'package':28}{'docstrings':>11}{'words':>8}{'what':>7}{';':>7}{'question %':>12}")
    for package in sorted(texts):
        print(line(package, texts[package]))
    print(line("all", list(chain.from_iterable(texts.values()))))


def line(package: str, texts: list[str]) -> str:
    """Return the counts of one package."""
    words = sum(len(WORD.findall(text)) for text in texts)
    what = sum(len(WHAT.findall(text)) for text in texts) * 1000 / max(words, 1)
    semicolons = sum(text.count(";") for text in texts) * 1000 / max(words, 1)
    questions = sum(bool(QUESTION.match(text)) for text in texts) * 100 / max(len(texts), 1)
    return f"{package:28}{len(texts):>11}{words:>8}{what:>7.1f}{semicolons:>7.1f}{questions:>12.1f}"


if __name__ == "__main__":
    main()
