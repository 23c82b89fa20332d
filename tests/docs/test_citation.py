"""CITATION.cff is what version 1.2.0 of the format wants, and of this version of the project."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from circuit_scaling import __version__
from tests.conftest import PROJECT

CITED: dict[str, Any] = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
_TYPES = {"article", "conference-paper", "report", "software", "generic"}
_OF_PERSONS = {"family-names", "given-names"}
_KEYS = {
    *("type", "title", "authors", "year", "date-released", "collection-title", "doi", "notes"),
    *("identifiers", "repository-code", "url"),
}


def named(reference: dict[str, Any]) -> str:
    return str(reference["title"])


def test_what_the_format_requires_is_there() -> None:
    assert CITED["cff-version"] == "1.2.0"
    assert CITED["message"] and CITED["title"] == "circuit-scaling"
    assert CITED["authors"] and CITED["type"] == "software"


def test_it_is_of_this_project() -> None:
    assert CITED["version"] == __version__
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'license = "{CITED["license"]}"' in project
    holder = re.search(r"Copyright \(c\) \d+ (.+)", (PROJECT / "LICENSE").read_text())
    assert holder and holder[1] == CITED["authors"][0]["name"]


@pytest.mark.parametrize("reference", CITED["references"], ids=named)
def test_references_are_of_the_format(reference: dict[str, Any]) -> None:
    assert set(reference) <= _KEYS
    assert reference["type"] in _TYPES
    assert reference["title"] and reference["authors"]
    for author in reference["authors"]:
        assert set(author) in (_OF_PERSONS, {"name"})
    for identifier in reference.get("identifiers", ()):
        assert re.fullmatch(r"arXiv:\d{4}\.\d{5}", identifier["value"])
        assert reference["url"].endswith(identifier["value"].removeprefix("arXiv:"))


def test_papers_that_the_method_names_are_cited() -> None:
    cited = {i["value"] for r in CITED["references"] for i in r.get("identifiers", ())}
    sources = (PROJECT / "docs" / "method.md").read_text(encoding="utf-8").partition("## Sources")
    told = set(re.findall(r"(?:arXiv\s+)(\d{4}\.\d{5})", sources[2]))
    assert len(told) > 5
    assert {f"arXiv:{paper}" for paper in told} <= cited
