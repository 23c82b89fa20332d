"""Published heads are found by their weights and judged by sign and interval, nothing is filled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.classify.known_heads import known_heads, published_heads
from circuit_scaling.models.roster import Roster, Rosters
from circuit_scaling.tables.classify import KNOWN_HEADS
from circuit_scaling.tables.join import JOINT_EFFECTS
from tests.helpers.classified import classified, cluster_effects
from tests.helpers.written_intervals import with_intervals

HELPERS = [(9, 9), (10, 0), (9, 6), (7, 3), (7, 9), (8, 6), (8, 10), (5, 5), (5, 8), (5, 9)]
HELPERS += [(6, 9), (0, 1), (0, 10), (3, 0), (2, 2), (4, 11)]
NEGATIVE = [(10, 7), (11, 10)]
BACKUPS = [(10, 10), (10, 6), (10, 2), (10, 1), (11, 2), (9, 7), (9, 0), (11, 9)]
WRONG = (7, 3)
NOISY = (5, 8)


def entry(hub: str | None = "gpt2", **changes) -> dict:
    where = {"hub": hub} if hub else {"folder": "x"}
    return {"family": "gpt2", "params_m": 124, "n_layers": 12, "n_heads": 12, **where, **changes}


def look_up(heads, effects=None, **roster) -> pd.DataFrame:
    models = Roster.model_validate(roster or {"gpt2": entry()})
    rosters = Rosters.model_validate({"study": {"gpt2": entry(aliases=["gpt2-small"])}})
    found = known_heads(
        heads, JOINT_EFFECTS.empty() if effects is None else effects, models, rosters
    )
    return KNOWN_HEADS.validate(found)


def gpt2(name: str = "gpt2", shape=(12, 12)) -> pd.DataFrame:
    """Every head of GPT-2 small: helpers of -1 logit and less, negative heads, one wrong sign."""
    rng = np.random.default_rng(0)
    effects = {
        (layer, head): (0.001 * rng.normal(), 0.001 * rng.normal())
        for layer in range(12)
        for head in range(12)
    }
    for place, key in enumerate(HELPERS):
        effects[key] = (-1.0 - 0.01 * place, 0.0)
    for key in NEGATIVE:
        effects[key] = (2.0 + key[0], 0.0)
    effects[WRONG] = (0.9, 0.0)
    effects[NOISY] = (-0.02, 0.0)
    return classified(name, effects, shape, family="gpt2")


@pytest.fixture(scope="module")
def scanned() -> pd.DataFrame:
    """The verdicts on planted effects whose clusters scatter by a tenth of a logit."""
    heads = gpt2()
    effects = cluster_effects(heads, 0.1)
    return look_up(with_intervals(heads, effects), effects)


def of_role(table: pd.DataFrame, *roles: str) -> set[tuple[int, int]]:
    rows = table[table["role"].isin(roles)] if roles else table
    return set(zip(rows["layer"], rows["head"], strict=True))


class TestTheFile:
    def test_it_holds_the_26_heads_of_the_ioi_circuit(self):
        rows = published_heads()
        ioi = rows[rows["source"].str.contains("2211.00593")]
        assert len(ioi) == 26
        assert of_role(ioi, "negative name mover") == set(NEGATIVE)
        assert of_role(ioi, "backup name mover") == set(BACKUPS)
        assert of_role(ioi) == {*HELPERS, *NEGATIVE, *BACKUPS}

    def test_signs_follow_the_roles(self):
        rows = published_heads()
        signs = rows.groupby("role")["expected_sign"].agg(lambda s: set(s.dropna()))
        against = {"negative name mover", "copy suppression"}
        for role, found in signs.items():
            wanted = {1.0} if role in against else set() if "backup" in role else {-1.0}
            assert found == wanted, role

    def test_no_head_is_expected_to_do_two_opposite_things(self):
        rows = published_heads()
        signs = rows.groupby(["checkpoint", "layer", "head"])["expected_sign"].nunique()
        assert signs.max() == 1

    def test_every_row_has_a_source_and_every_head_is_named_once_per_role(self):
        rows = published_heads()
        assert rows["source"].str.contains("arXiv").all()
        assert not rows.duplicated(["checkpoint", "layer", "head", "role"]).any()


class TestVerdicts:
    def test_planted_signs_are_found_and_the_wrong_one_is_named(self, scanned):
        by_verdict = {name: of_role(rows) for name, rows in scanned.groupby("verdict")}
        assert by_verdict["against expectation"] == {WRONG}
        assert by_verdict["not resolved"] == {NOISY}
        assert by_verdict["no expectation"] == {*BACKUPS, (8, 10)}
        assert by_verdict["as expected"] == {*HELPERS, *NEGATIVE} - {WRONG, NOISY}

    def test_a_head_with_two_roles_is_judged_in_both(self, scanned):
        assert set(scanned.loc[scanned["layer"].eq(10) & scanned["head"].eq(7), "role"]) == {
            *("negative name mover", "copy suppression")
        }

    def test_numbers_are_those_of_the_heads(self, scanned):
        row = scanned[scanned["layer"].eq(9) & scanned["head"].eq(9)].iloc[0]
        assert row["delta_ioi"] == -1.0
        assert row["low"] < -1.0 < row["high"] < -0.8
        assert row["n_heads_measured"] == 144
        ranks = scanned.groupby(["layer", "head"])["rank"].first()
        assert ranks[11, 10] == 1
        assert ranks[10, 7] == 2
        # Of the 14 helpers that are neither wrong nor noisy the first has the smallest effect.
        assert ranks[9, 9] == 2 + 14

    def test_ranks_count_from_the_strongest_of_all_heads(self):
        heads = gpt2()
        heads.loc[heads["layer"].eq(1) & heads["head"].eq(1), "delta_ioi"] = -50.0
        assert look_up(heads).groupby(["layer", "head"])["rank"].first()[11, 10] == 2


class TestWithoutMeasurement:
    def test_without_clusters_there_is_a_sign_and_no_verdict(self):
        found = look_up(gpt2())
        assert found[["low", "high"]].isna().all(axis=None)
        signed = found[found["expected_sign"].notna()]
        assert set(signed["verdict"]) == {"not resolved"}
        assert of_role(signed[~signed["sign_as_expected"].astype(bool)]) == {WRONG}
        assert found.loc[found["expected_sign"].isna(), "sign_as_expected"].isna().all()

    def test_fewer_than_ten_clusters_give_no_verdict(self):
        heads = gpt2()
        effects = cluster_effects(heads, 0.1, n_clusters=9)
        found = look_up(with_intervals(heads, effects), effects)
        assert set(found["verdict"]) == {"not resolved", "no expectation"}

    def test_a_head_that_is_not_there_is_not_measured_and_not_zero(self):
        heads = gpt2()
        found = look_up(heads[~(heads["layer"].eq(10) & heads["head"].eq(7))])
        gone = found[found["layer"].eq(10) & found["head"].eq(7)]
        assert set(gone["verdict"]) == {"not measured"}
        assert gone[["delta_ioi", "rank", "sign_as_expected"]].isna().all(axis=None)
        assert set(found["n_heads_measured"]) == {143}

    def test_an_effect_of_exactly_zero_has_no_sign(self):
        heads = gpt2()
        heads.loc[heads["layer"].eq(9) & heads["head"].eq(9), "delta_ioi"] = 0.0
        found = look_up(heads)
        assert found[found["layer"].eq(9) & found["head"].eq(9)]["sign_as_expected"].isna().all()

    def test_a_shape_without_the_head_says_so(self):
        heads = gpt2(shape=(10, 12))
        found = look_up(heads[heads["layer"] < 10])
        outside = found[found["verdict"] == "outside the shape"]
        assert of_role(outside) == {k for k in (*BACKUPS, *HELPERS, *NEGATIVE) if k[0] >= 10}

    def test_an_unknown_shape_is_not_held_against_a_head(self):
        heads = gpt2(shape=None)
        found = look_up(heads[heads["layer"] < 10])
        assert "outside the shape" not in set(found["verdict"])
        assert "not measured" in set(found["verdict"])


class TestWhichModels:
    @pytest.mark.parametrize(
        ("name", "roster"),
        [
            ("gpt2", {"other": entry("other")}),  # an imported table
            ("GPT2-small", {"other": entry("other")}),  # under an alias
            ("openai-community/gpt2", {"other": entry("other")}),  # by its present hub id
            ("mine", {"mine": entry("openai-community/gpt2")}),
            ("mine", {"mine": entry()}),  # a slug of the user's own, by its hub id
            ("mine", {"mine": entry(revision="main")}),
            ("copy", {"copy": entry(None, aliases=["gpt2"])}),  # a folder that says what it is
        ],
    )
    def test_the_weights_count_and_not_the_slug(self, name, roster):
        assert len(look_up(gpt2(name), **roster)) == 29

    @pytest.mark.parametrize(
        "roster",
        [
            {"mine": entry("gpt2-medium-2")},
            {"mine": entry(revision="step1000")},
            {"gpt2": entry(revision="step1000")},
            {"gpt2": entry("somebody/gpt2")},
        ],
    )
    def test_other_weights_have_no_published_heads(self, roster):
        assert look_up(gpt2(next(iter(roster))), **roster).empty

    def test_a_roster_entry_may_share_weights_with_a_study_model(self):
        both = pd.concat([gpt2("a"), gpt2("b")], ignore_index=True)
        found = look_up(both, a=entry(), b=entry("other"))
        assert set(found["model"]) == {"a"}
