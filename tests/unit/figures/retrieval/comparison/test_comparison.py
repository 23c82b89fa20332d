"""The figures of the comparison show what findings and tables say, and no more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from circuit_scaling.figures.retrieval.comparison import curves, heads, matrices, overlaps, ranks
from circuit_scaling.figures.retrieval.comparison.draw import draw_comparison
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.rows import of_finding
from circuit_scaling.figures.style import METHODS
from tests.helpers import synthetic_comparison as synthetic
from tests.helpers.artists import every_segment, image, names, points, segments, widths, words

TOP = synthetic.SETTINGS.top
KINDS = {
    "inc_state": "categorical",
    "inc_year": "numerical",
    "employee_count": "numerical",
    "hq_state": "categorical",
}
MINI = synthetic.Compared(lengths=(96, 256), shape=(4, 8))
STUDY_NAMES = {
    *("figure8_option_a_by_question", "figure8_option_b_by_method", "figure8_option_c_grid"),
    *("accuracy_drop_summary", "q1_equal_impact", "q2_head_overlap_questions"),
    *("q2_numerical_vs_categorical", "q3_ablation_effectiveness", "q4_head_patterns"),
    *("method_head_overlap", "method_unique_heads", "model_comparison", "token_length_effect"),
    *("consensus_heads", "method_disagreement", "question_specialists"),
    *("instruct_vs_base_differences", "head_volatility", "score_dominance", "overlap_summary"),
    *("question_overlap_heatmaps", "token_length_overlap", "method_overlap", "model_overlap"),
    *("universal_heads", "universal_heads_by_method", "layer_distribution_by_method"),
}


class Case(NamedTuple):
    findings: pd.DataFrame
    rankings: pd.DataFrame
    results: pd.DataFrame
    drawn: dict[str, tuple[Figure, pd.DataFrame]]

    def finding(self, name: str, group: str) -> pd.Series:
        rows = self.findings
        (row,) = rows[(rows["finding"] == name) & (rows["group"] == group)].to_dict("records")
        return pd.Series(row)

    def figure(self, name: str) -> Figure:
        return self.drawn[name][0]


def case(compared: synthetic.Compared) -> Case:
    rankings = synthetic.head_rankings(compared)
    results = synthetic.ablation_results(compared)
    findings = synthetic.tables(compared)["retrieval_findings"]
    return Case(
        findings, rankings, results, draw_comparison(findings, rankings, results, TOP, KINDS)
    )


@pytest.fixture(scope="module")
def mini() -> Case:
    return case(MINI)


def test_every_figure_of_the_study_is_drawn_with_the_frame_that_it_shows(mini: Case) -> None:
    # The study's qr_wu24_overlap is one panel of method_pair_heads.
    assert set(mini.drawn) == STUDY_NAMES | {"method_pair_heads"}
    for name, (figure, shown) in mini.drawn.items():
        assert figure.axes, name
        assert len(shown), name


class TestDrops:
    def test_curves_are_mean_accuracies_from_the_clean_model_on(self, mini: Case) -> None:
        figure = mini.figure("figure8_option_a_by_question")
        assert [axes.get_title(loc="left") for axes in figure.axes] == [
            "state of incorporation",
            "year of incorporation",
            "number of employees",
            "state of headquarters",
        ]
        rows = mini.results
        here = rows[(rows["question"] == "inc_year") & (rows["method"] == "wu24")]
        expected = [here["baseline_accuracy"].mean()]
        for k in (4, 8, 12):
            hero = here[(here["set_type"] == "hero") & (here["n_heads"] == k)]
            expected.append(hero["accuracy"].mean())
        np.testing.assert_allclose(points(figure.axes[1], "wu24")[:, 1], expected)
        np.testing.assert_allclose(points(figure.axes[1], "wu24")[:, 0], [0, 4, 8, 12], atol=0.4)
        (random,) = points(figure.axes[1], "wu24-random")  # of 12 heads alone, without a line
        assert random[1] == pytest.approx(here.loc[here["set_type"] == "random", "accuracy"].mean())
        assert points(figure.axes[1], "floor")[0, 1] == pytest.approx(0.16)

    def test_intervals_are_those_of_the_drop_below_the_clean_model(self, mini: Case) -> None:
        axes = mini.figure("figure8_option_b_by_method").axes[2]
        drop = mini.finding("drop_at_k", "qrhead|hq_state|8")
        rows = mini.results
        here = (rows["method"] == "qrhead") & (rows["question"] == "hq_state")
        clean = rows.loc[here, "baseline_accuracy"].mean()
        ends = sorted(clean - drop[["ci_low", "ci_high"]].astype(float))
        drawn = [sorted(line[:, 1]) for line in segments(axes, "interval")]
        assert len(drawn) == 4 * (3 + 1)  # questions times sets of the best heads and a random one
        assert any(np.allclose(line, ends) for line in drawn)

    def test_without_intervals_lines_are_standard_deviations_and_missing_ones_are_not_drawn(
        self, mini: Case
    ) -> None:
        rows = mini.drawn["model_comparison"][1]
        looks = Looks.of(mini.results)
        bare = rows.assign(ci_low=np.nan, ci_high=np.nan)
        drawn = segments(curves.model_comparison(bare, looks).axes[0], "interval")
        half = np.ptp(drawn[:, :, 1], axis=1) / 2
        hero = rows[rows["set_type"] == "hero"].sort_values(["model", "k"])
        np.testing.assert_allclose(sorted([*half]), sorted(rows["sd"]))
        assert len(hero) == 6 and len(drawn) == 8
        some = rows.assign(ci_low=rows["ci_low"].where(rows["k"] == 4))
        assert len(segments(curves.model_comparison(some, looks).axes[0], "interval")) == 2
        none = bare.assign(sd=np.nan)
        assert not len(segments(curves.model_comparison(none, looks).axes[0], "interval"))

    def test_drops_by_question_and_kind_are_the_findings(self, mini: Case) -> None:
        axes = mini.figure("accuracy_drop_summary").axes[0]
        expected = [mini.finding("drop_at_k", f"wu24|{question}|12")["value"] for question in KINDS]
        np.testing.assert_allclose(points(axes, "wu24")[:, 1], expected)
        panels = mini.figure("q1_equal_impact").axes
        assert [axes.get_title(loc="left") for axes in panels] == ["4 heads", "8 heads", "12 heads"]
        expected = [mini.finding("q1_mean_drop", f"{question}|8")["value"] for question in KINDS]
        np.testing.assert_allclose(points(panels[1], "mean")[:, 1], expected)
        assert len(points(panels[1], "drops")) == 4 * 12
        axes = mini.figure("q3_ablation_effectiveness").axes[0]
        pooled = points(axes, "numerical")[-1, 1]
        assert pooled == mini.finding("q3_drop_mean", "numerical")["value"]
        sd = mini.finding("q3_drop_sd", "numerical")["value"]
        band = segments(axes, "sd")[3]
        np.testing.assert_allclose(band[:, 1], [pooled - sd, pooled + sd])

    def test_lengths_have_a_panel_per_question_and_one_for_all(self, mini: Case) -> None:
        axes = mini.figure("token_length_effect").axes
        assert len(axes) == 5
        expected = [mini.finding("drop_at_k_by_length", f"256|{k}")["value"] for k in (4, 8, 12)]
        np.testing.assert_allclose(points(axes[4], "256")[1:, 1], expected)


class TestOverlaps:
    def test_pairs_stand_in_the_matrix_and_beside_it_with_chance_and_ceiling(
        self, mini: Case
    ) -> None:
        left, right = mini.figure("method_overlap").axes
        values = np.asarray(left.images[0].get_array(), dtype=float)
        value = mini.finding("method_overlap", "wu24|qrhead")["value"]
        assert values[1, 2] == values[2, 1] == value
        assert np.isnan(np.diag(values)).all()
        shown = names(right)
        assert shown[2] == "Wu24 – QRHead"
        np.testing.assert_allclose(points(right, "overlap")[2], [value, 2])
        chance = mini.finding("method_overlap_chance", "wu24|qrhead")["value"]
        np.testing.assert_allclose(segments(right, "chance")[2][:, 0], chance)
        ceiling = np.sqrt(0.81 * 0.82)  # of the two methods
        np.testing.assert_allclose(segments(right, "ceiling")[2][:, 0], ceiling)
        assert not len(every_segment(mini.figure("method_head_overlap"), "ceiling"))

    def test_questions_are_told_apart_by_their_kind(self, mini: Case) -> None:
        _, right = mini.figure("q2_head_overlap_questions").axes
        shown = names(right)
        numerical = points(right, "within_numerical")
        assert [shown[int(y)] for y in numerical[:, 1]] == [
            "year of incorporation – number of employees"
        ]
        categorical = points(right, "within_categorical")
        assert [shown[int(y)] for y in categorical[:, 1]] == [
            "state of incorporation – state of headquarters"
        ]
        assert len(points(right, "between")) == 4

    def test_blocks_of_matrices_are_methods_by_models(self, mini: Case) -> None:
        values = image(mini.figure("question_overlap_heatmaps"), "overlaps")
        assert values.shape == (3 * 5 - 1, 2 * 5 - 1)
        group = "qrhead|mini_llama_instruct|inc_state|hq_state"
        value = mini.finding("question_overlap", group)["value"]
        assert values[10, 8] == values[13, 5] == value
        assert np.isnan(values[4]).all() and np.isnan(values[:, 4]).all()
        lengths = image(mini.figure("token_length_overlap"), "overlaps")
        group = "summed_attention|mini_llama|96|256"
        assert lengths[0, 1] == mini.finding("length_overlap", group)["value"]

    def test_many_models_are_averaged(self) -> None:
        models = [f"m{place}" for place in range(28)]
        keys = {"method": "a", "question": "x", "chance": 0.1}
        rows = pd.DataFrame(
            [{**keys, "model": m, "other": "y", "value": i / 100} for i, m in enumerate(models)]
        )
        asked = pd.DataFrame({"model": models, "family": "f", "method": "a", "token_length": 0})
        looks = Looks.of(asked.assign(question="x"), asked.assign(question="y"))
        figure = matrices.question_overlap_heatmaps(rows, looks)
        assert "mean of 28 models" in words(figure)
        assert image(figure, "overlaps")[0, 1] == pytest.approx(0.135)
        few = matrices.question_overlap_heatmaps(rows[rows["model"].isin(["m3", "m5"])], looks)
        assert image(few, "overlaps")[0, [1, 4]].tolist() == [0.03, 0.05]

    def test_the_summary_has_spread_interval_chance_and_ceiling(self, mini: Case) -> None:
        axes = mini.figure("overlap_summary").axes[0]
        found = [
            mini.finding("f7_overlap_mean", axis)["value"]
            for axis in ("question", "token_length", "model", "method")
        ]
        np.testing.assert_allclose(points(axes, "overlap")[:, 0], found)
        sd = mini.finding("f7_overlap_sd", "model")["value"]
        np.testing.assert_allclose(
            segments(axes, "sd")[2][:, 0], [max(found[2] - sd, 0), min(found[2] + sd, 1)]
        )
        np.testing.assert_allclose(segments(axes, "chance")[0][:, 0], 0.06)
        np.testing.assert_allclose(segments(axes, "ceiling")[:, 0, 0], 0.81)


class TestRanks:
    def test_consensus_heads_are_bold_and_sorted_by_their_worst_rank(self, mini: Case) -> None:
        axes = mini.figure("consensus_heads").axes[0]
        worst = []
        for label in axes.get_yticklabels():
            head = label.get_text()
            of_head = [mini.finding("f1_mean_rank", f"{m}|{head}")["value"] for m in METHODS]
            worst.append(max(of_head))
            agreed = mini.finding("f1_consensus", head)["value"] == 1
            assert (label.get_fontweight() == "bold") == agreed
        assert worst == sorted(worst)
        first = mini.finding("f1_mean_rank", f"wu24|{names(axes)[0]}")["value"]
        np.testing.assert_allclose(points(axes, "wu24")[0], [first, 0])

    def test_disagreement_is_largest_first(self, mini: Case) -> None:
        axes = mini.figure("method_disagreement").axes[0]
        lines = [
            [mini.finding("f1_mean_rank", f"{m}|{head}")["value"] for m in METHODS]
            for head in names(axes)
        ]
        spread = [max(line) - min(line) for line in lines]
        assert spread == sorted(spread, reverse=True)

    def test_a_specialist_is_best_for_its_own_question(self, mini: Case) -> None:
        shown = mini.drawn["question_specialists"][1]
        axes = mini.figure("question_specialists").axes[0]
        head = names(axes)[0]
        of_head = {
            question: mini.finding("f3_specialist_rank", f"summed_attention|{head}|{question}")[
                "value"
            ]
            for question in KINDS
        }
        own = min(of_head, key=lambda question: of_head[question])
        assert of_head[own] <= TOP
        assert of_head[own] in points(axes, f"{own}-own")[:, 0]
        for question in set(KINDS) - {own}:
            assert of_head[question] in points(axes, question)[:, 0]
        assert shown.groupby(["method", "head"])["specialist"].sum().eq(1).all()

    def test_changes_and_volatility_are_the_findings(self, mini: Case) -> None:
        axes = mini.figure("instruct_vs_base_differences").axes[1]
        for x, y in points(axes, "Wu24"):
            assert x == mini.finding("f4_rank_change", f"wu24|{names(axes)[int(y)]}")["value"]
        every = of_finding(mini.findings, "f4_rank_change")
        sizes = every.loc[every["method"] == "wu24", "value"].abs()
        assert np.abs(points(axes, "Wu24")[:, 0]).max() == sizes.max()
        axes = mini.figure("head_volatility").axes[0]
        for (low, high), head in zip(segments(axes, "range")[:, :, 0], names(axes), strict=True):
            assert low == mini.finding("f5_rank_min", f"summed_attention|{head}")["value"]
            assert high == mini.finding("f5_rank_max", f"summed_attention|{head}")["value"]

    def test_gaps_are_counted(self, mini: Case) -> None:
        axes = mini.figure("score_dominance").axes[2]
        assert sum(patch.get_height() for patch in axes.patches if patch.get_gid() is None) == 0
        gaps = []
        rows = mini.rankings[mini.rankings["method"] == "qrhead"]
        for _, of_one in rows.groupby(["model", "question", "token_length"]):
            first, second = of_one.sort_values("rank")["score"].iloc[:2]
            gaps.append((first - second) / first)
        bars = [patch for patch in axes.patches if patch.get_gid() == "qrhead"]
        edges = [*(bar.get_x() for bar in bars), bars[-1].get_x() + bars[-1].get_width()]
        np.testing.assert_allclose([bar.get_height() for bar in bars], np.histogram(gaps, edges)[0])
        assert points(axes, "mean")[0, 0] == pytest.approx(np.mean(gaps))


class TestHeads:
    def test_unions_are_counted_without_touching_each_other(self, mini: Case) -> None:
        sets: dict[str, set[tuple[int, int]]] = {method: set() for method in METHODS}
        for row in mini.rankings.to_dict("records"):
            if row["rank"] <= TOP:
                sets[row["method"]].add((row["layer"], row["head"]))
        axes = mini.figure("method_unique_heads").axes[0]
        drawn = {
            gid: [patch.get_height() for patch in axes.patches if patch.get_gid() == gid]
            for gid in ("total", "unique")
        }
        assert drawn["total"] == [len(sets[method]) for method in METHODS]
        others = {m: set().union(*(sets[o] for o in METHODS if o != m)) for m in METHODS}
        assert drawn["unique"] == [len(sets[method] - others[method]) for method in METHODS]
        assert points(axes, "shared")[0, 1] == len(set.intersection(*sets.values()))

    def test_pairs_share_the_best_heads_over_lengths(self, mini: Case) -> None:
        sets = {}
        for method in ("wu24", "qrhead"):
            rows = mini.rankings
            rows = rows[(rows["method"] == method) & (rows["model"] == "mini_llama_instruct")]
            rows = rows[rows["question"] == "employee_count"]
            ranks_of: dict[tuple[int, int], list[int]] = {}
            for row in rows[rows["rank"] <= TOP].to_dict("records"):
                ranks_of.setdefault((row["layer"], row["head"]), []).append(row["rank"])
            means = {
                head: (sum(found) + 2 * TOP * (2 - len(found))) / 2
                for head, found in ranks_of.items()
            }
            sets[method] = set(sorted(means, key=lambda head: (means[head], head))[:TOP])
        figure = mini.figure("method_pair_heads")
        axes = figure.axes[2]
        assert axes.get_title(loc="left") == "Wu24 –\nQRHead"
        place = names(figure.axes[0]).index("mini_llama_instruct, number of employees")
        assert widths(axes, "both")[place] == len(sets["wu24"] & sets["qrhead"])
        assert widths(axes, "first")[place] == len(sets["wu24"] - sets["qrhead"])
        np.testing.assert_allclose(segments(axes, "chance")[place][:, 0], TOP * TOP / 32)

    def test_shares_of_configurations_are_the_findings_with_chance(self, mini: Case) -> None:
        axes = mini.figure("universal_heads_by_method").axes[1]
        shown = widths(axes, "share")
        expected = [mini.finding("universal_share", f"wu24|{h}")["value"] for h in names(axes)]
        np.testing.assert_allclose(shown, expected)
        assert expected == sorted(expected, reverse=True)
        np.testing.assert_allclose(segments(axes, "chance")[:, 0, 0], 0.11)
        left, right = mini.figure("universal_heads").axes
        found = mini.rankings[mini.rankings["rank"] <= TOP].groupby(["layer", "head"]).size()
        counts = [found[tuple(map(int, name[1:].split("H")))] for name in names(left)]
        np.testing.assert_allclose(widths(left, "heads"), np.array(counts) / 48)
        assert counts == sorted(found, reverse=True)[: len(counts)]
        assert sum(p.get_height() for p in right.patches if p.get_gid() == "layers") == (
            pytest.approx(1)
        )
        layers = points(mini.figure("layer_distribution_by_method").axes[0], "qrhead")
        assert layers[2, 1] == mini.finding("f2_layer_share", "qrhead|2")["value"]

    def test_maps_count_configurations_of_a_question(self, mini: Case) -> None:
        values = image(mini.figure("q4_head_patterns"), "inc_year")
        assert values.shape == (4, 8)
        for (layer, head), value in np.ndenumerate(values):
            found = mini.finding("q4_head_frequency", f"inc_year|L{layer}H{head}")["value"]
            assert value == found


class TestOtherShapes:
    def test_two_detectors_on_many_models_without_questions_and_lengths(self) -> None:
        models = [f"model_{i}_{kind}" for i in range(4) for kind in ("base", "instruct")][:7]
        many = case(
            synthetic.Compared(
                methods=("mine", "theirs"),
                models=models,
                questions=("all",),
                lengths=(0,),
                shape=(5, 3),
                ks=(2,),
                random_ks=(),
            )
        )
        for name in (
            "question_overlap_heatmaps",
            "token_length_overlap",
            "q2_numerical_vs_categorical",
        ):
            assert words(many.figure(name)).startswith("Nothing to draw: "), name
        rows = many.figure("model_comparison").axes[0]
        assert names(rows) == models
        value = many.finding("drop_at_k_by_model", "model_2_base|2")["value"]
        np.testing.assert_allclose(points(rows, "hero")[4], [value, 4])
        assert image(many.figure("q4_head_patterns"), "all").shape == (5, 3)
        (title,) = (axes.get_title(loc="left") for axes in many.figure("token_length_effect").axes)
        assert title == "all\nquestions"

    def test_tables_without_rows_give_sentences(self, mini: Case) -> None:
        findings, rankings, results = (table.head(0) for table in mini[:3])
        drawn = draw_comparison(findings, rankings, results, TOP, KINDS)
        assert set(drawn) == set(mini.drawn)
        for name, (figure, shown) in drawn.items():
            assert words(figure).startswith("Nothing to draw: "), name
            assert shown.empty

    def test_a_missing_column_is_named(self, mini: Case) -> None:
        looks = Looks.of(mini.rankings)
        for draw, name in (
            (overlaps.method_overlap, "method_overlap"),
            (ranks.consensus_heads, "consensus_heads"),
            (heads.universal_heads_by_method, "universal_heads_by_method"),
            (curves.token_length_effect, "token_length_effect"),
        ):
            with pytest.raises(ValueError, match="the table has no column value"):
                draw(mini.drawn[name][1].drop(columns="value"), looks)

    def test_unknown_ids_have_looks_of_their_own_whatever_the_order(self) -> None:
        table = pd.DataFrame(
            [
                {"family": "f", "model": m, "method": d, "question": q, "token_length": n}
                for m, d, q, n in (
                    ("b", "zeta", "ceo", 4096),
                    ("a", "wu24", "hq_state", 512),
                    ("b", "alpha", "all", 0),
                )
            ]
        )
        looks = Looks.of(table)
        assert list(looks.methods) == ["wu24", "alpha", "zeta"]
        assert list(looks.questions) == ["hq_state", "all", "ceo"]
        assert list(looks.lengths) == [0, 512, 4096]
        assert looks.lengths[0].label == "length not told"
        assert looks.methods["wu24"] == METHODS["wu24"]
        assert len({look.colour for look in looks.methods.values()}) == 3
        assert Looks.of(table[::-1]).methods == looks.methods
        assert Looks.of(table[::-1]).questions == looks.questions
