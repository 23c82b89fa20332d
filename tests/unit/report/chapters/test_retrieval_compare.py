"""The chapter on the comparison says what the findings say, against chance and random heads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.report.blocks import Missing, Section, Table
from circuit_scaling.report.chapters import retrieval_compare
from circuit_scaling.report.context import ReportContext
from tests.helpers import synthetic_comparison as synthetic

MINI = synthetic.Compared(lengths=(96, 256), shape=(2, 8), ks=(2, 4), random_ks=(4,))


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return synthetic.tables(MINI)


def told(made: dict[str, pd.DataFrame], **planted: tuple[float, float, float]) -> Section:
    """With values and intervals of some findings; a group's | is written as a double underscore."""
    findings = made["retrieval_findings"].copy()
    for name, values in planted.items():
        finding, _, group = name.partition("__")
        here = findings["finding"].eq(finding) & findings["group"].eq(group.replace("__", "|"))
        assert here.any(), name
        findings.loc[here, ["value", "ci_low", "ci_high"]] = values
    tables = {**made, "retrieval_findings": findings}
    return retrieval_compare.CHAPTER.section(ReportContext().with_tables(**tables))


def test_overlaps_follow_their_intervals(made: dict[str, pd.DataFrame]) -> None:
    section = told(
        made,
        method_overlap__summed_attention__wu24=(0.05, 0.02, 0.08),
        method_overlap__summed_attention__qrhead=(0.9, 0.8, 0.95),
        method_overlap__wu24__qrhead=(0.5, 0.4, 0.6),
    )
    text = " ".join(section.sentences)
    assert (
        "The best heads of Summed Attention and Wu24 for the same model, question and length"
        " overlap, heads in both of those in either, by 5 % [2, 8], which cannot be told from"
        " chance: random heads overlap by 4 %."
    ) in text
    assert "The best heads of Summed Attention and QRHead for" in text
    assert "by 90 % [80, 95], more than by chance: random heads overlap by 5 %." in text
    assert "Wu24 and QRHead for" not in text
    assert "each from half of the samples, overlap by 80 % to 82 %" in text


def test_heads_of_a_consensus_are_named_or_there_is_none(made: dict[str, pd.DataFrame]) -> None:
    findings = made["retrieval_findings"]
    consensus = findings["finding"].eq("f1_consensus")
    one = findings["group"].eq("L1H3")
    agreed = findings.assign(value=findings["value"].mask(consensus, one.astype(float)))
    text = " ".join(told({**made, "retrieval_findings": agreed}).sentences)
    assert "1 of 16 heads is ranked high by every method: L1H3." in text
    none = findings.assign(value=findings["value"].mask(consensus, 0.0))
    text = " ".join(told({**made, "retrieval_findings": none}).sentences)
    assert "No head is ranked high by every method, of 16 heads." in text


def test_drops_stand_beside_those_of_random_heads(made: dict[str, pd.DataFrame]) -> None:
    section = told(
        made,
        drop_at_k_by_method__wu24__4=(0.42, 0.31, 0.55),
        random_drop_at_k_by_method__wu24__4=(0.03, np.nan, np.nan),
    )
    text = " ".join(section.sentences)
    assert "With the 4 best heads masked the share of right answers falls by" in text
    assert "42 points [31, 55] with those of Wu24 (with random ones 3 points)" in text
    table = next(block for block in section.blocks if isinstance(block, Table))
    (row,) = [row for row in table.rows if row[0].text == "Wu24"]
    assert [cell.text for cell in row[1:5]] == ["42 %", "3 %", "–", "81 %"]
    assert row[1].note == "[31, 55] %"
    assert row[2].note == ""


def test_suspicions_lead_and_what_is_absent_has_its_reason(made: dict[str, pd.DataFrame]) -> None:
    check = {
        "table": "head_rankings",
        "check": "lengths",
        "outcome": "suspect",
        "where": "qrhead, mini_llama",
        "n_rows": 3,
        "detail": "rankings fall apart between 4,096 and 6,144 tokens",
        "cause": "attention computed differently",
    }
    healthy = {**check, "outcome": "passed", "where": "wu24, mini_llama"}
    absent = pd.DataFrame(
        [
            {"finding": "gini", "group": "", "n_groups": 1, "reason": "no ranking"},
            {"finding": "f6_gap", "group": "wu24", "n_groups": 3, "reason": "no score"},
        ]
    )
    tables = {
        **made,
        "retrieval_checks": pd.DataFrame([check, healthy]),
        "absent_findings": absent,
    }
    section = told(tables)
    assert section.sentences[0] == (
        "Suspect in head_rankings, qrhead, mini_llama: rankings fall apart between 4,096 and 6,144"
        " tokens (attention computed differently)."
    )
    assert not any("wu24, mini_llama" in sentence for sentence in section.sentences)
    *_, last = (block for block in section.blocks if isinstance(block, Table))
    assert [cell.text for cell in last.rows[0]] == ["gini", "all", "no ranking"]
    assert [cell.text for cell in last.rows[1]] == ["f6_gap", "wu24 and 2 more", "no score"]
    assert last.folded


def test_with_one_method_nothing_is_said_of_pairs() -> None:
    alone = synthetic.Compared(
        methods=("mine",), models=("a",), questions=("all",), lengths=(0,), shape=(2, 8), ks=(1,)
    )
    section = told(synthetic.tables(alone))
    text = " ".join(section.sentences)
    assert "for the same model" not in text
    assert "every method" not in text and "Instruct" not in text
    assert "With the best head masked the share of right answers falls by" in text


def test_without_findings_the_chapter_says_what_to_run() -> None:
    section = retrieval_compare.CHAPTER.section(ReportContext())
    assert section.blocks == (
        Missing(("retrieval_findings", "absent_findings", "retrieval_checks")),
    )
