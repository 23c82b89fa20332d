"""How well attribution scores rank the heads of one model: exact effects against estimates."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from circuit_scaling.analysis.join.agreement import on_equal_terms
from circuit_scaling.statistics.agreement import pearson, spearman, top_overlap
from circuit_scaling.tables.columns import HEAD_KEYS
from circuit_scaling.tables.join import ATTRIBUTION_AGREEMENT

_TOP = 20
_COMPARED = ["family", "model", "task", "ablation", "positions"]


def attribution_agreement(effects: pd.DataFrame, attributions: pd.DataFrame) -> pd.DataFrame:
    """A row per task and kind of ablation that both tables have.

    ``effects`` are the exact ones (``head_effects``), ``attributions`` the estimates
    (``head_attributions``). ``top_overlap`` is the share of the ``top_k`` heads with the largest
    exact effects, by absolute value, that are among the ``top_k`` by absolute score; ``top_k`` is
    20, or the number of heads where a model has fewer. A correlation that is not defined is
    missing. Exact effects are means over the prompts that all heads were ablated on.
    """
    rows = list(_rows(effects, attributions))
    return pd.DataFrame(rows) if rows else ATTRIBUTION_AGREEMENT.empty()


def _rows(effects: pd.DataFrame, attributions: pd.DataFrame) -> Iterator[dict[str, object]]:
    head = [*_COMPARED, *(key for key in HEAD_KEYS if key not in _COMPARED)]
    both = on_equal_terms(effects)[[*head, "delta"]].merge(
        attributions[[*head, "delta"]], on=head, suffixes=("", "_estimated"), validate="one_to_one"
    )
    for names, rows in both.groupby(_COMPARED, sort=False):
        exact, estimated = rows["delta"].to_numpy(), rows["delta_estimated"].to_numpy()
        k = min(_TOP, len(rows))
        yield {
            **dict(zip(_COMPARED, names, strict=True)),
            "n_heads_compared": len(rows),
            "spearman": spearman(exact, estimated),
            "pearson": pearson(exact, estimated),
            "top_k": k,
            "top_overlap": top_overlap(exact, estimated, k),
        }
