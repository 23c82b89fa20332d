"""Lists that were cut short are told from numbers that are coarse, by simulation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.import_tables.checks import exact_zeros, same_values
from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from tests.helpers.configured import ROSTERS
from tests.helpers.written_effects import (
    COARSE,
    FINE,
    KINDS,
    Floats,
    Write,
    brain,
    drawn,
    half,
    rows,
)

SIZES = (48, 144, 720)
SCALES = (0.005, 0.02, 0.1)
Columns = tuple[Floats, Floats]


def accused(given: Sequence[Columns]) -> Floats:
    """For each pair of columns whether the first is found to be filled up with zeros."""
    tables = [rows("f", f"{i}", 12, *columns) for i, columns in enumerate(given)]
    found = exact_zeros(pd.concat(tables, ignore_index=True))
    at = {int(finding.model) for finding in found if finding.column == "delta_ioi"}
    return np.isin(np.arange(len(given)), list(at)).astype(float)


def honest(write: Write, seeds: int) -> Iterator[Columns]:
    """Both columns of full scans of which most effects are not below half a unit."""
    for number, (kind, size, scale) in enumerate(
        (kind, size, scale) for kind in KINDS for size in SIZES for scale in SCALES
    ):
        for seed in range(seeds):
            rng = np.random.default_rng([number, seed])
            ioi = write(drawn(kind, size, scale, rng))
            if (ioi == 0).mean() < 0.8:
                yield ioi, write(drawn(kind, size, scale * (1 / 3, 1, 3)[seed % 3], rng))


def cut(write: Write, share: float, unit: float, by_other: bool, seeds: int) -> Iterator[Columns]:
    """The largest on one task, the rest 0; above two units, below which rounding does the same."""
    for kind in KINDS:
        for size in SIZES:
            for seed in range(seeds):
                rng = np.random.default_rng([size, seed])
                ioi, anti = (drawn(kind, size, 0.05, rng) for _ in range(2))
                ranked = np.abs(anti if by_other else ioi)
                smallest = np.sort(ranked)[-int(share * size)]
                if smallest >= 2 * unit and size * (1 - share) > 10:
                    yield write(np.where(ranked >= smallest, ioi, 0.0)), write(anti)


@pytest.mark.parametrize("name", [*FINE, *COARSE])
def test_full_scans_are_hardly_ever_accused(name: str) -> None:
    write = FINE[name] if name in FINE else COARSE[name][0]
    found = accused(list(honest(write, seeds=6)))
    assert len(found) > 70
    assert found.mean() <= 0.005


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("by_other", [False, True], ids=["by itself", "by the other task"])
def test_cut_lists_are_found(by_other: bool, share: float) -> None:
    for name, write in FINE.items():
        assert accused(list(cut(write, share, 0.0, by_other, seeds=3))).mean() >= 0.95, name


@pytest.mark.parametrize("name", COARSE)
def test_cut_lists_are_found_on_a_coarse_grid(name: str) -> None:
    write, unit = COARSE[name]
    given = [cut(write, share, unit, False, seeds=5) for share in (0.1, 0.5, 0.9)]
    lists = [columns for some in given for columns in some]
    assert len(lists) > 20
    assert accused(lists).mean() >= 0.95


@pytest.mark.parametrize("cast", [half, brain], ids=["float16", "bfloat16"])
def test_two_models_may_agree_often_where_the_grid_is_coarse(cast: Write) -> None:
    frames = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        ioi, anti = (cast(cast(9.1 + drawn("heavy", 144, 0.05, rng)) - cast(9.1)) for _ in range(2))
        frames.append(rows("f", f"{seed}", 12, ioi, anti))
    agree = [(a["delta_ioi"] == b["delta_ioi"]).mean() for a, b in pairwise(frames)]
    assert np.mean(agree) > (0.03 if cast is half else 0.2)
    assert list(same_values(pd.concat(frames, ignore_index=True))) == []
    copied = frames[0].assign(model="copy", delta_anti=frames[1]["delta_anti"])
    found = list(same_values(pd.concat([*frames[:1], copied], ignore_index=True)))
    assert {(finding.model, finding.column) for finding in found} == {
        *(("0", "delta_ioi"), ("copy", "delta_ioi"))
    }


def test_few_values_of_which_all_agree() -> None:
    """Six heads of one unit each agree by chance; six different values do not."""
    one, other = np.zeros(48), np.zeros(48)
    one[:6], other[:6], other[40:43] = 0.0625, 0.0625, 0.125
    tables = [rows("f", "a", 8, one, one + 1), rows("f", "b", 8, other, other + 2)]
    assert list(same_values(pd.concat(tables, ignore_index=True))) == []
    one[:6] = other[:6] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    tables = [rows("f", "a", 8, one, one + 1), rows("f", "b", 8, other, other + 2)]
    found = list(same_values(pd.concat(tables, ignore_index=True)))
    assert [(f.model, len(f.heads)) for f in found] == [("a", 6), ("b", 6)]


def large(seed: int, name: str = "gpt2-large") -> pd.DataFrame:
    """All 720 heads of gpt2-large: differences of two metrics in float16, a grid of 2^-9."""
    rng = np.random.default_rng(seed)
    ioi, anti = (half(half(3.7 + drawn("heavy", 720, 0.004, rng)) - half(3.7)) for _ in range(2))
    return rows("gpt2", name, 20, ioi, anti)


def underflown(seed: int) -> pd.DataFrame:
    """The same heads with effects over many decades, of which float16 makes zeros and a tail."""
    rng = np.random.default_rng(seed)
    ioi, anti = (half(rng.choice([-1, 1], 720) * 10 ** rng.uniform(-10, 0, 720)) for _ in range(2))
    return rows("gpt2", "gpt2-large", 20, ioi, anti)


def mostly_underflown(seed: int) -> pd.DataFrame:
    """Half of the heads far below half precision, and a tail of a few numbers that have some."""
    rng = np.random.default_rng(seed)
    effects = []
    for _ in range(2):
        tail = rng.integers(1, 1024, 40) * 2.0**-24
        effects.append(rng.permutation(half([*rng.normal(0, 0.1, 320), *np.zeros(360), *tail])))
    return rows("gpt2", "gpt2-large", 20, *effects)


def with_hub_ids(seed: int) -> pd.DataFrame:
    """Two models by their hub ids, in half precision."""
    rng = np.random.default_rng(seed)
    ioi, anti = (brain(brain(3.7 + drawn("heavy", 48, 0.02, rng)) - brain(3.7)) for _ in range(2))
    small = rows("pythia", "EleutherAI/pythia-70m", 8, ioi, anti)
    return pd.concat([large(seed, "openai-community/gpt2-large"), small], ignore_index=True)


@pytest.mark.parametrize("make", [large, underflown, mostly_underflown, with_hub_ids])
@pytest.mark.parametrize("seed", range(5))
def test_full_tables_in_half_precision_are_taken(make, seed: int, tmp_path: Path) -> None:
    table = make(seed)
    assert ((table["delta_ioi"] == 0) & (table["delta_anti"] != 0)).sum() > 50
    path = tmp_path / "joint.csv"
    table.to_csv(path, index=False)
    taken = import_joint_table(ImportSettings(joint_table=str(path)), ROSTERS)
    assert set(taken.import_findings["outcome"]) == {"passed"}
    large_rows = taken.joint_heads[taken.joint_heads["family"] == "gpt2"]
    assert len(large_rows) == 720
    sizes = large_rows[["params_m", "n_layers", "n_heads"]].drop_duplicates()
    assert sizes.to_numpy().tolist() == [[774, 36, 20]]
