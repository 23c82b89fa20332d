"""Transfer where tables or settings are odd: one model, no common head, constant effects."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.errors import CircuitScalingError
from tests.helpers.classified import classified, random_model
from tests.helpers.transferred import BASE, SETTINGS, TARGET, known, of_task, run


class TestOddTables:
    def test_one_model_only_gives_empty_tables(self) -> None:
        tables = run(classified("a", BASE, (3, 4)))
        assert all(frame.empty for frame in tables.values())

    def test_a_model_without_ioi_heads(self) -> None:
        weak = {key: (0.0, 0.0) for key in BASE}
        tables = run(classified("a", weak, (3, 4)), classified("b", TARGET, (2, 4)))
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert (row["n_base_heads"], row["n_present"], row["n_at_depth"]) == (0, 0, 0)
        measured = ["mean_frac_rank", "frac_missing", "p", "q", "expected", "depth_frac_rank"]
        assert row[measured].isna().all()
        assert "a" not in set(tables["transfer_heads"]["base_model"])
        assert "a" not in set(tables["head_divergence"]["base_model"])
        # And as a target all its heads are equally strong, so that nothing stands out.
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["b"]
        assert row["mean_frac_rank"] == pytest.approx(13 / 24, abs=1e-9)
        assert (row["p"], row["p_same_layer"], row["depth_p"]) == (1, 1, 1)

    def test_no_common_index_at_all(self) -> None:
        far = {(5, 7): (1.0, 0.0)}
        tables = run(classified("a", far, (6, 8)), classified("b", TARGET, (2, 4)))
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert (row["n_base_heads"], row["n_present"], row["frac_missing"]) == (1, 0, 1)
        assert row[["mean_frac_rank", "low", "expected", "p", "q", "p_same_layer"]].isna().all()

    @pytest.mark.parametrize("k", [5, 6, 20, 500])
    def test_a_k_above_the_number_of_heads_takes_them_all(self, k: int) -> None:
        assert of_task(known(k=k), "transfer_summary").at[0, "n_base_heads"] == 5

    def test_a_target_with_fewer_heads_than_k(self) -> None:
        few = {(0, 0): (1.0, 0.0), (0, 1): (0.5, 0.5)}
        tables = run(classified("a", BASE, (3, 4)), classified("b", few, (1, 2)))
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert (row["n_present"], row["mean_frac_rank"]) == (1, 0.5)

    def test_constant_effects(self) -> None:
        rng = np.random.default_rng(14)
        flat = {key: (1.0, 1.0) for key in BASE}
        profiles = rng.random((12, 6))
        tables = run(
            classified("a", flat, (3, 4), profiles=profiles), random_model("b", (3, 4), rng)
        )
        rows = of_task(tables, "transfer_summary").set_index("base_model")
        assert rows.at["b", "mean_frac_rank"] == pytest.approx(13 / 24)
        assert rows.at["b", "p"] == 1
        assert set(tables["head_matching"]["reason"]) == {
            "the effects of the matched heads are constant"
        }

    def test_profiles_that_never_differ(self) -> None:
        same = np.ones((12, 6))
        models = [classified(name, BASE, (3, 4), profiles=same) for name in "ab"]
        rows = run(*models)["head_matching"]
        assert set(rows["reason"]) == {
            "no score differs between heads: there is nothing to match by"
        }

    def test_competence_of_both_sides_is_carried(self) -> None:
        tables = run(
            classified("a", BASE, (3, 4), able=False), classified("b", TARGET, (2, 4), able=None)
        )
        rows = tables["transfer_summary"].set_index("base_model")
        assert not rows.loc["a", "base_competent"].any()
        assert rows.loc["a", "tgt_competent"].isna().all()

    def test_models_of_one_name_in_two_families_are_kept_apart(self) -> None:
        tables = run(
            classified("a", BASE, (3, 4), family="left"),
            classified("a", TARGET, (2, 4), family="right"),
        )
        assert tables["transfer_summary"]["n_target_heads"].tolist() == [7, 7, 12, 12]


class TestSettings:
    def test_an_unknown_model_is_named_with_those_there_are(self) -> None:
        with pytest.raises(CircuitScalingError, match=r"names 'c', which .* There are: a, b\."):
            run(
                *(classified("a", BASE, (3, 4)), classified("b", TARGET, (2, 4))),
                pairs=[["a", "b"], ["c", "a"]],
            )

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"pairs": [["a", "a"]]}, "compares a model with itself"),
            ({"pairs": [["a", "b"], ["a", "b"]]}, "listed twice"),
            ({"pairs": "some"}, "pairs"),
            ({"pairs": [["a", "b", "c"]]}, "pairs"),
            ({"k": 0}, "k"),
            ({"n_null": 5}, "n_null"),
            ({"top": 20}, "top"),
        ],
    )
    def test_settings_that_make_no_sense(self, changes: dict[str, object], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            TransferSettings.model_validate(SETTINGS.model_dump() | changes)
