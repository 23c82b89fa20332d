"""Effects as programs write them: in full, rounded, on a binary grid, in half precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Write = Callable[[Floats], Floats]


def half(values: npt.ArrayLike) -> Floats:
    """Through float16."""
    return np.asarray(values, dtype=np.float16).astype(np.float64)


def brain(values: npt.ArrayLike) -> Floats:
    """Through bfloat16, rounded to the nearest, ties to even."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32).astype(np.float64)


def _single(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)


def _binary(values: Floats, digits: int) -> Floats:
    return np.round(values * 2.0**digits) / 2.0**digits


def _differences(values: Floats, cast: Write, metric: float) -> Floats:
    """Ablated minus clean, where both metrics went through ``cast``."""
    clean = cast(np.array([metric]))
    return cast(cast(metric + values) - clean)


def _means(values: Floats, cast: Write, n_prompts: int) -> Floats:
    """The mean in float32 over prompts of differences on the grid of ``cast``."""
    grid = 2.0**-7 / n_prompts
    return (np.round(values / grid) * grid).astype(np.float32).astype(np.float64)


FINE: dict[str, Write] = {
    "float32": _single,
    "float16": half,
    "bfloat16": brain,
    **{f"{d} decimals": partial(np.round, decimals=d) for d in (4, 6, 8)},
    "mean of 400 float16": partial(_means, cast=half, n_prompts=400),
}
COARSE: dict[str, tuple[Write, float]] = {  # with the unit
    **{f"{d} decimals": (partial(np.round, decimals=d), 10.0**-d) for d in (1, 2, 3)},
    **{f"multiples of 2^-{d}": (partial(_binary, digits=d), 2.0**-d) for d in (4, 7, 10)},
    **{
        f"float16 metric of {m}": (partial(_differences, cast=half, metric=m), unit)
        for m, unit in ((1.3, 2.0**-10), (2.0, 2.0**-9), (9.1, 2.0**-7))
    },
    **{
        f"bfloat16 metric of {m}": (partial(_differences, cast=brain, metric=m), unit)
        for m, unit in ((1.3, 2.0**-7), (9.1, 2.0**-4))
    },
}


def drawn(kind: str, size: int, scale: float, rng: np.random.Generator) -> Floats:
    """Effects of ``size`` heads, most of them small; their typical size is ``scale``."""
    if kind == "heavy":
        return scale * rng.standard_t(1.5, size)
    if kind == "normal":
        return scale * rng.normal(size=size)
    if kind == "decades":
        return scale * np.exp(1.5 * rng.normal(size=size)) * rng.choice([-1, 1], size)
    few = rng.random(size) < 0.1  # a few heads do the work
    return np.where(few, 10 * scale, 0.3 * scale) * rng.normal(size=size)


KINDS = ("heavy", "normal", "decades", "few strong")


def rows(family: str, model: str, heads: int, ioi: Floats, anti: Floats) -> pd.DataFrame:
    """A table of all heads of one model, ``heads`` per layer."""
    layer, head = np.divmod(np.arange(len(ioi)), heads)
    keys = {"family": family, "model": model, "layer": layer, "head": head}
    return pd.DataFrame({**keys, "delta_ioi": ioi, "delta_anti": anti})
