"""What single samples showed, of a model: the tables that intervals of the comparison rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.analysis.retrieval.answered import answering
from circuit_scaling.analysis.retrieval.masking import with_methods
from circuit_scaling.tables.retrieval import JOINT_ANSWERS, JOINT_SCORES

_ASKED = ["question", "token_length"]
_MODEL = ["family", "model"]


def sample_scores(scores: pd.DataFrame, decoded_answers: pd.DataFrame) -> pd.DataFrame:
    """The table ``joint_scores`` of one model: the samples whose mean is a head's score.

    These are all samples, and for Wu24 those that the model answers.

    Args:
        scores: ``retrieval_scores`` of the model, whose lists are in the order of the answers.
        decoded_answers: of the model, on the training questions.
    """
    rows = []
    answers = dict(list(decoded_answers.groupby(_ASKED, sort=False)))
    for (method, *asked), of_heads in scores.groupby(["method", *_ASKED], sort=False):
        given = answers[tuple(asked)]
        by_sample = np.stack(of_heads.sort_values(["layer", "head"])["scores"].to_list(), axis=1)
        counted = given["right"].to_numpy(bool) if method == "wu24" else np.full(len(given), True)
        rows.append(
            {
                **of_heads.iloc[0][[*_MODEL, "n_layers", "n_heads", "fingerprint"]],
                **dict(zip(_ASKED, asked, strict=True)),
                "method": method,
                "filings": given["filing"].to_numpy(str)[counted].tolist(),
                "scores": by_sample[counted].ravel(),
            }
        )
    return JOINT_SCORES.typed(pd.DataFrame(rows))


def sample_answers(
    sets: pd.DataFrame, answers: pd.DataFrame, questions: pd.DataFrame
) -> pd.DataFrame:
    """The table ``joint_answers`` of one model: which samples are right without some heads.

    Random sets that all methods share stand there once for each, as in ``ablation_results``. Sets
    that do not exist have no row.

    Args:
        sets, answers, questions: ``masked_heads``, ``retrieval_answers`` and ``questions`` of the
            model.
    """
    kinds = questions.drop_duplicates("question").set_index("question")["kind"]
    given = {key: rows for key, rows in answers.groupby(["set_id", "ablation"], sort=False)}
    baselines = sets.loc[sets["set_type"] == "baseline", [*_ASKED, "set_id"]].to_numpy()
    rows: list[dict[Any, Any]] = []
    for ablation in answers["ablation"].unique():
        clean = {
            (question, length): given[set_id, ablation] for question, length, set_id in baselines
        }
        found = {asked: answering(kinds[asked[0]], of) for asked, of in clean.items()}
        masked_sets: list[dict[Any, Any]] = with_methods(sets).to_dict("records")
        for row in masked_sets:
            asked = (row["question"], row["token_length"])
            masked = given.get((row["set_id"], ablation))
            if masked is None:
                continue
            of_sample = clean[asked].set_index("question_id")["right"]
            rows.append(
                {
                    **row,
                    "ablation": ablation,
                    "filings": masked["filing"].to_list(),
                    "right": masked["right"].to_numpy(float),
                    "baseline_right": of_sample[masked["question_id"]].to_numpy(float),
                    "floor": found[asked].floor,
                    "answered": found[asked].answered,
                }
            )
    return JOINT_ANSWERS.typed(pd.DataFrame(rows))
