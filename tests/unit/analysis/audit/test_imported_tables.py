"""Line by line, which findings follow from the published tables, and which of these are right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.tables.audit import (
    CANNOT_BE_RIGHT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_RUN,
    PUBLISHED_AUDIT,
    REPRODUCED,
)
from tests.helpers.audited import audited, tables_of_heads, tables_of_retrieval
from tests.helpers.published_tables import (
    CORRELATIONS,
    Q1,
    study_accuracies,
    study_rankings,
    truncated_study,
    whole_study,
)


def named(model: str) -> str:
    return "corr_" + model.replace("-", "_")


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> pd.DataFrame:
    """The audit of nine models of short lists, filled with zeros, and one column for four."""
    tables = tables_of_heads(truncated_study(), tmp_path_factory.mktemp("published"))
    return audited(tables)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory) -> pd.DataFrame:
    """The audit of full scans of three models, one of which has another correlation."""
    table = whole_study({"gpt2": 0.10, "gpt2-medium": 0.40, "pythia-70m": -0.22})
    return audited(tables_of_heads(table, tmp_path_factory.mktemp("healthy")))


class TestThePublishedHeads:
    def test_it_is_a_valid_table_of_every_finding(self, published):
        PUBLISHED_AUDIT.validate(published.reset_index()[list(PUBLISHED_AUDIT.columns)])

    @pytest.mark.parametrize("model", CORRELATIONS)
    def test_every_correlation_follows_and_none_is_right(self, published, model):
        row = published.loc[named(model)]
        assert row["outcome"] == CANNOT_BE_RIGHT
        assert row["measured"] == pytest.approx(CORRELATIONS[model])
        assert f"missing heads ({model}: " in row["reason"] or "; missing heads" in row["reason"]
        assert f"exact zeros ({model}, delta_" in row["reason"] or "exact zeros" in row["reason"]
        one_column = f"same values in two models ({model}, delta_anti: " in row["reason"]
        assert one_column == model.startswith("pythia")

    @pytest.mark.parametrize(
        "finding",
        [
            "corr_gpt2_grows",
            "corr_pythia_turns",
            "corr_neo_opt_moderate",
            "phase_gpt2_axes",
            "phase_pythia_wider",
            "category_gpt2_large_l34h2",
            "category_pythia_160m_l3h0",
            "category_pythia_160m_l5h1",
            "category_pythia_160m_l4h6",
            "hero_gpt2_large_l34h2",
            "hero_pythia_160m_l3h0",
            "hero_pythia_160m_l4h6",
            "missing_160m_opt",
            "missing_410m_gpt2_medium",
            "transfer_not_index_stable",
        ],
    )
    def test_claims_follow_and_cannot_be_right(self, published, finding):
        row = published.loc[finding]
        assert row["outcome"] == CANNOT_BE_RIGHT
        assert "exact zeros" in row["reason"] or "missing heads" in row["reason"]

    def test_a_model_smaller_than_its_rows_is_named(self, published):
        reason = published.loc["corr_pythia_70m", "reason"]
        assert reason.startswith("outside the shape (pythia-70m: ")
        assert "it has 6 layers of 8 heads" in reason

    def test_what_rests_on_ioi_alone_is_not_blamed_on_the_other_column(self, published):
        reason = published.loc["missing_160m_opt", "reason"]
        assert "same values" not in reason
        assert "exact zeros (opt-125m, delta_ioi: " in reason

    def test_what_does_not_follow_from_the_tables_is_said_to_be_suspect_besides(self, published):
        row = published.loc["every_head_of_nine"]
        assert row["outcome"] == NOT_REPRODUCED
        assert "holds in 0 of 9 models" in row["found"]
        assert "besides, the tables are suspect: " in row["reason"]

    def test_nothing_is_reproduced(self, published):
        of_heads = published[published["study"] == "circuit scaling"]
        assert REPRODUCED not in set(of_heads["outcome"])

    def test_what_needs_a_model_names_the_environment_that_runs_it(self, published):
        row = published.loc["ablation_heroes"]
        assert (row["outcome"], row["command"]) == (NOT_RUN, "kedro run --env pretrained")
        assert row["reason"] == "there is no ablation_summary"
        row = published.loc["every_head_of_all"]
        assert row["reason"].startswith("gpt2-xl, pythia-1.4b, pythia-2.8b and 5 more are not")
        assert set(published.loc[published["study"] == "retrieval heads", "command"]) <= {
            "",
            "kedro run --env retrieval",
        }


class TestHealthyHeads:
    def test_a_correlation_that_rounds_to_the_published_one_is_reproduced(self, healthy):
        for model in ("gpt2", "pythia-70m"):
            row = healthy.loc[named(model)]
            assert row["outcome"] == REPRODUCED
            assert row["models"] == model

    def test_another_one_is_not_and_stands_beside_it(self, healthy):
        row = healthy.loc["corr_gpt2_medium"]
        assert row["outcome"] == NOT_REPRODUCED
        assert row["measured"] == pytest.approx(0.40)
        assert row["reason"] == "it does not round to what was printed"

    def test_a_model_that_is_not_there_is_named_with_the_command(self, healthy):
        row = healthy.loc["corr_gpt2_large"]
        assert (row["outcome"], row["models"]) == (NOT_RUN, "")
        assert row["reason"] == "gpt2-large is not among the models here"
        assert row["command"] == "kedro run --env pretrained"

    def test_a_claim_in_general_says_on_which_models(self, healthy):
        row = healthy.loc["shared_heads_exist"]
        assert row["outcome"] == REPRODUCED
        assert row["found"].startswith("holds in 3 of 3 models")
        assert row["reason"] == (
            "judged on gpt2, gpt2-medium and pythia-70m (all of them from the studies)"
        )


def test_models_of_no_study_never_pass_for_those_of_one(tmp_path):
    table = whole_study({"gpt2": 0.10}).replace({"model": {"gpt2": "mine"}})
    judged = audited(tables_of_heads(table, tmp_path))
    of_models = judged[judged["checkpoints"] != "any"]
    assert set(of_models["outcome"]) == {NOT_RUN, NOT_COMPARABLE}
    judged_at_all = of_models[of_models["outcome"] == NOT_COMPARABLE]
    assert set(judged_at_all["measure"]) == {"not_measurable"}
    assert judged.loc["shared_heads_exist", "reason"] == (
        "judged on mine (none of them from the studies)"
    )


def test_another_number_of_strongest_heads_is_another_definition(tmp_path):
    tables = tables_of_heads(whole_study({"pythia-70m": -0.22, "pythia-160m": -0.38}), tmp_path)
    assert audited(tables).loc["transfer_70m_160m", "outcome"] in (REPRODUCED, NOT_REPRODUCED)
    tables["transfer_summary"].attrs["made_with"] = {"transfer.k": 5}
    row = audited(tables).loc["transfer_70m_160m"]
    assert (row["outcome"], row["reason"]) == (
        NOT_COMPARABLE,
        "it was made with transfer.k = 5, in the study 20",
    )


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory) -> pd.DataFrame:
    """The audit of rankings, one method's without rotary embedding at two lengths, and falls."""
    tables = tables_of_retrieval(
        tmp_path_factory.mktemp("retrieval"),
        head_rankings=study_rankings(),
        ablation_results=study_accuracies(),
    )
    return audited(tables)


@pytest.fixture(scope="module")
def accuracies(tmp_path_factory) -> pd.DataFrame:
    """The audit of the falls alone."""
    folder = tmp_path_factory.mktemp("accuracies")
    return audited(tables_of_retrieval(folder, ablation_results=study_accuracies()))


class TestRetrieval:
    @pytest.mark.parametrize("question", Q1)
    def test_every_cell_of_q1_follows(self, retrieval, accuracies, question):
        for k, fall in zip((5, 10, 20, 30, 40, 50), Q1[question], strict=True):
            row = accuracies.loc[f"q1_{question}_{k}"]
            assert row["outcome"] == REPRODUCED
            assert row["measured"] == pytest.approx(fall)
            assert float(row["published"]) == fall
            row = retrieval.loc[f"q1_{question}_{k}"]
            assert row["outcome"] == CANNOT_BE_RIGHT
            assert row["reason"].startswith("attention computed differently at some lengths (")

    def test_the_other_averages_of_the_falls(self, accuracies):
        names = ["drop_summed", "drop_wu24", "drop_qrhead", "drop_instruct", "drop_base"]
        names += ["drop_2048", "drop_4096", "drop_6144", "drop_8192", "q1_year_falls_most"]
        names += ["drop_base_greater", "drop_short_greater", "q1_not_equal", "all_methods_work"]
        assert set(accuracies.loc[names, "outcome"]) == {REPRODUCED}

    def test_random_heads_do_not_take_five_points(self, accuracies):
        rows = accuracies.loc[["random_drop_summed", "random_drop_wu24", "random_drop_qrhead"]]
        assert set(rows["outcome"]) == {NOT_REPRODUCED}
        assert rows["measured"].tolist() == pytest.approx([4.0, 3.7, 1.1])

    def test_only_what_rests_on_the_suspect_method_is_in_doubt(self, retrieval):
        for finding in ("f5_l17h28_min", "f5_l17h28_max", "f5_volatile_wu24", "f6_wu24"):
            assert retrieval.loc[finding, "outcome"] == REPRODUCED
        for finding in ("f5_l31h14_min", "f5_l31h14_max", "f5_volatile_summed", "f6_summed"):
            row = retrieval.loc[finding]
            assert row["outcome"] == CANNOT_BE_RIGHT
            assert (
                "summed_attention, instruct: rankings at 2048, 4096 tokens and at" in row["reason"]
            )
        assert retrieval.loc["drop_wu24", "outcome"] == REPRODUCED
        assert retrieval.loc["drop_summed", "outcome"] == CANNOT_BE_RIGHT

    def test_what_needs_samples_is_not_comparable(self, retrieval):
        row = retrieval.loc["methods_measure_different_things"]
        assert row["outcome"] == NOT_COMPARABLE
        assert row["reason"].startswith("how far such rankings repeat themselves is not known")

    def test_without_rankings_what_rests_on_them_was_not_run(self, accuracies):
        row = accuracies.loc["f1_l20h14_summed"]
        assert (row["outcome"], row["command"]) == (NOT_RUN, "kedro run --env retrieval")


def test_methods_by_longer_names_and_another_longest_context(tmp_path):
    table = study_accuracies().replace(
        {
            "method": {"wu24": "wu24_retrieval_head", "qrhead": "QRHead"},
            "token_length": {8192: 8128},
        }
    )
    judged = audited(tables_of_retrieval(tmp_path, ablation_results=table))
    assert set(judged.loc[["drop_wu24", "drop_qrhead", "drop_8192"], "outcome"]) == {REPRODUCED}


@pytest.mark.parametrize(
    ("column", "values", "finding", "words"),
    [
        (
            "token_length",
            {8192: 16384},
            "q1_inc_year_50",
            "over the lengths 2048, 4096, 6144, 16384",
        ),
        ("question", {"hq_state": "age"}, "drop_wu24", "over the questions inc_state, inc_year"),
        ("method", {"wu24": "mine"}, "drop_2048", "the tables have no wu24"),
        ("model", {"base": "mine"}, "drop_2048", "Meta-Llama-3-8B is not among the models here"),
    ],
)
def test_other_comparisons_are_not_those_of_the_study(tmp_path, column, values, finding, words):
    table = study_accuracies().replace({column: values})
    row = audited(tables_of_retrieval(tmp_path, ablation_results=table)).loc[finding]
    assert row["outcome"] in (NOT_RUN, NOT_COMPARABLE)
    assert words in row["reason"]


def test_a_further_model_makes_another_average(tmp_path):
    table = study_accuracies()
    more = table[table["model"] == "base"].assign(model="mine", accuracy=0.1)
    row = audited(tables_of_retrieval(tmp_path, ablation_results=pd.concat([table, more]))).loc[
        "drop_2048"
    ]
    assert row["outcome"] == NOT_COMPARABLE
    assert "over the models instruct, base, mine" in row["reason"]
    assert np.isnan(row["measured"])
