"""Detection on a random Llama, against loops over whole patterns and the model's own generate."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.analysis.retrieval.rankings import rank
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.retrieval.asking import questions_of_model
from circuit_scaling.measuring.retrieval.detection import Detected, detect, stop_of_answer
from circuit_scaling.measuring.retrieval.freshness import (
    check_fresh_questions,
    check_fresh_scores,
)
from circuit_scaling.measuring.retrieval.settings import RetrievalSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.needles.answers import is_right
from circuit_scaling.prompts.needles.values import value_of, values_in
from circuit_scaling.tables import retrieval as tables
from tests.helpers.filings import filings, ids, small_tokenizer
from tests.helpers.random_llama import random_llama

SETTINGS = RetrievalSettings.model_validate(
    {
        "max_new_tokens": 6,
        "chunk": 600,  # two prompts at a time
        "asks": {
            "lengths": (200, 240),
            "questions": ("employee_count", "inc_year"),
            "test_share": 0.4,
            "n_train": 5,
            "n_test": 1,
        },
    }
)
KINDS = {"employee_count": "count", "inc_year": "year"}
HEADS = [(layer, head) for layer in range(2) for head in range(8)]


class Said(NamedTuple):
    """What the model says to a prompt, by its own generate."""

    tokens: list[int]
    text: str


def liked() -> list[int]:
    """The numbers that filings have most of."""
    tokenizer = small_tokenizer()
    found = Counter(token for text in filings()[1]["text"] for token in ids(tokenizer, text))
    numbers = (t for t, _ in found.most_common() if tokenizer.decode([t]).strip().isdigit())
    return list(islice(numbers, 5))


class Case:
    """The tables of a model, and a copy of it with eager attention.

    The model is random and likes some numbers, of which the haystack is full. The true answers to
    some questions are what it says, so that some of its answers are right.
    """

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.entry: RosterEntry = random_llama(folder, 2, 8, likes=liked())
        self.sources = (*filings(), small_tokenizer().decode(rng.choice(liked(), 300)))
        asked = questions_of_model(self.entry, SETTINGS, *self.sources)
        self.counts, self.as_asked = asked.question_counts, asked.questions
        self.plain: Any = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.questions = asked.questions.copy()
        training = self.questions[self.questions["split"] == "train"]
        self.said = {name: self._say(t) for name, t in training[["question_id", "tokens"]].values}
        for place, (index, row) in enumerate(training.iterrows()):
            said = values_in(row["kind"], self.said[row["question_id"]].text.split("\n")[0])
            # A part of what it says is right by the study's rule alone.
            for value in ((said[:1], [part[:-1] for part in said], [])[place % 3])[:1]:
                if value_of(row["kind"], value):
                    self.questions.loc[index, "answer"] = value
        wide = training.index[::3]  # a document that has many of the numbers that the model says
        self.questions.loc[wide, "needle_start"] = 1
        self.questions.loc[wide, "needle_end"] = training.loc[wide, "query_start"]
        self.training = self.questions[self.questions["split"] == "train"]
        self.found: Detected = detect(self.entry, SETTINGS, self.questions)

    @torch.no_grad()
    def _say(self, tokens: list[int]) -> Said:
        ids = torch.tensor([tokens])
        made = self.plain.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=SETTINGS.max_new_tokens,
            pad_token_id=0,
        )[0, len(tokens) :].tolist()
        for n in range(1, len(made) + 1):
            text = self.tokenizer.decode(made[:n], skip_special_tokens=True)
            if "\n" in text.lstrip():
                return Said(made[:n], text)
        return Said(made, self.tokenizer.decode(made, skip_special_tokens=True))

    @torch.no_grad()
    def patterns(self, tokens: list[int]) -> Any:
        """[layers, heads, queries, keys]."""
        output = self.plain(torch.tensor([tokens]), output_attentions=True, use_cache=False)
        return np.stack([pattern[0].numpy() for pattern in output.attentions])


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    torch.set_num_threads(1)
    return Case(tmp_path_factory.mktemp("random_llama"))


def test_the_tables_are_what_the_catalogue_takes(case):
    tables.QUESTIONS.validate(case.as_asked)
    tables.QUESTION_COUNTS.validate(case.counts)
    for schema, table in zip(
        (
            tables.RETRIEVAL_SCORES,
            tables.DECODED_ANSWERS,
            tables.COPIED_TOKENS,
            tables.DETECT_LOG,
        ),
        case.found,
        strict=True,
    ):
        schema.validate(table)
    assert len(case.training) == 2 * 2 * 5
    assert case.found.detect_log["counted"].tolist() == ["questions"]


def test_answers_are_those_of_generate(case):
    answers = case.found.decoded_answers.set_index("question_id")
    assert sorted(answers.index) == sorted(case.training["question_id"])
    for name, said in case.said.items():
        assert (list(answers.at[name, "tokens"]), answers.at[name, "generated"]) == said
    right = [
        is_right(kind, row.answer, row.generated)
        for kind, row in zip(answers["question"].map(KINDS), answers.itertuples(), strict=True)
    ]
    assert answers["right"].tolist() == right
    assert 0 < sum(right) < len(right)
    assert (answers["right_study"] & ~answers["right"]).any()
    spans = answers["answer_end"] - answers["answer_start"]
    assert (spans[right] > 0).all()
    assert spans.max() > 1
    assert ((spans == 0) & (answers["answer_start"] == 0)).any()


def test_scores_are_those_of_loops_over_whole_patterns(case):
    """All three detectors, for every head and every sample."""
    found = case.found.retrieval_scores.set_index(
        ["method", "question", "token_length", "layer", "head"]
    )
    answers = case.found.decoded_answers.set_index("question_id")
    copied_tokens = case.found.copied_tokens.set_index(["question_id", "place", "layer", "head"])
    n_copied = 0
    for (question, length), rows in case.training.groupby(["question", "token_length"]):
        expected: dict[str, list[Any]] = {"summed_attention": [], "qrhead": [], "wu24": []}
        for row in rows.itertuples():
            tokens, said = list(row.tokens), case.said[row.question_id]
            needle = range(row.needle_start, row.needle_end)
            whole = case.patterns([*tokens, *said.tokens])
            null = case.patterns(list(row.null_tokens))
            last = len(tokens) - 1
            expected["summed_attention"].append(
                [sum(whole[layer, head, last, j] for j in needle) for layer, head in HEADS]
            )
            of_question = whole[:, :, row.query_start : len(tokens)].mean(axis=2)
            of_null = null[:, :, row.query_start :].mean(axis=2)
            calibrated = []
            for layer, head in HEADS:
                c = np.array(
                    [of_question[layer, head, j] - of_null[layer, head, j] for j in needle]
                )
                calibrated.append(c[c >= c.mean() - 2 * c.std(ddof=1)].sum())
            expected["qrhead"].append(calibrated)
            start, end = answers.loc[row.question_id, ["answer_start", "answer_end"]]
            sums = dict.fromkeys(HEADS, 0.0)
            for step, token in enumerate(said.tokens):
                for layer, head in HEADS:
                    strongest = int(whole[layer, head, last + step, : last + step + 1].argmax())
                    copies = strongest in needle and tokens[strongest] == token
                    key = (row.question_id, step, layer, head)
                    assert (key in copied_tokens.index) == copies
                    if copies:
                        n_copied += 1
                        assert copied_tokens.at[key, "score"] == pytest.approx(1 / len(needle))
                        assert copied_tokens.at[key, "token"] == token
                        if start <= step < end:
                            sums[layer, head] += 1 / len(needle)
            expected["wu24"].append(list(sums.values()))
        right = answers.loc[rows["question_id"], "right"].to_numpy(bool)
        study = answers.loc[rows["question_id"], "right_study"].to_numpy(bool)
        for method, by_sample in expected.items():
            values = np.array(by_sample)
            for place, (layer, head) in enumerate(HEADS):
                of_head, row = values[:, place], found.loc[(method, question, length, layer, head)]
                np.testing.assert_allclose(row["scores"], of_head, rtol=0, atol=1e-4)
                score, score_study, n = of_head.mean(), of_head.mean(), len(rows)
                if method == "summed_attention":
                    score_study = of_head.sum()
                if method == "wu24":
                    n = right.sum()
                    score = of_head[right].mean() if n else np.nan
                    scoring = of_head[study & (of_head > 0)]
                    score_study = scoring.mean() if len(scoring) else np.nan
                assert (row["n_samples"], row["n_asked"]) == (n, len(rows))
                assert row["score"] == pytest.approx(score, abs=1e-4, nan_ok=True)
                assert row["score_study"] == pytest.approx(score_study, abs=1e-4, nan_ok=True)
    assert n_copied > 10
    assert max(map(max, found.loc["wu24", "scores"])) > 0


def test_rankings(case):
    ranked = rank(case.found.retrieval_scores, case.found.decoded_answers, case.questions)
    tables.MODEL_RANKINGS.validate(ranked)
    for _, rows in ranked.groupby(["method", "question", "token_length"]):
        in_order = rows.sort_values(["layer", "head"])
        for score, name in (("score", "rank"), ("score_study", "rank_study")):
            expected = in_order[score].rank(method="first", ascending=False, na_option="bottom")
            assert in_order[name].tolist() == expected.astype(int).tolist()


def test_only_what_fits_the_configuration_is_taken(case, monkeypatch):
    check_fresh_questions(case.entry, SETTINGS, case.sources, case.as_asked)
    measured = case.found.retrieval_scores, case.found.decoded_answers
    check_fresh_scores(case.entry, SETTINGS, case.questions, *measured)
    truth, texts, haystack = case.sources
    other = truth.assign(employee_count_truth=truth["employee_count_truth"].astype(str) + "0")
    for sources in ((other, texts, haystack), (truth, texts, haystack + "x")):
        with pytest.raises(CircuitScalingError, match="--namespaces retrieval_detect.random_llama"):
            check_fresh_questions(case.entry, SETTINGS, sources, case.as_asked)
    unasked = truth.assign(headquarters_state_truth="Ohio")[::-1]
    check_fresh_questions(case.entry, SETTINGS, (unasked, texts, haystack), case.as_asked)
    longer = SETTINGS.model_copy(update={"max_new_tokens": 7})
    check_fresh_scores(
        case.entry, SETTINGS.model_copy(update={"chunk": 7}), case.questions, *measured
    )
    with pytest.raises(CircuitScalingError, match="stored retrieval scores.*other parameters"):
        check_fresh_scores(case.entry, longer, case.questions, *measured)


def test_a_context_that_is_too_short_leaves_no_room_for_the_answer(case):
    too_long = SETTINGS.model_copy(
        update={"asks": SETTINGS.asks.model_copy(update={"lengths": (507,)})}
    )
    with pytest.raises(CircuitScalingError, match="507 tokens.*506"):
        questions_of_model(case.entry, too_long, *case.sources)


def test_a_model_without_bos_is_asked_without(case):
    bare = case.entry.model_copy(update={"bos": False})
    asked = questions_of_model(bare, SETTINGS, *case.sources).questions
    check_fresh_questions(bare, SETTINGS, case.sources, asked)
    assert not asked["bos"].any()
    assert all(0 not in tokens for tokens in asked["tokens"])
    with_bos = questions_of_model(
        case.entry.model_copy(update={"bos": True}), SETTINGS, *case.sources
    )
    assert with_bos.questions["bos"].all()
    assert all(tokens[0] == 0 and 0 not in tokens[1:] for tokens in with_bos.questions["tokens"])
    with pytest.raises(CircuitScalingError, match="stored questions"):
        check_fresh_questions(bare, SETTINGS, case.sources, with_bos.questions)


def test_an_answer_ends_with_its_first_line_or_with_the_sequence():
    tokenizer = small_tokenizer()
    stop = stop_of_answer(tokenizer, {7})
    line, break_, other = (ids(tokenizer, text) for text in (" 1929", "\n", " more"))
    for tokens, ended in (
        (line, False),
        (break_, False),
        (break_ + line, False),
        (line + break_, True),
        (break_ + line + break_ + other, True),
        ([*line, 7], True),
        ([7], True),
        ([7, *line], False),
    ):
        assert stop(tokens) == ended
