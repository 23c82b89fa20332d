"""CSV tables for people begin with the columns of the comparison's import format."""

from __future__ import annotations

from circuit_scaling.analysis.retrieval.exports import masking_for_people, rankings_for_people
from circuit_scaling.tables.retrieval import KNOWN_RETRIEVAL_HEADS
from tests.helpers import synthetic_retrieval as retrieval


def test_heads_stand_by_model_method_question_and_rank() -> None:
    rankings = retrieval.head_rankings()
    exported = rankings_for_people(rankings.sample(frac=1, random_state=0), _none())
    ranked = exported["head_rankings"]
    assert ranked.columns[:8].tolist() == [
        *("method", "model", "question", "token_length", "layer", "head", "score", "rank")
    ]
    asked = ["model", "method", "question", "token_length"]
    assert len(ranked) == len(rankings)
    assert (ranked.groupby(asked, sort=False)["rank"].diff().dropna() == 1).all()
    assert (ranked[asked] != ranked[asked].shift()).any(axis=1).sum() == 2 * 3 * 4 * 4
    assert exported["known_retrieval_heads"].empty
    assert "fingerprint" not in ranked


def _none():
    return KNOWN_RETRIEVAL_HEADS.empty()


def test_sets_are_written_by_the_names_of_their_heads() -> None:
    results = retrieval.ablation_results([retrieval.MINI])
    exported = masking_for_people(results, retrieval.masking_summary([retrieval.MINI]))
    masked = exported["ablation_results"]
    assert masked.columns[:8].tolist() == [
        *("method", "model", "question", "token_length", "n_heads", "set_type"),
        *("accuracy", "baseline_accuracy"),
    ]
    three = masked[(masked["n_heads"] == 3) & (masked["set_type"] == "hero")]
    assert set(three["heads"]) == {"L0H0 L0H3 L0H6"}
    gone = masked[masked["reason"] != ""]
    assert set(gone["heads"]) == {""}
    assert len(masked) == len(results)
    assert exported["masking_summary"]["question"].nunique() == 5
