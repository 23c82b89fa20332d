"""Answers without some heads equal those of hooked ``generate``, set by set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations import mean_heads as mean_heads_module
from circuit_scaling.interventions.operations.mean_heads import mean_heads
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.retrieval import masking as masking_module
from circuit_scaling.measuring.retrieval.masking import MaskTables, mask
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.needles.settings import NeedleSettings
from circuit_scaling.tables.retrieval import MASK_LOG, MASKED_HEADS, RETRIEVAL_ANSWERS
from tests.helpers.decoding_oracle import DECODING, PROJECTIONS, DecodingOracle, decoding_model
from tests.helpers.filings import asked, small_tokenizer
from tests.helpers.tiny_models import HEADS, LAYERS, VOCAB, WIDTH, randomise_

LENGTHS, NEW = (190, 220), 6
QUESTIONS = ("inc_year", "hq_state")
METHODS = ("summed_attention", "wu24", "qrhead")
SETTINGS = RetrievalSettings(asks=NeedleSettings(lengths=LENGTHS), max_new_tokens=NEW, chunk=2000)
MASKING = MaskingSettings(ks=(1, 3), ks_of=None, n_random=2, ablations=("zero", "mean"))


def tiny_llama() -> PreTrainedModel:
    model = LlamaForCausalLM(
        LlamaConfig(
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS // 2,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            vocab_size=len(small_tokenizer()),
            max_position_embeddings=256,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    randomise_(model, 0)
    return model.eval()


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> RosterEntry:
    folder = tmp_path_factory.mktemp("tiny_llama")
    tiny_llama().save_pretrained(folder)
    small_tokenizer().save_pretrained(folder)
    shape = {"n_layers": LAYERS, "n_heads": HEADS}
    return RosterEntry(
        slug="tiny", family="f", folder=str(folder), params_m=0.1, untrained=True, **shape
    )


@pytest.fixture(scope="module")
def questions() -> pd.DataFrame:
    table, _ = asked(
        LENGTHS, questions=QUESTIONS, policy="truncate", test_share=0.4, n_train=3, n_test=3
    )
    return table.assign(revision="", fingerprint="q", bos=True)


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    keys = [
        {"question": question, "token_length": length, "method": method}
        | {"layer": layer, "head": head, "score": rng.random(), "fingerprint": "s"}
        for question in QUESTIONS
        for length in LENGTHS
        for method in METHODS
        for layer, head in np.ndindex(LAYERS, HEADS)
    ]
    return pd.DataFrame(keys)


@pytest.fixture(scope="module")
def masked(entry: RosterEntry, questions: pd.DataFrame, scores: pd.DataFrame) -> MaskTables:
    return mask(entry, SETTINGS, MASKING, questions, scores)


def hooked_means(
    model: PreTrainedModel, projection: str, tokens: NDArray[np.int64]
) -> NDArray[np.float64]:
    """z summed prompt by prompt by a hook on each output projection."""
    total = np.zeros((LAYERS, HEADS, WIDTH // HEADS))
    for layer in range(LAYERS):

        def add(_module: Any, args: Any, at: int = layer) -> None:
            z = args[0][0].double().numpy()
            total[at] += z.reshape(len(z), HEADS, -1).sum(axis=0)

        handle = model.get_submodule(projection.format(layer)).register_forward_pre_hook(add)
        with torch.no_grad():
            for row in tokens:
                model(torch.as_tensor(row)[None], use_cache=False)
        handle.remove()
    return total / tokens.size


@pytest.mark.parametrize("architecture", DECODING)
@pytest.mark.parametrize("chunk", [9, 25])
def test_means_are_those_of_hooks(architecture, chunk):
    model = decoding_model(architecture)
    tokens = np.random.default_rng(1).integers(1, VOCAB, (5, 9))
    expected = hooked_means(model, PROJECTIONS[architecture], tokens)
    anatomy = anatomy_of(model)
    found = mean_heads(anatomy, tokens, Chunk.of(anatomy, chunk, max_memory=2**30))
    assert found.dtype == np.float32 and np.abs(found).max() > 0.05
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_means_survive_running_out_of_memory(monkeypatch):
    """Prompts that were summed when the memory ran out are not summed twice."""
    model = decoding_model("llama_grouped")
    anatomy = anatomy_of(model)
    tokens = np.random.default_rng(1).integers(1, VOCAB, (5, 9))
    whole = mean_heads(anatomy, tokens, Chunk.of(anatomy, 100, max_memory=2**30))
    run, calls = mean_heads_module.run_with_cache, []

    def failing(*args: Any) -> Any:
        result = run(*args)
        calls.append(len(args[1]))
        if len(calls) == 1:
            raise torch.OutOfMemoryError("for the test")
        return result

    monkeypatch.setattr(mean_heads_module, "run_with_cache", failing)
    again = mean_heads(anatomy, tokens, Chunk.of(anatomy, 45, max_memory=2**30))
    assert calls == [5, 2, 2, 1]
    np.testing.assert_allclose(again, whole, atol=1e-6)


def test_tables_fit_their_schemas_and_hold_every_answer(masked, questions):
    for table, schema in zip(masked, (MASKED_HEADS, RETRIEVAL_ANSWERS, MASK_LOG), strict=True):
        schema.validate(table)
    sets = masked.masked_heads
    assert sets["n_masked"].tolist()[:3] == [0, 1, 3] and set(sets["n_heads"]) == {HEADS}
    test = questions[questions["split"] == "test"]
    per_asked = test.groupby(["question", "token_length"]).size()
    existing = sets[sets["reason"] == ""].groupby(["question", "token_length"]).size()
    expected = existing * per_asked * len(MASKING.ablations)
    found = masked.retrieval_answers.groupby(["question", "token_length"]).size()
    pd.testing.assert_series_equal(found, expected)


def test_answers_are_those_of_hooked_generate(masked, questions):
    model, tokenizer = tiny_llama(), small_tokenizer()
    projection = PROJECTIONS["llama_grouped"]
    oracle = DecodingOracle(model, projection)
    sets = masked.masked_heads.set_index("set_id")
    by_question = masked.retrieval_answers.merge(
        questions[["question_id", "kind", "tokens", "answer_tokens"]], on="question_id"
    )
    texts, means = set[str](), {}
    chosen = by_question[by_question["token_length"] == LENGTHS[0]]
    for (set_id, ablation), rows in chosen.groupby(["set_id", "ablation"]):
        of_set = sets.loc[set_id]
        key = of_set["question"]
        if key not in means:
            train = questions[(questions["split"] == "train") & (questions["question"] == key)]
            train = train[train["token_length"] == LENGTHS[0]]
            means[key] = hooked_means(model, projection, np.array(train["tokens"].tolist()))
        heads = list(zip(of_set["layers"], of_set["heads"], strict=True))
        given = means[key].astype(np.float32) if ablation == "mean" else None
        tokens = np.array(rows["tokens"].tolist())
        new = oracle.generated(tokens, heads, given, NEW, [0])
        logprobs = oracle.answer_logprobs(tokens, rows["answer_tokens"].tolist(), heads, given)
        np.testing.assert_allclose(rows["answer_logprob"], logprobs, atol=1e-4)
        expected = [tokenizer.decode(ids, skip_special_tokens=True) for ids in new]
        assert rows["generated"].tolist() == expected
        texts.update(expected)
    assert len(texts) > len(QUESTIONS) * 3  # sets and ablations differ in what is said


def test_an_answer_is_right_by_both_rules(entry, questions, scores, monkeypatch):
    """A model that knows the truth with all heads, and else says it inside a number."""
    tokenizer, decode = small_tokenizer(), masking_module.decode_sets

    def knowing(
        anatomy: Any, tokens: Any, sets: Any, new: int, wanted: Any, *a: Any, **k: Any
    ) -> Any:
        decoded = decode(anatomy, tokens, sets, new, wanted, *a, **k)
        said = np.full((len(sets), len(tokens), 40), -1)
        for row in range(len(tokens)):
            truth = next(answers)
            for at, heads in enumerate(sets):
                text = f"{truth}\nor so" if not heads else f" 7{truth}, perhaps"
                ids = tokenizer.encode(text, add_special_tokens=False)
                said[at, row, : len(ids)] = ids
        return type(decoded)(said, decoded.answer_logprobs)

    monkeypatch.setattr(masking_module, "decode_sets", knowing)
    years = questions[(questions["question"] == "inc_year") & (questions["token_length"] == 190)]
    answers = iter(years[years["split"] == "test"]["answer"])
    of_years = scores[(scores["question"] == "inc_year") & (scores["token_length"] == 190)]
    only_zero = MASKING.model_copy(update={"ablations": ("zero",)})
    found = mask(entry, SETTINGS, only_zero, years, of_years).retrieval_answers
    clean = found["set_id"].str.contains("baseline")
    assert found[clean][["right", "right_study"]].all(axis=None)
    assert found[~clean]["right_study"].all() and not found[~clean]["right"].any()


def test_the_same_heads_are_run_once(entry, questions, scores, monkeypatch):
    """All methods agree: there are as many sets as of one of them."""
    counted = []
    decode = masking_module.decode_sets

    def counting(anatomy: Any, tokens: Any, sets: Any, *rest: Any, **options: Any) -> Any:
        counted.append(len(sets))
        return decode(anatomy, tokens, sets, *rest, **options)

    monkeypatch.setattr(masking_module, "decode_sets", counting)
    one = questions[(questions["question"] == "inc_year") & (questions["token_length"] == 190)]
    ranked = scores[(scores["question"] == "inc_year") & (scores["token_length"] == 190)]
    same = ranked.assign(score=ranked["layer"] * HEADS + ranked["head"])
    only_zero = MASKING.model_copy(update={"ablations": ("zero",)})
    tables = mask(entry, SETTINGS, only_zero, one, same)
    assert counted == [1 + 2 + 2 * 2]
    sets = tables.masked_heads
    assert (sets["set_type"] == "hero").sum() == 2 * len(METHODS)
    answers = tables.retrieval_answers.set_index("set_id")["answer_logprob"]
    for k in (1, 3):
        ids = [f"inc_year/190/hero/{method}/{k}/0" for method in METHODS]
        first, *others = (answers.loc[i].tolist() for i in ids)
        assert all(other == first for other in others)


def test_more_heads_than_there_are_do_not_stop_the_others(entry, questions, scores):
    one = questions[(questions["question"] == "inc_year") & (questions["token_length"] == 190)]
    ranked = scores[(scores["question"] == "inc_year") & (scores["token_length"] == 190)]
    asked_for = MaskingSettings(ks=(1, 99), ks_of=None, n_random=1)
    tables = mask(entry, SETTINGS, asked_for, one, ranked)
    lacking = MASKED_HEADS.validate(tables.masked_heads).query("n_masked == 99")
    assert lacking["reason"].str.contains("99 heads").all() and len(lacking) == 4
    assert not set(lacking["set_id"]) & set(tables.retrieval_answers["set_id"])
    assert len(tables.retrieval_answers) == 3 * (1 + 3 + 1)


@pytest.mark.parametrize(
    ("split", "message"), [("test", "no test prompts"), ("train", "no train prompts")]
)
def test_a_side_without_prompts_is_refused_by_name(entry, questions, scores, split, message):
    lacking = (questions["question"] == "hq_state") & (questions["split"] == split)
    with pytest.raises(CircuitScalingError, match=f"{message} for 'hq_state' in 190 tokens"):
        mask(entry, SETTINGS, MASKING, questions[~lacking], scores)


def test_scores_of_other_questions_are_refused_by_name(entry, questions, scores):
    with pytest.raises(CircuitScalingError, match="no retrieval scores for 'hq_state'"):
        mask(entry, SETTINGS, MASKING, questions, scores[scores["question"] == "inc_year"])


def test_scores_of_another_model_are_refused_by_name(entry, questions, scores):
    other = scores.assign(layer=scores["layer"] + 1)
    with pytest.raises(CircuitScalingError, match=f"Head L{LAYERS}H"):
        mask(entry, SETTINGS, MASKING, questions, other)
