"""The pages about mappings: their examples give what they say, and their commands run on the samples."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.codec import encode
from stream.mapping import shipped
from stream.mapping.local_times import FileOrder
from stream.mapping.mapping import MappingError, compile_mapping
from stream.mapping.values import MISSING, compile_value
from tests.deploy.project import ROOT
from tests.mapping.test_vendors import NAMES, SAMPLES, VENDORS

PAGES = ROOT / "deploy" / "docs"
MAPPING, RECIPES = ((PAGES / name).read_text(encoding="utf-8") for name in ("mapping.md", "vendors.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VALUE_ROW = re.compile(r"^\| `(.+?)` \| `(\{.*?\})` \| (?:`(.+?)`|nothing) \|$", re.MULTILINE)
FAKE_CURL = """#!{python}
import json, os, sys
from pathlib import Path
state = Path(os.environ["PAGES"])
pages = json.loads(state.read_text())
request = " ".join(sys.argv[1:])
for number, (part, document) in enumerate(pages):
    if part in request:
        del pages[number]
        state.write_text(json.dumps(pages))
        print(json.dumps(document))
        break
else:
    sys.exit("no page for " + request)
"""
FAKE_CXGAUGE = """#!/bin/sh
exec "{python}" -m stream.cli "$@" --dry-run
"""


def documents_of(name: str) -> list[Any]:
    """Return the documents of a sample of a vendor's past."""
    decoder, text, documents = (
        json.JSONDecoder(),
        (SAMPLES / f"{name}-past.json").read_text(encoding="utf-8"),
        [],
    )
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:]
    return documents


def halves(page: dict[str, Any], path: str) -> tuple[Any, Any]:
    """Return a page with the first element of its array and one with the others."""
    return {**page, path: page[path][:1]}, {**page, path: page[path][1:]}


def pages_of(name: str) -> list[tuple[str, Any]]:
    """Return the pages that the vendor's API answers to the recipe: a part of the request, and the document."""
    documents = documents_of(name)
    match name:
        case "stripe":
            subscriptions, invoices, charges, empty = documents
            first, rest = halves(subscriptions, "data")
            after = f"starting_after={first['data'][0]['id']}"
            return [
                (after, rest),
                ("subscriptions", first | {"has_more": True}),
                ("invoices", invoices),
                ("charges", charges | {"more": empty}),
            ]
        case "zendesk":
            audits, merged_audits, ratings = documents
            tickets = {"tickets": [{"id": 5158}], "after_url": "https://x/next", "end_of_stream": False}
            return [
                ("start_time=0", tickets),
                (
                    "https://x/next",
                    {"tickets": [{"id": 5159}], "after_url": "https://x/next", "end_of_stream": True},
                ),
                *(
                    ("5158/audits", audits),
                    ("5159/audits", merged_audits),
                    ("satisfaction_ratings", ratings | {"links": {"next": None}}),
                ),
            ]
        case "chatwoot":
            conversations, messages, answers = documents
            return [
                *(("status=all&page=1", conversations), ("status=all&page=2", {"data": {"payload": []}})),
                *(
                    ("before=118", {"payload": []}),
                    ("10/messages", messages),
                    ("csat_survey_responses?page=1", answers),
                ),
                ("csat_survey_responses?page=2", []),
            ]
        case "typeform":
            first, second = documents
            tokens = [page["items"][-1]["token"] for page in documents]
            return [
                (f"before={tokens[1]}", {"items": []}),
                (f"before={tokens[0]}", second),
                ("responses", first),
            ]
        case "intercom":
            first, second = documents
            listing = {"conversations": [{"id": "215472"}], "pages": {"next": {"starting_after": "abc"}}}
            return [
                *(
                    ("starting_after=abc", {"conversations": [{"id": "215473"}], "pages": {}}),
                    ("conversations/215472", first),
                ),
                *(("conversations/215473", second), ("per_page=150", listing)),
            ]
        case "posthog":
            listing, exported = documents
            first, rest = halves(listing, "results")
            return [
                *(("survey%20shown", first | {"next": "https://x/more"}), ("https://x/more", rest)),
                *(("survey%20sent", exported), ("survey%20dismissed", {"results": [], "next": None})),
            ]
    raise AssertionError(name)


def test_the_example_gives_the_events_and_the_error_of_the_page() -> None:
    blocks = [text for _, text in BLOCK.findall(MAPPING)]
    mapping, record, events, error = blocks
    compiled = compile_mapping(mapping, "desk.toml")
    results = compiled.events(json.loads(record), position="ticket.json, record 1")
    assert [
        encode(result).decode() for result in results if not isinstance(result, MappingError)
    ] == events.splitlines()
    assert [str(result) for result in results if isinstance(result, MappingError)] == error.splitlines()


def test_each_value_of_the_table_becomes_its_result() -> None:
    rows = VALUE_ROW.findall(MAPPING)
    assert len(rows) == MAPPING.partition("## Values")[2].partition("\n\n- ")[0].count("\n| ") - 1 > 20
    for value, record, expected in rows:
        built = compile_value(tomllib.loads(f"v = {value}")["v"]).build(json.loads(record), FileOrder())
        result = "nothing" if built is MISSING else json.loads(msgspec.json.encode(built))
        assert result == (json.loads(expected) if expected else "nothing"), value


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_checked_is_on_the_page(name: str) -> None:
    text = shipped.resolve(name).read_text(encoding="utf-8")
    comment = " ".join(line[1:].strip() or "\n" for line in text.splitlines() if line.startswith("#"))
    (unverified,) = re.findall(r"Unverified: [^\n]*\.", comment)
    assert f"*{unverified}*" in " ".join(RECIPES.split())


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "jq"))), reason="needs bash and jq")
@pytest.mark.parametrize("name", VENDORS)
def test_the_recipe_for_the_past_fetches_all_pages(name: str, tmp_path: Path) -> None:
    """With a stand-in for the vendor's API, which answers each page once."""
    heading = {"posthog": "PostHog"}.get(name, name.capitalize())
    (recipe,) = [
        text
        for kind, text in BLOCK.findall(RECIPES.partition(f"## {heading}\n")[2].partition("\n## ")[0])
        if kind == "sh"
    ]
    for program, text in (("curl", FAKE_CURL), ("cxgauge", FAKE_CXGAUGE)):
        (tmp_path / program).write_text(text.format(python=sys.executable))
        (tmp_path / program).chmod(0o755)
    pages = tmp_path / "pages"
    pages.write_text(json.dumps(pages_of(name)))
    variables = dict.fromkeys(re.findall(r"\$\{?([A-Z_]+)", recipe), "value")
    environ = (
        os.environ
        | variables
        | {"PAGES": str(pages), "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    )
    result = subprocess.run(
        ["bash", "-eu", "-c", recipe], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert (result.returncode, json.loads(pages.read_text())) == (0, []), result.stderr
    expected = len(
        (Path(__file__).parent / "golden" / f"{name}-past.txt").read_text(encoding="utf-8").splitlines()
    )
    assert result.stdout.startswith(f"{expected} events from ")
