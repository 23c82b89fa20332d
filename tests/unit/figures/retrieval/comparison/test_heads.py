"""Figures that count heads show what findings and rankings say."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.figures.style import METHODS
from tests.helpers.artists import image, names, points, segments, widths
from tests.helpers.compared_figures import TOP, Case


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
