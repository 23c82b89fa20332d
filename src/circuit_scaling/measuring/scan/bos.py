"""One task with and without BOS: what the first token does to a model and to its heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.shared.progress import Progress
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.significance import q_values

_CLEAN = ("clean_metric", "accuracy", "accuracy_low", "accuracy_high")


def bos_effects(
    measured: Measurement, effects: pd.DataFrame, bos_token: int, progress: Progress
) -> pd.DataFrame:
    """A row per head: its effect on the same prompts with BOS and without.

    ``difference`` is the effect with BOS minus the one without, prompt by prompt; q is
    Benjamini-Hochberg over the model's heads.

    Args:
        measured: the task as the model's prompts are.
        effects: the rows of the effects table for this task and the primary ablation.
        bos_token: its id.
    """
    other = replace(
        measured,
        prompts=_begun_otherwise(measured.prompts, bos_token),
        settings=measured.settings.model_copy(update={"agreement_tasks": ()}),
    )
    (there,) = other.head_effects(progress)
    own = effects.reset_index(drop=True)
    versions = {"without": (own, measured), "with": (there, other)}
    if measured.prompts["bos"].iloc[0]:
        versions = {"with": (own, measured), "without": (there, other)}
    difference = np.stack(versions["with"][0]["effects"].to_list()) - np.stack(
        versions["without"][0]["effects"].to_list()
    )
    means = cluster_means(cluster_totals(difference, measured.rows["cluster"].to_numpy()))
    columns: dict[str, object] = {"layer": own["layer"], "head": own["head"], "task": measured.task}
    for name, (rows, measurement) in versions.items():
        clean = measurement.competence()
        columns |= {f"{column}_{name}": rows[column] for column in ("delta", "se")}
        columns |= {f"{column}_{name}": clean[column] for column in _CLEAN}
    return pd.DataFrame(
        columns
        | {
            "difference": means.mean,
            "low": means.low,
            "high": means.high,
            "q": q_values(means.p) if np.isfinite(means.p).all() else np.nan,
            "n_prompts": difference.shape[1],
        }
    )


def _begun_otherwise(prompts: pd.DataFrame, bos_token: int) -> pd.DataFrame:
    """The prompts without the BOS that they have, or with the one that they lack."""
    has = bool(prompts["bos"].iloc[0])
    tokens = [[*ids][1:] if has else [bos_token, *ids] for ids in prompts["tokens"]]
    return prompts.assign(tokens=pd.Series(tokens, index=prompts.index), bos=not has)
