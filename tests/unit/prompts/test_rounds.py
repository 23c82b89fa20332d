"""The order in which prompts are measured: whole blocks, templates and sides in equal shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.prompts.rounds import batches_by_look, rounds_of


def blocks(n_seeds: int, per_seed: int, n_templates: int, per_block: int) -> pd.DataFrame:
    """Prompts as the tasks of names make them: seeds, sides, and templates dealt in turn."""
    rows = []
    for seed in range(n_seeds):
        for side in ("select", "test"):
            for index in range(per_seed):
                turn = seed * per_seed + index
                block = {
                    "split": side,
                    "template": f"t{turn % n_templates}",
                    "data_seed": seed,
                    "cluster": f"{side}{turn}",
                }
                rows += [block] * per_block
    return pd.DataFrame(rows)


@given(
    st.integers(1, 5), st.integers(1, 12), st.integers(1, 8), st.integers(1, 4), st.integers(1, 400)
)
@settings(max_examples=60, deadline=None)
def test_batches_are_whole_rounds(
    n_seeds: int, per_seed: int, n_templates: int, per_block: int, most: int
) -> None:
    prompts = blocks(n_seeds, per_seed, n_templates, per_block)
    rounds = rounds_of(prompts)
    assert (prompts.assign(round=rounds).groupby("cluster")["round"].nunique() == 1).all()
    for number in range(rounds.max() + 1):
        of_round = prompts[rounds == number]
        counts = of_round.groupby(["template", "split"]).size()
        assert set(counts) == {per_block}
    whole = batches_by_look(prompts, 16, None, 1)
    assert sorted(np.concatenate(whole).tolist()) == list(range(len(prompts)))
    cut = batches_by_look(prompts, 16, most, 1)
    sizes = np.cumsum([len(batch) for batch in cut])
    assert len(cut) == 1 or sizes[-1] <= most
    for batch in cut:
        assert len(batch) > 0
    growth = sizes[1:-1] / sizes[:-2] if len(sizes) > 2 else np.array([2.0])
    assert (growth >= 2).all()


def test_the_first_look_has_enough_of_both() -> None:
    prompts = blocks(5, 10, 8, 4)  # 400 prompts, 100 clusters; a round has 64 prompts
    assert [len(batch) for batch in batches_by_look(prompts, 64, None, 16)] == [64, 64, 128, 144]
    assert len(batches_by_look(prompts, 65, None, 16)[0]) == 128
    assert len(batches_by_look(prompts, 1, None, 17)[0]) == 128
    assert [len(batch) for batch in batches_by_look(prompts, 1000, None, 16)] == [400]


def test_data_seeds_come_in_turn() -> None:
    prompts = blocks(5, 8, 8, 1)
    first = prompts[rounds_of(prompts) < 5]
    assert first["data_seed"].value_counts().nunique() == 1


def test_what_is_rare_is_rare_at_every_look() -> None:
    """As a file may be: one template has a tenth of the rows, one side a quarter."""
    rows = [
        {"split": split, "template": template, "data_seed": 0, "cluster": f"{split}{template}{n}"}
        for split, times in (("select", 1), ("test", 3))
        for template, count in (("usual", 45), ("rare", 5))
        for n in range(count * times)
    ]
    prompts = pd.DataFrame(rows)
    places = batches_by_look(prompts, 40, None, 16)
    assert len(places) > 2
    for look in range(1, len(places) + 1):
        seen = prompts.iloc[np.concatenate(places[:look])]
        expected = prompts.value_counts(["split", "template"]) * len(seen) / len(prompts)
        found = seen.value_counts(["split", "template"]).reindex(expected.index, fill_value=0)
        assert (found - expected).abs().max() <= 1
