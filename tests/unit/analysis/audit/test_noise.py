"""Where nothing is told from noise, nothing that was published is said to be reproduced."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.tables.audit import NOT_REPRODUCED, NOT_RUN, REPRODUCED
from tests.helpers import synthetic_comparison as comparison
from tests.helpers import synthetic_tables as synthetic
from tests.helpers.audited import audited

NAMES = {
    "mini_gpt2_s": "gpt2",
    "mini_gpt2_m": "gpt2_medium",
    "mini_gpt2_l": "gpt2_large",
    "mini_pythia_s": "pythia_70m",
    "mini_pythia_m": "pythia_160m",
    "mini_pythia_l": "pythia_410m",
}
MODELS = synthetic.MODELS[:6]
MEASURED = {"scan.primary": "zero", "classify.tau": 0.05, "transfer.k": 20}
EXACT = {"share_missing", "more_missing_with_size", "every_head_is_there"}
"""What no noise touches: which heads there are."""


@pytest.fixture(scope="module")
def measured() -> dict[str, pd.DataFrame]:
    """Tables of scans of six models, which go by the names of some of the study."""
    heads = synthetic.classified_heads(MODELS)
    compared = synthetic.transfer(MODELS)
    tables = {
        "classified_heads": heads,
        "hero_heads": synthetic.hero_heads(heads),
        "corr_vs_scale": synthetic.corr_vs_scale(MODELS),
        "strong_head_scaling": synthetic.strong_head_scaling(heads),
        "scale_trend": synthetic.scale_trend(),
        "ablation_summary": synthetic.ablation_summary(MODELS),
        "transfer_summary": compared["transfer_summary"],
        "transfer_heads": compared["transfer_heads"],
        "head_divergence": compared["head_divergence"],
    }
    renamed = {}
    for name, table in tables.items():
        renamed[name] = table.replace(
            {column: NAMES for column in ("model", "base_model", "tgt_model") if column in table}
        )
        renamed[name].attrs["made_with"] = MEASURED
    return renamed


def noisy(table: pd.DataFrame) -> pd.DataFrame:
    """The same values with intervals that hold everything, no p and no category that is sure."""
    changed = table.copy()
    for column in table.columns:
        if column == "low" or column.endswith(("_low", "ci_low")):
            changed[column] = -1e6
        elif column == "high" or column.endswith(("_high", "ci_high")):
            changed[column] = 1e6
        elif column in ("p", "q") or column.endswith(("_p", "_q", "_p_accuracy")):
            changed[column] = 1.0
        elif column in ("category_stability", "stability_select"):
            changed[column] = 0.0
        elif column == "resolved":
            changed[column] = pd.array([False] * len(table), dtype="boolean")
        elif column == "undefined":
            changed[column] = ""
    if "mean_frac_rank" in table:  # ranks of noisy effects have no interval
        changed["low"] = changed["high"] = np.nan
    changed.attrs = dict(table.attrs)
    return changed


def test_scans_without_noise_reproduce_or_refute_something(measured):
    outcomes = set(audited(measured)["outcome"])
    assert {REPRODUCED, NOT_REPRODUCED, NOT_RUN} <= outcomes


def test_scans_of_noise_reproduce_nothing(measured):
    judged = audited({name: noisy(table) for name, table in measured.items()})
    of_heads = judged[judged["study"] == "circuit scaling"]
    told = of_heads[of_heads["outcome"].isin([REPRODUCED, NOT_REPRODUCED])]
    assert set(told["measure"]) <= EXACT, told[["measure", "found"]].to_string()


def test_retrieval_without_samples_that_tell_reproduces_nothing():
    compared = comparison.Compared(lengths=(2048, 4096, 6144, 8128), shape=(8, 8), ks=(4, 12))
    tables = comparison.tables(compared)
    tables["head_rankings"] = comparison.head_rankings(compared)
    tables["ablation_results"] = comparison.ablation_results(compared)
    ceiling = tables["retrieval_findings"]["finding"] == "ranking_ceiling"
    assert ceiling.any()
    made = {"retrieval.asks": {}, "masking.ks": [], "comparison.top": 50}
    for table in tables.values():
        table.attrs["made_with"] = made
    assert REPRODUCED in set(audited(tables)["outcome"])
    judged = audited({name: noisy(table) for name, table in tables.items()})
    assert {REPRODUCED, NOT_REPRODUCED}.isdisjoint(judged["outcome"])


@pytest.mark.parametrize(("models", "holds"), [(list(NAMES.values()), True), (["gpt2"], False)])
def test_traces_of_noise_carry_nothing(measured, models, holds):
    summary = pd.DataFrame(
        [
            {
                "model": model,
                "category": category,
                "task": "ioi",
                "denoising_q": 0.01,
                "denoising_influence": 0.5,
            }
            for model in models
            for category in ("shared", "ioi_only")
        ]
    )
    for table, expected in ((summary, holds), (noisy(summary), False)):
        judged = audited(measured | {"causal_summary": table})
        assert (judged.loc["causal_heroes_carry", "outcome"] == REPRODUCED) is expected
