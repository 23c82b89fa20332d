"""The chapters on retrieval heads say what their tables say, and leave out what is not answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.known_heads import known_retrieval_heads
from circuit_scaling.models.roster import Roster
from circuit_scaling.report.blocks import Missing, Section, Table
from circuit_scaling.report.chapters import retrieval_detect, retrieval_mask
from circuit_scaling.report.context import ReportContext
from tests.helpers import synthetic_retrieval as retrieval

INSTRUCT, DUMB, MINI, LLAMA = (
    *(retrieval.INSTRUCT, retrieval.DUMB, retrieval.MINI),
    retrieval.LLAMA,
)


@pytest.fixture(scope="module")
def rankings() -> pd.DataFrame:
    return retrieval.head_rankings([INSTRUCT, DUMB])


def detected(rankings: pd.DataFrame, **tables: pd.DataFrame) -> Section:
    context = ReportContext().with_tables(head_rankings=rankings, **tables)
    return retrieval_detect.CHAPTER.section(context)


def masked(summary: pd.DataFrame) -> Section:
    return retrieval_mask.CHAPTER.section(ReportContext().with_tables(masking_summary=summary))


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


class TestDetection:
    def test_what_is_not_answered_is_named_and_flagged(self, rankings: pd.DataFrame) -> None:
        section = detected(rankings)
        told = " ".join(section.sentences)
        assert (
            "mini_llama_instruct answers 12 of 16 questions × lengths, not state of headquarters at"
            " every length." in told
        )
        assert "random_llama answers none of 8 questions × lengths." in told
        assert "Wu24 has no score for any head of random_llama" in told
        answers = tables(section)[0]
        flags = {
            (row[0].text, row[1].text): [cell.flag for cell in row[2:]] for row in answers.rows
        }
        assert flags["mini_llama_instruct", "state of headquarters"] == ["not answered"] * 4
        assert flags["mini_llama_instruct", "year of incorporation"] == [""] * 4
        assert flags["random_llama", "year of incorporation"] == ["not answered"] * 2 + [""] * 2

    def test_rankings_of_which_no_answers_are_told_are_not_written_about(
        self, rankings: pd.DataFrame
    ) -> None:
        unknown = rankings.assign(answered=pd.array([pd.NA] * len(rankings), dtype="boolean"))
        for elsewhere in (unknown, rankings.assign(method="mine"), rankings.assign(question="all")):
            section = detected(elsewhere)
            assert "The imported rankings are none of these" in " ".join(section.sentences)
            assert not section.blocks
        assert tables(detected(pd.concat([rankings, rankings.assign(method="mine")])))

    def test_accuracies_have_their_floor_and_their_interval(self, rankings: pd.DataFrame) -> None:
        with_interval = rankings.assign(accuracy_low=0.735, accuracy_high=0.998)
        cell = tables(detected(with_interval))[0].rows[0][2]
        assert (cell.text, cell.note) == ("95 %", "[74, 100] %\nfloor 30 %")

    def test_the_strongest_head_has_the_highest_mean_of_answered_questions(
        self, rankings: pd.DataFrame
    ) -> None:
        strongest = tables(detected(rankings))[1]
        of_method = rankings[(rankings["method"] == "qrhead") & rankings["answered"]]
        means = of_method.groupby(["layer", "head"])["score"].mean()
        layer, head = means.idxmax()
        row = next(row for row in strongest.rows if row[1].text == "QRHead")
        assert row[2].text == f"L{layer}H{head}"
        assert row[2].note.startswith(f"{means.max():.3f}")
        assert row[2].note.endswith("12 of 12")

    def test_known_heads_are_compared_with_chance(self) -> None:
        rankings = retrieval.head_rankings([LLAMA])
        hub = {"hub": "meta-llama/Meta-Llama-3-8B", "n_layers": 32, "n_heads": 32}
        roster = Roster.model_validate({"llama3_8b": {"family": "llama3", "params_m": 1, **hub}})
        # The first published head comes first everywhere, the others where they are.
        first = rankings["layer"].eq(15) & rankings["head"].eq(30)
        rankings.loc[first, "rank"] = 1
        rankings.loc[~first, "rank"] = 900
        known = known_retrieval_heads(rankings, roster)
        section = detected(rankings, known_retrieval_heads=known)
        lists, heads = tables(section)[2:4]
        assert [cell.text for cell in lists.rows[0][2:]] == ["1.0 of 10"] * 3
        assert lists.rows[0][2].note == "by chance 0.5"
        assert "46" in lists.caption and "46" in heads.caption
        top = heads.rows[0]
        assert [cell.text for cell in top[:5]] == ["L15H30", "DeCoRe", "1", "0.934", "1"]
        assert top[4].note.endswith("16 of 16")
        assert "not run" not in " ".join(section.sentences).lower()

    def test_without_a_published_checkpoint_it_is_not_run(self, rankings: pd.DataFrame) -> None:
        none = known_retrieval_heads(
            rankings.assign(model="a"),
            Roster.model_validate(
                {"a": {"family": "x", "params_m": 1, "n_layers": 4, "n_heads": 16, "folder": "a"}}
            ),
        )
        (sentence,) = [
            told
            for told in detected(rankings, known_retrieval_heads=none).sentences
            if told.startswith("Not run: ")
        ]
        assert "meta-llama/Meta-Llama-3-8B-Instruct" in sentence

    def test_without_rankings_the_chapter_says_what_to_run(self) -> None:
        section = retrieval_detect.CHAPTER.section(ReportContext())
        assert section.blocks == (Missing(("head_rankings",)),)


class TestMasking:
    @pytest.fixture
    def planted(self) -> pd.DataFrame:
        """One model at two lengths; at 128 tokens 3 heads by Summed Attention are what matters."""
        summary = retrieval.masking_summary([MINI])
        summary = summary[summary["token_length"].isin([96, 128])].copy()
        here = (
            summary["question"].eq("all")
            & summary["method"].eq("summed_attention")
            & summary["n_heads"].eq(3)
            & summary["token_length"].eq(128)
        )
        values = {
            **{"accuracy": 0.04, "accuracy_low": 0.01, "accuracy_high": 0.09},
            **{"random_accuracy": 0.93, "random_accuracy_low": 0.88, "random_accuracy_high": 0.97},
            "p_accuracy": 1 / 11,
        }
        summary.loc[here, list(values)] = list(values.values())
        return summary

    def test_the_sentence_is_computed_at_the_longest_length(self, planted: pd.DataFrame) -> None:
        assert (
            "Without its 3 strongest heads by Summed Attention mini_llama answers 4 % of the"
            " questions [1, 9], without 3 random ones 93 % [88, 97] (10 sets, p = 0.09)."
        ) in masked(planted).sentences

    def test_without_intervals_and_random_sets_it_says_less(self, planted: pd.DataFrame) -> None:
        bounds = [name for name in planted if name.endswith(("_low", "_high"))]
        bare = planted.assign(**dict.fromkeys(bounds, np.nan))
        told = " ".join(masked(bare).sentences)
        assert "answers 4 % of the questions, without 3 random ones 93 % (10 sets" in told
        assert "there are no intervals" in told
        random = [name for name in planted if "random_" in name or "difference" in name]
        alone = planted.assign(**dict.fromkeys(random, np.nan), n_random=0)
        told = " ".join(masked(alone).sentences)
        assert "[1, 9]; there are no random heads to compare with." in told

    def test_comparisons_are_counted_over_models_methods_and_lengths(
        self, planted: pd.DataFrame
    ) -> None:
        wrong = planted["question"].eq("all") & planted["method"].eq("wu24")
        planted.loc[wrong, ["accuracy_difference", "accuracy_difference_high"]] = 0.1
        told = " ".join(masked(planted).sentences)
        assert (
            "in 4 of 6 comparisons; the whole interval of the difference lies below 0 in 4 of 6"
            in (told)
        )

    def test_unanswered_questions_are_in_no_conclusion(self) -> None:
        section = masked(retrieval.masking_summary([INSTRUCT, DUMB]))
        told = " ".join(section.sentences)
        assert "state of headquarters at every length (mini_llama_instruct)" in told
        assert "random_llama answers" not in told
        together, single = tables(section)
        assert {row[0].text for row in together.rows} == {"mini_llama_instruct"}
        flagged = {(row[0].text, row[1].text) for row in single.rows if row[1].flag}
        assert ("mini_llama_instruct", "state of headquarters") in flagged
        assert {model for model, _ in flagged} == {"mini_llama_instruct", "random_llama"}
        assert single.folded

    def test_other_ablations_have_a_table_of_their_own(self) -> None:
        section = masked(retrieval.masking_summary([MINI], ablations=("zero", "mean")))
        notes = [{row[2].note for row in table.rows} for table in tables(section)[:2]]
        assert notes == [{"3 heads, zero"}, {"3 heads, mean"}]

    def test_a_set_that_does_not_exist_has_its_reason(self, planted: pd.DataFrame) -> None:
        planted.loc[planted["n_heads"] == 3, "reason"] = "more heads than there are"
        told = " ".join(masked(planted).sentences)
        assert "Sets that do not exist: mini_llama: more heads than there are." in told
