"""CSV tables for people; the columns of the comparison's import format come first."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.vocabulary import CONFIGURATION

_RANKED = [*CONFIGURATION, "layer", "head", "score", "rank"]
_MASKED = [*CONFIGURATION, "n_heads", "set_type", "accuracy", "baseline_accuracy"]
_COMPARED = [*CONFIGURATION, "n_heads"]


def rankings_for_people(
    head_rankings: pd.DataFrame, known_retrieval_heads: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Table name -> frame: every head by method, question and length, best first; known heads."""
    measured = ["model", "method", "question", "token_length"]
    places = {
        name: head_rankings[name].map(
            {value: place for place, value in enumerate(dict.fromkeys(head_rankings[name]))}
        )
        for name in measured
    }
    order = pd.DataFrame({**places, "rank": head_rankings["rank"]})
    ranked = head_rankings.loc[order.sort_values([*measured, "rank"], kind="stable").index]
    return {
        "head_rankings": _first(ranked, _RANKED),
        "known_retrieval_heads": _first(known_retrieval_heads, _RANKED),
    }


def masking_for_people(
    ablation_results: pd.DataFrame, masking_summary: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Table name -> frame: every masked set with its heads such as ``L3H5 L4H1``; comparisons."""
    names = [
        " ".join(f"L{int(layer)}H{int(head)}" for layer, head in zip(layers, heads, strict=True))
        for layers, heads in zip(ablation_results["layers"], ablation_results["heads"], strict=True)
    ]
    named = ablation_results.drop(columns="layers").assign(
        heads=pd.Series(names, index=ablation_results.index, dtype=str)
    )
    return {
        "ablation_results": _first(named, _MASKED),
        "masking_summary": _first(masking_summary, _COMPARED),
    }


def _first(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The frame with these columns at its beginning, and those that are for programs left out."""
    rest = [name for name in frame.columns if name not in (*columns, "fingerprint")]
    return frame[[*columns, *rest]].reset_index(drop=True)
