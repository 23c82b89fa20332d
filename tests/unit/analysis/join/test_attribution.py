"""Agreement of attribution with exact effects, on planted ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from circuit_scaling.analysis.join.attribution import attribution_agreement
from circuit_scaling.tables.join import ATTRIBUTION_AGREEMENT
from circuit_scaling.tables.scan import HEAD_ATTRIBUTIONS

LAYERS, HEADS = 5, 6
N = LAYERS * HEADS
FIRST = np.linspace(-3.0, -0.1, N)  # head 0 is the strongest


def table(delta: NDArray[np.float64], **changes: object) -> pd.DataFrame:
    """The columns of ``head_attributions``."""
    layer, head = np.divmod(np.arange(len(delta)), HEADS)
    keys = {"family": "mini", "model": "mini_s", "layer": layer, "head": head, "task": "ioi"}
    rest = {"method": "attribution", "ablation": "zero", "positions": "all", "delta": delta}
    shape = {"n_prompts": 40, "n_layers": len(delta) // HEADS, "n_heads": HEADS}
    return pd.DataFrame({**keys, **rest, **shape, "fingerprint": "0f"} | changes)


def measured(delta: NDArray[np.float64], **changes: object) -> pd.DataFrame:
    """Exact effects have more columns, of which the effects by prompt are used."""
    return table(delta, **changes).assign(effects=[[value] * 40 for value in delta])


def test_the_made_up_table_is_valid() -> None:
    HEAD_ATTRIBUTIONS.validate(table(FIRST))


def test_the_same_order_agrees_whatever_the_scale() -> None:
    (row,) = attribution_agreement(measured(FIRST), table(FIRST**3)).to_dict("records")
    assert row["spearman"] == 1
    assert row["pearson"] == pytest.approx(np.corrcoef(FIRST, FIRST**3)[0, 1])
    assert (row["n_heads_compared"], row["top_k"], row["top_overlap"]) == (N, 20, 1)


def test_heads_are_matched_by_name_and_not_by_row() -> None:
    shuffled = table(FIRST).sample(frac=1, random_state=0)
    assert attribution_agreement(measured(FIRST), shuffled)["spearman"].tolist() == [1]


def test_planted_disagreement() -> None:
    """The five strongest heads get no score: 15 of the top 20 are left, and five others."""
    scores = np.where(np.arange(N) < 5, 0.0, FIRST)
    (row,) = attribution_agreement(measured(FIRST), table(scores)).to_dict("records")
    assert row["top_overlap"] == 15 / 20
    ranks = pd.Series(scores).rank()
    assert row["spearman"] == pytest.approx(np.corrcoef(np.arange(N), ranks)[0, 1])


def test_the_sign_counts_in_correlations_and_not_in_the_top() -> None:
    (row,) = attribution_agreement(measured(FIRST), table(-FIRST)).to_dict("records")
    assert (row["spearman"], row["top_overlap"]) == (-1, 1)


def test_a_model_of_few_heads_has_a_shorter_top() -> None:
    few = table(FIRST[: 2 * HEADS])
    assert attribution_agreement(measured(FIRST[: 2 * HEADS]), few)["top_k"].tolist() == [12]


@pytest.mark.parametrize("constant", ["exact", "estimated"])
def test_a_constant_column_is_missing_and_no_number(constant: str) -> None:
    flat = measured(np.zeros(N))
    varying = measured(FIRST)
    exact, estimated = (flat, varying) if constant == "exact" else (varying, flat)
    rows = ATTRIBUTION_AGREEMENT.validate(attribution_agreement(exact, estimated))
    assert rows[["spearman", "pearson", "top_overlap"]].isna().all(axis=None)


def test_a_row_per_task_and_kind_of_ablation_that_both_have() -> None:
    both = [
        {"task": task, "ablation": ablation, "positions": positions}
        for task in ("ioi", "anti_names")
        for ablation in ("zero", "resample")
        for positions in ("all", "end")
    ]
    estimated = pd.concat([measured(FIRST, **names) for names in both], ignore_index=True)
    exact = pd.concat([estimated, measured(FIRST, task="plain_text")], ignore_index=True)
    rows = ATTRIBUTION_AGREEMENT.validate(attribution_agreement(exact, estimated))
    assert rows[["task", "ablation", "positions"]].to_dict("records") == both


def test_nothing_to_compare_is_an_empty_table() -> None:
    nothing = attribution_agreement(measured(FIRST), HEAD_ATTRIBUTIONS.empty())
    assert ATTRIBUTION_AGREEMENT.validate(nothing).empty
