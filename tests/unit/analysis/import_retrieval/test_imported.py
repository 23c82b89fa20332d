"""Every defect of given tables is named, none of a healthy one, and what is kept can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.import_retrieval.imported import (
    ImportedRetrieval,
    import_retrieval_tables,
)
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.analysis.retrieval.exports import masking_for_people, rankings_for_people
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import Rosters
from circuit_scaling.tables.retrieval import (
    ABLATION_RESULTS,
    HEAD_RANKINGS,
    JOINT_ANSWERS,
    JOINT_SCORES,
    KNOWN_RETRIEVAL_HEADS,
    RETRIEVAL_CHECKS,
)
from tests.helpers import synthetic_retrieval
from tests.helpers.given_retrieval import AXES, ablations, rankings

TINY = {"family": "tiny", "folder": "x", "params_m": 1, "n_layers": 4, "n_heads": 8}
ACCURACIES = ["accuracy", "baseline_accuracy"]
ROSTERS = Rosters.model_validate({"retrieval_mine": {"tiny_base": TINY}})


@pytest.fixture
def imported(tmp_path: Path):
    """Write tables and import them."""

    def _imported(
        ranked: pd.DataFrame | None = None, masked: pd.DataFrame | None = None, **settings: Any
    ) -> ImportedRetrieval:
        for name, table in (("head_rankings", ranked), ("ablation_results", masked)):
            if table is not None:
                settings[name] = str(tmp_path / f"{name}.csv")
                table.to_csv(settings[name], index=False)
        return import_retrieval_tables(ImportSettings(**settings), ROSTERS)

    return _imported


def refusal(imported, *tables: pd.DataFrame | None, **settings: Any) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        imported(*tables, **settings)
    return caught.value.message


def test_healthy_tables_pass_and_nothing_is_filled_in(imported) -> None:
    found = imported(rankings(), ablations())
    ranked = HEAD_RANKINGS.validate(found.head_rankings)
    pd.testing.assert_frame_equal(
        ranked[list(rankings())], rankings(), check_exact=True, check_dtype=False
    )
    assert dict(ranked.groupby("model")["family"].first()) == {
        "tiny_base": "tiny",
        "tiny_instruct": "unknown",
    }
    shaped = ranked["model"] == "tiny_base"
    assert set(ranked.loc[shaped, "n_layers"]) == {4}
    assert ranked.loc[~shaped, ["n_layers", "n_heads"]].isna().all(axis=None)
    unknown = ["score_study", "n_samples", "accuracy", "floor", "answered"]
    assert ranked[unknown].isna().all(axis=None)
    masked = ABLATION_RESULTS.validate(found.ablation_results)
    assert masked["accuracy"].tolist() == ablations()["accuracy"].tolist()
    assert masked.loc[masked["set_type"] == "random", "draw"].tolist() == [0, 1] * (
        len(masked) // 3
    )
    assert masked["heads"].map(len).sum() == 0
    assert set(masked["ablation"]) == set(masked["reason"]) == {""}
    assert JOINT_SCORES.validate(found.joint_scores).empty
    assert JOINT_ANSWERS.validate(found.joint_answers).empty
    outcomes = RETRIEVAL_CHECKS.validate(found.import_retrieval_checks)
    assert "suspect" not in set(outcomes["outcome"])
    assert (outcomes["outcome"] == "passed").sum() > 12


def test_either_file_is_enough_and_none_is_one_line_with_the_command(imported) -> None:
    alone = imported(rankings())
    assert ABLATION_RESULTS.validate(alone.ablation_results).empty
    outcome = alone.import_retrieval_checks.set_index(["table", "check"])["outcome"]
    assert set(outcome["ablation_results"]) == {"not possible"}
    alone = imported(None, ablations())
    assert HEAD_RANKINGS.validate(alone.head_rankings).empty
    message = refusal(imported)
    assert "\n" not in message
    assert "import_retrieval,retrieval_compare" in message
    assert "import.head_rankings=PATH,import.ablation_results=PATH" in message
    assert "There is no file 'nowhere.csv'" in refusal(imported, head_rankings="nowhere.csv")


def test_the_projects_own_exports_come_back_as_they_were(imported) -> None:
    ranked = synthetic_retrieval.head_rankings([synthetic_retrieval.MINI])
    masked = synthetic_retrieval.ablation_results([synthetic_retrieval.MINI])
    asked = ["method", "question", "token_length"]
    first = {key: rows.sort_values("rank") for key, rows in ranked.groupby(asked)}
    for place, row in masked[masked["set_type"] == "hero"].iterrows():
        best = first[tuple(row[asked])].head(row["n_heads"])
        for name, values in (("layers", best["layer"]), ("heads", best["head"])):
            masked.at[place, name] = values.tolist()
    exported = (
        rankings_for_people(ranked, KNOWN_RETRIEVAL_HEADS.empty())["head_rankings"],
        masking_for_people(masked, synthetic_retrieval.masking_summary())["ablation_results"],
    )
    found = imported(*exported)
    outcomes = found.import_retrieval_checks.set_index("check")["outcome"]
    assert outcomes["a head set that is no prefix of the ranking"] == "passed"
    assert outcomes["ranks on very few samples"] == "passed"
    for table, before, after in (
        (HEAD_RANKINGS, ranked, found.head_rankings),
        (ABLATION_RESULTS, masked, found.ablation_results),
    ):
        columns = [name for name in table.columns if name != "fingerprint"]
        keys = list(table.keys)
        pd.testing.assert_frame_equal(
            table.typed(before).sort_values(keys, ignore_index=True)[columns],
            after.sort_values(keys, ignore_index=True)[columns],
            check_exact=True,
        )


def at(table: pd.DataFrame, **where: Any) -> pd.Series:
    """Rows of the first method and model, and of what else is said."""
    found = pd.Series(True, index=table.index)
    for name, value in {"method": "mine", "model": "tiny_base", **where}.items():
        found &= table[name] == value
    return found


def told_of(kept: ImportedRetrieval, check: str) -> str:
    """What is said of a check that found something, or of a likely cause."""
    found = kept.import_retrieval_checks.query("outcome == 'suspect'")
    rows = found[found["check"].str.startswith(check) | (found["cause"] == check)]
    return "\n".join(rows["where"] + ": " + rows["detail"])


def _duplicates(ranked: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([ranked, ranked[at(ranked)].head(2).assign(score=9.0)], ignore_index=True)


def _changed(column: str, change: Any, **where: Any) -> Any:
    def change_it(table: pd.DataFrame) -> pd.DataFrame:
        here = at(table, **where)
        changed = table.astype({column: float})
        changed.loc[here, column] = change(changed.loc[here, column])
        return changed

    return change_it


RANKING_DEFECTS = {
    "duplicate heads": (_duplicates, "4 rows in place of 2"),
    "outside the shape": (_changed("layer", lambda c: c + 2), "96 of 192 rows"),
    "ranks are counted from 0": (_changed("rank", lambda c: c - 1), "6 of 6 rankings"),
    "ranks not from 1 on": (_changed("rank", lambda c: c + (c > 9)), "6 of 6 rankings"),
    "tied ranks": (_changed("rank", lambda c: c.replace(4, 3), question="age"), "3 of 6 rankings"),
    "ranks against scores": (
        _changed("score", lambda c: -c, question="age", token_length=200),
        "1 of 6 rankings (age at 200 tokens)",
    ),
    "missing cells": (
        lambda t: t[~at(t, question="age", token_length=400)],
        "nothing of 1 of 6 configurations (age at 400 tokens)",
    ),
    "attention computed differently": (
        lambda t: t.where(t["token_length"] < 400, rankings(seed=5)),
        "rankings at 100, 200 tokens and at 400 correlate with",
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", RANKING_DEFECTS)
def test_every_defect_of_rankings_is_named_and_the_rest_can_be_kept(imported, check: str) -> None:
    spoil, words = RANKING_DEFECTS[check]
    spoilt = spoil(rankings())
    kept = imported(spoilt, on_suspect="keep")
    assert f"mine, tiny_base: {words}" in told_of(kept, check)
    ranked = HEAD_RANKINGS.validate(kept.head_rankings)
    assert len(ranked) == len(spoilt.drop_duplicates([*AXES, "layer", "head"]))
    assert 9.0 not in set(ranked["score"]), "of duplicates the first one counts"


def _first_heroes(masked: pd.DataFrame, n: int = 2) -> pd.Index:
    return masked.index[at(masked, set_type="hero")][:n]


def _set(column: str, values: list[Any]) -> Any:
    def set_it(masked: pd.DataFrame) -> pd.DataFrame:
        changed = masked.copy()
        changed.loc[_first_heroes(changed, len(values)), column] = values
        return changed

    return set_it


ABLATION_DEFECTS = {
    "percentages": (
        lambda t: t.assign(**{c: t[c].where(~at(t), 100 * t[c]) for c in ACCURACIES}),
        "mine, tiny_base: accuracies go from 49.7 to 90; divide them by 100", 36,
    ),
    "accuracies outside 0 to 1": (
        _set("accuracy", [1.2, -0.1]), "mine, tiny_base: 2 of 36 rows, such as 1.2 (age at 100", 2
    ),
    "missing accuracies": (_set("accuracy", [np.nan]), "no accuracy in 1 row (age at 100", 1),
    "no baseline": (_set("baseline_accuracy", [np.nan]), "no accuracy with all heads to", 1),
    "baselines differ": (
        _set("baseline_accuracy", [0.8]),
        "mine, tiny_base: in 1 configuration, such as 0.8 and 0.9 (age at 100 tokens)", 0,
    ),
    "unknown methods": (
        lambda t: t.assign(method=t["method"].replace({"mine": "min"})),
        "min: the rankings have no method of this name; they have mine", 0,
    ),
    "duplicate sets": (
        lambda t: pd.concat([t, t.loc[_first_heroes(t)]], ignore_index=True),
        "mine, tiny_base: 4 rows in place of 2", 2,
    ),
    "more heads than there are": (
        lambda t: t.assign(n_heads=t["n_heads"].where(t["set_type"] != "hero", 20 * t["n_heads"])),
        "mine, tiny_base: 12 sets of up to 80 heads, and no more than 32 are there", 0,
    ),
    "missing cells": (
        lambda t: t[~at(t, token_length=100)], "nothing of 2 of 6 configurations", 0
    ),
    "missing numbers of heads": (
        lambda t: t.drop(index=_first_heroes(t, 1)),
        "mine, tiny_base: not all of 2 heads were masked in 1 configuration", 0,
    ),
    "sets of another size": (
        lambda t: t.assign(heads="L0H1 L0H2 L0H3").loc[_first_heroes(t, 1)],
        "mine, tiny_base: 1 of 1 set, such as one of 3 heads with n_heads = 2", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", ABLATION_DEFECTS)
def test_every_defect_of_accuracies_is_named_and_the_rest_can_be_kept(imported, check: str) -> None:
    spoil, words, lost = ABLATION_DEFECTS[check]
    spoilt = spoil(ablations())
    kept = imported(rankings(), spoilt, on_suspect="keep")
    assert words in told_of(kept, check)
    assert len(ABLATION_RESULTS.validate(kept.ablation_results)) == len(spoilt) - lost


def test_methods_with_other_baselines_are_compared_and_it_is_said(imported, caplog) -> None:
    found = ablations()
    other = found["method"].unique()[-1]
    mine = found["method"] == other
    changed = found.assign(baseline_accuracy=found["baseline_accuracy"].where(~mine, 0.95))
    checks = imported(rankings(), changed).import_retrieval_checks
    noted = checks[checks["outcome"] == "noted"]
    assert set(noted["check"]) == {"baselines differ"}
    assert set(noted["where"]) == set(found["model"])
    assert "methods were measured on other samples" in caplog.text


def test_lists_may_be_shorter_than_what_was_masked(imported) -> None:
    short = rankings().query("rank <= 3")
    checks = imported(short, ablations()).import_retrieval_checks
    noted = checks[checks["outcome"] == "noted"]
    assert set(noted["check"]) == {"more heads than are ranked"}
    assert "6 sets of up to 4 heads, and no more than 3 are ranked" in noted["detail"].iloc[0]


def test_rows_that_are_left_out_are_counted(imported, caplog) -> None:
    tied = _changed("rank", lambda c: c.replace({4: 4.5, 5: 4.5}), question="age")(rankings())
    masked = _set("accuracy", [np.nan, 1.2])(ablations())
    kept = imported(tied, masked, on_suspect="keep")
    told = kept.import_retrieval_checks.query("check == 'rows left out'").set_index("table")
    assert told["n_rows"].to_dict() == {"head_rankings": 6, "ablation_results": 2}
    assert set(told["where"]) == {"mine, tiny_base"}
    assert told.loc["head_rankings", "detail"] == "in no finding: 6 of 192 rows"
    assert "mine, tiny_base: in no finding: 2 of 36 rows" in caplog.text
    assert len(kept.head_rankings) == len(tied) - 6


def test_all_defects_are_in_one_list(imported) -> None:
    message = refusal(imported, _duplicates(rankings()), _set("accuracy", [7.0])(ablations()))
    for words in (
        "head_rankings.csv' and '",
        "duplicate heads (head_rankings). Likely cause: two tables",
        "  - mine, tiny_base: 4 rows in place of 2, in 1 ranking (L0H0, L0H1)",
        "accuracies outside 0 to 1 (ablation_results). Likely cause:",
        "Nothing was written. Correct the tables, or go on",
        "import.on_suspect=keep",
    ):
        assert words in message


def test_what_cannot_be_used_at_all_is_not_kept(imported) -> None:
    percent = ablations()
    percent[ACCURACIES] *= 100
    percent.loc[percent.index[0], ACCURACIES] = [0.0, 1.0]  # percent too
    message = refusal(imported, None, percent, on_suspect="keep")
    assert "No row of '" in message
    assert "divide them by 100" in message


def test_baselines_come_from_their_rows(imported) -> None:
    given = pd.DataFrame(
        [
            *(("", "baseline", 0, 0.9, "a"), ("", "baseline", 0, 0.8, "b")),
            *(("mine", "hero", 2, 0.5, "a"), ("mine", "hero", 2, 0.4, "b")),
            *(("mine", "hero", 0, 0.8, "b"), ("yours", "hero", 2, 0.3, "a")),
            ("yours", "hero", 2, 0.3, "b"),
        ],
        columns=["method", "set_type", "n_heads", "accuracy", "question"],
    )
    found = imported(None, given).ablation_results
    assert found["baseline_accuracy"].tolist() == [0.9, 0.8, 0.9, 0.8]
    assert found["accuracy"].tolist() == [0.5, 0.4, 0.3, 0.3]
    assert set(found["set_type"]) == {"hero"}
