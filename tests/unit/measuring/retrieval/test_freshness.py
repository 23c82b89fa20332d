"""Questions, scores and answers must come from one another, and from the present configuration."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.retrieval.freshness import (
    answers_fingerprint,
    check_fresh_answers,
    questions_fingerprint,
    scores_fingerprint,
)
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from tests.helpers.filings import asked, filings
from tests.helpers.fresh_scans import ENTRY

SETTINGS = RetrievalSettings.model_validate({"asks": {"lengths": (200,)}})
MASKING = MaskingSettings(ks=(5,), n_random=3)
SCORES = pd.DataFrame({"fingerprint": ["aa"] * 4})


def of_questions(table, *, model="m", bos=True, sources=None, **asks):
    sources = sources or (*filings(), shipped_haystack())
    return questions_fingerprint(SETTINGS.asks.model_copy(update=asks), bos, model, sources, table)


def test_what_questions_depend_on_and_what_not():
    table, _ = asked()
    truth, texts = filings()
    first = of_questions(table)
    assert of_questions(table.copy()) == first
    shuffled = truth[::-1].assign(more=1), texts[::-1], shipped_haystack()
    assert of_questions(table, sources=shuffled) == first
    for changed in (
        table.assign(tokens=[[1, *ids[1:]] for ids in table["tokens"]]),
        table.assign(needle_start=table["needle_start"] + 1),
        table.assign(answer="Ohio"),
    ):
        assert of_questions(changed) != first
    others = (
        (truth.replace("Delaware", "Ohio"), texts, shipped_haystack()),
        (truth, texts.assign(text=texts["text"] + "."), shipped_haystack()),
        (truth, texts, "Other prose."),
    )
    found = {of_questions(table, sources=sources) for sources in others}
    found |= {of_questions(table, model="n"), of_questions(table, bos=False)}
    found |= {of_questions(table, split_seed=1)}
    assert len(found - {first}) == 6


def test_what_scores_depend_on_and_what_not():
    questions = pd.DataFrame({"fingerprint": ["aa"], "revision": [""]})
    first = scores_fingerprint(ENTRY, SETTINGS, questions)
    other = SETTINGS.model_copy
    assert scores_fingerprint(ENTRY, other(update={"chunk": 5}), questions) == first
    found = {
        scores_fingerprint(ENTRY, other(update={"max_new_tokens": 5}), questions),
        scores_fingerprint(ENTRY, other(update={"precision": "bf16"}), questions),
        scores_fingerprint(ENTRY, SETTINGS, questions.assign(fingerprint="bb")),
        scores_fingerprint(ENTRY.model_copy(update={"dtype": "float16"}), SETTINGS, questions),
    }
    assert len(found - {first}) == 4


def test_answers_of_other_scores_or_other_sets_stop():
    right = answers_fingerprint(ENTRY, SETTINGS, MASKING, SCORES)
    stored = pd.DataFrame({"fingerprint": [right] * 3})
    check_fresh_answers(ENTRY, SETTINGS, MASKING, SCORES, stored, stored)
    for settings, masking, scores, tables in (
        (SETTINGS, MASKING.model_copy(update={"seed": 1}), SCORES, [stored]),
        (SETTINGS.model_copy(update={"max_new_tokens": 5}), MASKING, SCORES, [stored]),
        (SETTINGS, MASKING, SCORES.assign(fingerprint="bb"), [stored]),
        (SETTINGS, MASKING, SCORES, [stored, stored.assign(fingerprint="0ld")]),
        (SETTINGS, MASKING, SCORES, []),
    ):
        with pytest.raises(CircuitScalingError, match="--namespaces retrieval_mask.mini_s"):
            check_fresh_answers(ENTRY, settings, masking, scores, *tables)
