"""docs/figures.md names every figure of the catalogue and of the published studies."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from tests.helpers.catalogue import PROJECT, every_pattern, figure_patterns

PAGE = (PROJECT / "docs" / "figures.md").read_text(encoding="utf-8")
OURS, PUBLISHED = PAGE.split("## Names in the published studies")
SEEDS = PROJECT.parent / "shared" / "seeds"
A_FIGURE = re.compile(r"([\w.-]+)\.png|figs/([\w-]+_\*)")


def named(part: str) -> list[str]:
    """The names in the first column of the tables of a part, as patterns."""
    return [name.replace("<model>", "*") for name in re.findall(r"^\| `([^`]+)`", part, re.M)]


def test_each_pipeline_has_the_figures_of_the_catalogue_and_no_others() -> None:
    parts = re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", OURS, re.M | re.S)
    assert {f"{name}_figures": named(part) for name, part in parts} == figure_patterns()
    for name, part in parts:
        assert f"kedro run --pipelines {name}\n" in part


def test_what_stands_for_a_published_name_is_a_figure_of_ours() -> None:
    rows = re.findall(r"^\|[^|]+\|[^|]+\|([^|]+)\|$", PUBLISHED, re.M)[2:]
    told = [re.findall(r"`([^`]+)`", row) for row in rows]
    assert len(told) == len(rows) > 5
    for name in (name.replace("<model>", "*") for names in told for name in names):
        assert name in every_pattern()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("![](paper/figs/layer_histogram_gpt2-medium.png)", ["layer_histogram_gpt2-medium"]),
        ("all `paper/figs/layer_hist_*` plots", ["layer_hist_*"]),
        ("`figures/q1_equal_impact.png`", ["q1_equal_impact"]),
    ],
)
def test_names_are_found_in_the_studies(text: str, names: list[str]) -> None:
    assert figures_in(text) == names


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the published studies are not beside the project")
def test_every_figure_that_the_studies_name_is_here() -> None:
    found = {
        name: path.name
        for path in sorted(SEEDS.iterdir())
        for name in figures_in(path.read_text(encoding="utf-8"))
    }
    assert len(found) > 30
    assert not {name: where for name, where in found.items() if not is_here(name)}


def figures_in(text: str) -> list[str]:
    return [first or second for first, second in A_FIGURE.findall(text)]


def is_here(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in (*every_pattern(), *named(PUBLISHED)))
