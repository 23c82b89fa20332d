"""The chapter on causal tracing answers its questions from the tables, and says what is open."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.causal.verdicts import causal_summary
from circuit_scaling.report.blocks import Missing, Section
from circuit_scaling.report.chapters import causal
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.causal import HERO_PAIRS, HERO_SIMILARITY
from tests.helpers.causal_tables import classified_heads, head_traces, head_writes, hero_heads

LATE = {
    "group": "late shared",
    "scope": "across families",
    "family_a": "all families",
    "family_b": "all families",
    "n_heroes": 4,
    "n_pairs": 3,
    "similarity": 0.61,
    "expected": 0.02,
    "null_low": -0.2,
    "null_high": 0.3,
    "p": 0.0123,
    "q": 0.04,
}


@pytest.fixture
def summary() -> pd.DataFrame:
    return causal_summary(hero_heads(), classified_heads(), head_traces(), head_writes(), 0.1)


def chapter(
    summary: pd.DataFrame | None,
    similarity: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
) -> Section:
    return causal.CHAPTER.section(
        ReportContext().with_tables(
            causal_summary=summary,
            hero_pairs=HERO_PAIRS.empty() if pairs is None else pairs,
            hero_similarity=HERO_SIMILARITY.empty() if similarity is None else similarity,
        )
    )


def text(section: Section) -> str:
    return " ".join(section.sentences)


def test_a_part_that_was_not_made_names_its_command() -> None:
    (block,) = chapter(None).blocks
    assert block == Missing(
        (
            "causal_summary",
            "hero_pairs",
            "hero_similarity",
        )
    )


def test_shared_heads_are_counted_by_what_they_do_on_both_tasks(summary: pd.DataFrame) -> None:
    said = text(chapter(summary))
    assert "2 shared heads among the heroes: 1 of them both times on their own" in said
    assert "1 both times through later heads" in said
    summary.loc[(summary["layer"] == 0) & (summary["task"] == "ioi"), "verdict"] = "unclear"
    said = text(chapter(summary))
    assert "none both times through later heads" in said
    assert "for 1 at least one of the two jobs is unclear" in said


def test_what_is_not_resolved_is_said(summary: pd.DataFrame) -> None:
    of_ioi = summary["task"] == "ioi"
    summary.loc[of_ioi, ["noising_normalised", "denoising_normalised"]] = np.nan
    summary.loc[of_ioi, "verdict"] = "unclear"
    said = text(chapter(summary))
    assert "Not resolved on IOI: in mini_s the answer does not depend on the repeated name" in said
    assert "further verdicts" not in said


def test_models_that_cannot_do_the_task_are_not_counted(summary: pd.DataFrame) -> None:
    summary["competent"] = pd.array(summary["task"].ne("ioi"), dtype="boolean")
    said = text(chapter(summary))
    assert "Left out of the counts: 2 of 4" in said
    assert "No shared head was traced on both tasks" in said


@pytest.mark.parametrize(
    ("p", "words"), [(0.0123, "are more alike"), (0.4, "are not shown to be more alike")]
)
def test_late_shared_heads_are_compared_with_chance(
    summary: pd.DataFrame, p: float, words: str
) -> None:
    said = text(chapter(summary, pd.DataFrame([LATE | {"p": p}])))
    assert f"Late shared heads of different families {words}" in said
    assert "0.61" in said
    assert "cannot be said" in text(chapter(summary, pd.DataFrame([LATE | {"p": np.nan}])))


def test_directions_that_are_one_measurement_are_called_so(summary: pd.DataFrame) -> None:
    both = pd.concat([summary, summary.assign(model="other")], ignore_index=True)
    both["noising_normalised"] = both["denoising_normalised"]
    assert "one measurement seen from both sides" in text(chapter(both))
    both["noising_normalised"] = -both["denoising_normalised"]
    assert "Spearman correlation of −1.00" in text(chapter(both))


def test_pairs_that_stand_in_for_each_other_are_told_from_those_that_add(
    summary: pd.DataFrame,
) -> None:
    sums, interactions = [-2.0, -2.0, -2.0, -1.0], [0.5, -0.5, 0.1, 0.5]
    pairs = pd.DataFrame(
        {
            "direction": "noising",
            "model": "mini_s",
            "task": "ioi",
            "effect_a": -1.5,
            "effect_b": [-0.5, -0.5, -0.5, 0.5],
            "sum": sums,
            "interaction": interactions,
            "interaction_low": [0.4, -0.6, -0.1, 0.4],
            "interaction_high": [0.6, -0.4, 0.3, 0.6],
            "p": [0.001, 0.002, 0.4, 0.001],
            "q": [0.02, 0.02, 0.4, 0.02],
        }
    )
    said = text(chapter(summary, pairs=pairs))
    assert "Of 3 pairs of heroes with effects of one sign on a task, 1 lose more together" in said
    assert "by chance 0.1), and 1 after correction (q < 0.05): there each can stand in" in said
    assert "1 lose less together than the sum of the two" in said
    assert "there they need each other" in said
    uncorrected = text(chapter(summary, pairs=pairs.assign(q=0.06)))
    assert "and none after correction (q < 0.05)." in uncorrected
    assert "need each other" not in uncorrected
    incompetent = chapter(summary, pairs=pairs.assign(model="mini_l"))
    assert "stand in for the other" not in text(incompetent)
