"""CSV tables for people, with the column names of the published study."""

from __future__ import annotations

import pandas as pd


def transfer_for_people(
    transfer_heads: pd.DataFrame, transfer_summary: pd.DataFrame, head_divergence: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Table name -> frame; of the two tasks, the files say in their names which they hold."""
    pair = ["base_family", "base_model", "tgt_family", "tgt_model"]
    tables = {}
    for task, short in (("ioi", "ioi"), ("anti_names", "anti")):
        heads = transfer_heads[transfer_heads["task"] == task]
        heads = heads.rename(
            columns={f"{side}_abs_delta": f"{side}_abs_delta_{short}" for side in ("base", "tgt")}
        )
        heads["missing_in_target_index"] = heads["in_target"] != "present"
        published = [f"base_abs_delta_{short}", f"tgt_abs_delta_{short}", "tgt_frac_rank"]
        first = [*pair, "layer", "head", *published, "missing_in_target_index"]
        tables[f"{short}_transfer_generic"] = _first(heads, first, drop="task")
        summary = transfer_summary[transfer_summary["task"] == task]
        summary = summary.rename(columns={"n_base_heads": "n_heads"})
        first = ["base_model", "tgt_model", "n_heads", "mean_frac_rank", "frac_missing"]
        tables[f"{short}_transfer_summary"] = _first(summary, first, drop="task")
    fate = ["layer", "head", "base_category", "tgt_category", "divergence"]
    tables["ioi_divergence"] = head_divergence[["base_model", "tgt_model", *fate]]
    return tables


def _first(frame: pd.DataFrame, columns: list[str], drop: str) -> pd.DataFrame:
    """The published columns in their order, then all others but one."""
    return frame[[*columns, *(name for name in frame if name not in (*columns, drop))]]
