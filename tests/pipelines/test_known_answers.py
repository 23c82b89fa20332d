"""A table whose answers were worked out by hand goes through the pipelines; every CSV is checked.

alpha has 2 layers of 2 heads, beta 3 layers of 2. By |delta_ioi|, beta's heads rank

    L1H0 0.9 (1), L0H1 0.7 (2), L2H1 0.4 and L0H0 -0.4 (both 3.5), L1H1 0.05 (5), L2H0 0.0 (6).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ALPHA = [  # layer, head, delta_ioi, delta_anti
    (0, 0, -1.0, 0.01),  # ioi_only
    (0, 1, -0.5, -0.6),  # shared
    (1, 0, 0.02, -0.3),  # anti_only
    (1, 1, 0.01, 0.03),  # weak
]
BETA = [
    (0, 0, -0.4, 0.2),  # shared
    (0, 1, 0.7, 0.04),  # ioi_only
    (1, 0, 0.9, -0.05),  # shared: tau is inclusive
    (1, 1, 0.05, 0.0),  # ioi_only: tau is inclusive
    (2, 0, 0.0, 0.6),  # anti_only
    (2, 1, 0.4, 0.01),  # ioi_only
]


@pytest.fixture(scope="module")
def published(test_data, run, tmp_path_factory) -> Path:
    """The folder of the CSV tables after the table was imported and analysed."""
    rows = [
        ("f", name, *row) for name, heads in (("alpha", ALPHA), ("beta", BETA)) for row in heads
    ]
    columns = ["family", "model", "layer", "head", "delta_ioi", "delta_anti"]
    folder = tmp_path_factory.mktemp("known")
    pd.DataFrame(rows, columns=columns).to_csv(folder / "given.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIRCUIT_SCALING_TEST_DATA", str(folder / "data"))
        run(
            *("import_tables", "classify", "scaling", "transfer"),
            params={"import": {"joint_table": str(folder / "given.csv")}},
        )
    return folder / "data" / "08_reporting" / "tables"


def table(published: Path, name: str, **rows: object) -> pd.DataFrame:
    """The rows of a CSV table with these values."""
    frame = pd.read_csv(published / f"{name}.csv")
    for column, value in rows.items():
        frame = frame[frame[column] == value]
    return frame.reset_index(drop=True)


def heads(frame: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(frame["layer"], frame["head"], strict=True))


def close(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found, float), expected, rtol=0, atol=1e-9)


def test_joint_table(published):
    for model, given in (("alpha", ALPHA), ("beta", BETA)):
        found = table(published, "joint_ioi_anti_repeat_all", model=model)
        close(found[["layer", "head", "delta_ioi", "delta_anti"]], given)


def test_categories(published):
    counts = ["n_anti_only", "n_ioi_only", "n_shared", "n_weak"]
    shares = [name.replace("n_", "frac_", 1) for name in counts]
    for model, expected in (("alpha", [1, 1, 1, 1]), ("beta", [1, 3, 2, 0])):
        found = table(published, "head_category_summary", model=model)
        assert found.loc[0, counts].tolist() == expected
        close(found.loc[0, shares], np.array(expected) / sum(expected))


def test_heroes(published):
    found = table(published, "hero_heads_for_paper", model="beta", category="ioi_only")
    assert heads(found) == [(0, 1), (2, 1), (1, 1)]
    close(found["strength"], [0.74, 0.41, 0.05])
    assert heads(table(published, "hero_heads_for_paper", model="beta", category="shared")) == [
        (1, 0),
        (0, 0),
    ]
    assert heads(table(published, "hero_heads_for_paper", model="alpha", category="weak")) == [
        (1, 1)
    ]


@pytest.mark.parametrize(("model", "given"), [("alpha", ALPHA), ("beta", BETA)])
def test_correlation(published, model, given):
    """Pearson from sums, over all rows."""
    x, y = ([row[i] for row in given] for i in (2, 3))
    n, mean_x, mean_y = len(x), sum(x) / len(x), sum(y) / len(y)
    product = sum(a * b for a, b in zip(x, y, strict=True)) - n * mean_x * mean_y
    squares = [sum(v * v for v in z) - n * m * m for z, m in ((x, mean_x), (y, mean_y))]
    found = table(published, "corr_vs_scale_cross_family", model=model)
    close(found["corr"], product / (squares[0] * squares[1]) ** 0.5)
    assert found["n_heads_compared"].tolist() == [n]
    assert found[["params_m", "corr_true"]].isna().all(axis=None)


def test_transfer_of_each_head(published):
    """alpha's IOI-like heads are L0H0 and L0H1; in beta those have ranks 3.5 and 2 of 6."""
    found = table(published, "ioi_transfer_generic", base_model="alpha", tgt_model="beta")
    assert heads(found) == [(0, 0), (0, 1)]
    close(found["base_abs_delta_ioi"], [1.0, 0.5])
    close(found["tgt_abs_delta_ioi"], [0.4, 0.7])
    close(found["tgt_frac_rank"], [3.5 / 6, 2 / 6])
    assert found["missing_in_target_index"].tolist() == [False, False]


def test_heads_that_the_target_does_not_have(published):
    """In alpha: L0H0 1.0 (rank 1), L0H1 0.5 (2), L1H0 0.02 (3), L1H1 0.01 (4); no layer 2."""
    found = table(published, "ioi_transfer_generic", base_model="beta", tgt_model="alpha")
    assert heads(found) == [(1, 0), (0, 1), (0, 0), (2, 1), (1, 1)]
    assert found["missing_in_target_index"].tolist() == [False, False, False, True, False]
    close(found["tgt_frac_rank"], [3 / 4, 2 / 4, 1 / 4, np.nan, 1])
    close(found["tgt_abs_delta_ioi"], [0.02, 0.5, 1.0, np.nan, 0.01])


def test_transfer_of_pairs(published):
    forth = table(published, "ioi_transfer_summary", base_model="alpha", tgt_model="beta")
    back = table(published, "ioi_transfer_summary", base_model="beta", tgt_model="alpha")
    close(forth[["n_heads", "mean_frac_rank", "frac_missing"]], [[2, 5.5 / 12, 0]])
    close(back[["n_heads", "mean_frac_rank", "frac_missing"]], [[5, 2.5 / 4, 1 / 5]])
    # Under random heads of the target: (n + 1) / 2n.
    close(forth["expected"], 7 / 12)
    close(back["expected"], 5 / 8)
    # beta's layer 0 has ranks 3.5 and 2, both of alpha's heads are in layer 0.
    close(forth["expected_same_layer"], 5.5 / 12)


def test_divergence(published):
    forth = table(published, "ioi_divergence", base_model="alpha", tgt_model="beta")
    back = table(published, "ioi_divergence", base_model="beta", tgt_model="alpha")
    assert dict(zip(heads(forth), forth["divergence"], strict=True)) == {
        (0, 0): "conserved",
        (0, 1): "conserved",
    }
    assert dict(zip(heads(back), back["divergence"], strict=True)) == {
        (1, 0): "inverted",
        (0, 1): "conserved",
        (0, 0): "conserved",
        (2, 1): "missing",
        (1, 1): "lost",
    }
