"""Published retrieval heads are found by their weights, and what was found is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.known_heads import (
    known_retrieval_heads,
    published_retrieval_heads,
)
from circuit_scaling.models.roster import Roster
from circuit_scaling.tables.retrieval import KNOWN_RETRIEVAL_HEADS
from tests.helpers import synthetic_retrieval as retrieval

BASE = "meta-llama/Meta-Llama-3-8B"


def roster(**entry: Any) -> Roster:
    shape = {"family": "llama3", "params_m": 8030, "n_layers": 32, "n_heads": 32}
    return Roster.model_validate({"mine": shape | entry})


@pytest.fixture(scope="module")
def rankings() -> pd.DataFrame:
    """Of a Llama-3-8B under a slug of the user's own, at one length."""
    frame = retrieval.head_rankings([retrieval.LLAMA]).assign(model="mine")
    return frame[frame["token_length"] == 2048]


def look_up(rankings: pd.DataFrame, **entry: Any) -> pd.DataFrame:
    return KNOWN_RETRIEVAL_HEADS.validate(known_retrieval_heads(rankings, roster(**entry)))


class TestTheFile:
    def test_a_head_stands_once_in_a_list_whose_ranks_count_from_1(self) -> None:
        rows = published_retrieval_heads()
        lists = rows.groupby(["checkpoint", "list"])
        assert not rows.duplicated(["checkpoint", "list", "layer", "head"]).any()
        for _, of_list in lists:
            assert of_list["published_rank"].tolist() == list(range(1, len(of_list) + 1))
            assert of_list["source"].nunique() == of_list["published_method"].nunique() == 1
            scores = of_list["published_score"].dropna()
            assert scores.is_monotonic_decreasing
            assert len(scores) in (0, len(of_list))

    def test_the_models_of_the_study_are_in_it(self) -> None:
        rows = published_retrieval_heads().query("layer == 15 and head == 30")
        scores = rows.groupby("checkpoint")["published_score"].agg(list)
        assert scores[BASE] == [0.934]
        assert scores[f"{BASE}-Instruct"] == [0.945, 1.009]

    def test_lists_of_one_method_share_what_is_said_of_them(self) -> None:
        rows = published_retrieval_heads()
        of_model = rows[rows["checkpoint"] == "meta-llama/Llama-3.1-8B-Instruct"]
        sets = {
            name: set(zip(of_list["layer"], of_list["head"], strict=True))
            for name, of_list in of_model.groupby("list")
        }
        assert sets["LME16"] & sets["NQ16"] == {(14, 31), (13, 1), (14, 22)}


class TestWhatIsFound:
    def test_score_and_rank_are_those_of_the_rankings(self, rankings: pd.DataFrame) -> None:
        found = look_up(rankings, hub=BASE)
        assert len(found) == 10 * 3 * 4  # heads, methods, questions
        keys = ["method", "question", "token_length", "layer", "head"]
        both = found.merge(rankings, on=keys, suffixes=("", "_measured"), validate="many_to_one")
        assert len(both) == len(found)
        np.testing.assert_array_equal(both["score"], both["score_measured"])
        np.testing.assert_array_equal(both["rank"], both["rank_measured"])
        assert set(found["n_heads_measured"]) == {1024}
        assert (found["in_top_k"].astype(bool) == (found["rank"] <= 50)).all()
        assert 0 < (found["verdict"] == "among the best").sum() < len(found)

    def test_the_last_of_the_best_50_is_among_them(self, rankings: pd.DataFrame) -> None:
        for rank, verdict in ((50, "among the best"), (51, "not among the best")):
            planted = rankings.copy()
            here = planted["layer"].eq(15) & planted["head"].eq(30)
            planted.loc[here, "rank"] = rank
            found = look_up(planted, hub=BASE).query("layer == 15 and head == 30")
            assert set(found["verdict"]) == {verdict}

    def test_a_head_without_a_score_is_not_found_and_not_missed(
        self, rankings: pd.DataFrame
    ) -> None:
        found = look_up(rankings.assign(score=np.nan), hub=BASE)
        assert set(found["verdict"]) == {"no score"}
        assert found["in_top_k"].isna().all()

    def test_a_model_of_another_shape_has_no_such_head(self, rankings: pd.DataFrame) -> None:
        small = rankings[rankings["layer"] < 16].assign(n_layers=16)
        outside = look_up(small, hub=BASE).query("verdict == 'outside the shape'")
        assert outside["layer"].min() == 16
        assert outside[["score", "rank", "in_top_k"]].isna().all(axis=None)


class TestWhichModels:
    @pytest.mark.parametrize(
        ("entry", "lists"),
        [
            ({"hub": BASE}, {"DeCoRe"}),
            ({"hub": f"{BASE}-Instruct", "revision": "main"}, {"DeCoRe", "HeadKV"}),
            (
                {"folder": "x", "aliases": ["Llama-3.1-8B-Instruct"]},
                {"RHP", "CoRe", "LME16", "NQ16"},
            ),
            ({"hub": "somebody/Meta-Llama-3-8B"}, set()),
            ({"hub": BASE, "revision": "step1000"}, set()),
            ({"folder": "x"}, set()),
        ],
    )
    def test_the_weights_count_and_not_the_slug(
        self, rankings: pd.DataFrame, entry: dict[str, Any], lists: set[str]
    ) -> None:
        assert set(look_up(rankings, **entry)["list"]) == lists
