"""The questions table: exact lengths and places; null prompts differ in the question alone."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.build import splits_of
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.settings import NeedleSettings
from circuit_scaling.prompts.needles.truth import NAME
from circuit_scaling.tables.retrieval import QUESTIONS
from tests.helpers.filings import BOS, asked, byte_tokenizer, filings, ids, small_tokenizer
from tests.helpers.prompt_sets import REAL_TOKENIZERS, tokenizer

_AS_FOUND = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink whole tables takes minutes
BODIES = filings()[1].set_index("filename")["text"]


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        asked(*args, **options)
    message = str(caught.value.message)
    assert "\n" not in message
    return message


def of_model(table: Any) -> Any:
    """The table with what only a model's own questions say."""
    return table.assign(bos=True, revision="", fingerprint="")


def decoded(tokens: list[int], using: Any = None) -> str:
    return str((using or small_tokenizer()).decode(tokens))


@given(
    lengths=st.lists(st.integers(130, 900), min_size=1, max_size=2, unique=True),
    depths=st.lists(st.floats(0, 1), min_size=1, max_size=2, unique=True),
    policy=st.sampled_from(["skip", "truncate"]),
    form=st.sampled_from(["one_word", "cue", "chat"]),
    min_haystack=st.integers(0, 20),
    prefix=st.sampled_from([(), (BOS,)]),
)
@settings(max_examples=25, deadline=None, phases=_AS_FOUND)
def test_every_prompt_is_what_it_says(lengths, depths, policy, form, min_haystack, prefix) -> None:
    table, _ = asked(
        lengths,
        depths=tuple(depths),
        policy=policy,
        form=form,
        min_haystack=min_haystack,
        prefix=prefix,
        questions=("inc_state", "employee_count"),
    )
    QUESTIONS.validate(of_model(table))
    for row in table.itertuples():
        tokens, start, end = row.tokens, row.needle_start, row.needle_end
        assert len(tokens) == row.token_length
        assert tokens.count(BOS) == (1 if prefix or form == "chat" else 0)
        assert BOS not in tokens[1:]
        # The filing is where the table says, whole or cut at its end.
        body = BODIES[row.filing]
        said = decoded(tokens[start:end])
        assert said and body.startswith(said)
        assert (said == body) == (not row.truncated)
        assert row.needle_length == len(ids(small_tokenizer(), body))
        assert row.answer_in_needle or row.truncated
        # What is around it is the haystack, which goes on behind it, repeated if it must be.
        head = decoded(tokens[:start]).removeprefix("<bos>").removeprefix("<user>\n")
        prose = head + decoded(tokens[end : row.query_start])
        assert (shipped_haystack() + "\n\n" + shipped_haystack()).startswith(prose)
        n_before, n_after = start - _head(form, prefix), row.query_start - end
        assert n_before + n_after >= min_haystack
        assert n_before == int(row.depth * (n_before + n_after))
        # Behind it comes the question, and in the null prompt something else.
        question = shipped_questions()[row.question]
        query = decoded(tokens[row.query_start :])
        null = decoded(row.null_tokens[row.query_start :])
        assert query.startswith(f"\n\nQuestion: {question.text}\nAnswer")
        assert null == query.replace(question.text, "N/A").replace(f" {question.cue}", "")
        assert row.null_tokens[: row.query_start] == tokens[: row.query_start]


def _head(form: str, prefix: tuple[int, ...]) -> int:
    return len(ids(small_tokenizer(), "<bos><user>\n")) if form == "chat" else len(prefix)


@pytest.mark.parametrize(
    ("form", "end", "answer"),
    [
        ("one_word", "Answer in one word:", " {}"),
        ("cue", "Answer: The company was incorporated in the state of", " {}"),
        ("chat", "Answer in one word:<end>\n<assistant>\n", "{}"),
    ],
)
def test_the_answer_follows_the_prompt(form: str, end: str, answer: str) -> None:
    table, _ = asked(form=form, questions=("inc_state",))
    for row in table.itertuples():
        assert decoded(row.tokens).endswith(end)
        assert decoded(row.answer_tokens) == answer.format(row.answer)
        together = ids(
            small_tokenizer(), decoded(row.tokens[row.query_start :] + row.answer_tokens)
        )
        assert together == row.tokens[row.query_start :] + row.answer_tokens


def test_a_count_is_answered_as_the_filing_writes_it() -> None:
    table, _ = asked(questions=("employee_count",))
    truth = filings()[0].set_index("filename")["employee_count_truth"]
    assert (table["answer"] == table["filing"].map(lambda name: f"{truth[name]:,}")).all()
    plain = filings()[1].assign(text=lambda f: f["text"].str.replace(",", ""))
    table, _ = asked(questions=("employee_count",), texts=plain)
    assert (table["answer"] == table["filing"].map(lambda name: str(truth[name]))).all()


def test_a_haystack_that_is_too_short_is_repeated_with_a_blank_line_between() -> None:
    table, _ = asked((300,), haystack=" A short tale. ", questions=("inc_year",))
    row = table.iloc[0]
    around = row["tokens"][1 : row["needle_start"]] + row["tokens"][row["needle_end"] :]
    assert decoded(around).startswith(" A short tale. \n\n A short tale. \n\n A short tale. \n\n")


def test_the_same_filings_are_asked_about_at_every_length_and_question() -> None:
    table, counts = asked((150, 400), depths=(0.1, 0.5, 0.9), test_share=0.25)
    assert len(table) == 12 * 4 * 2 * 3
    assert table["question_id"].is_unique
    sides = table.groupby("filing")["split"].unique()
    assert all(len(side) == 1 for side in sides)
    assert table.loc[table["split"] == "test", "filing"].nunique() == 3
    for name in shipped_questions():
        assert (counts[f"{name}_train"], counts[f"{name}_test"]) == (9, 3)
        assert counts[f"{name}_not_fitting"] == 0
    assert counts["filings_not_said"] == 0


def test_the_companies_of_one_side_are_not_on_the_other() -> None:
    truth, texts = filings(60)
    table, _ = asked(truth=truth, texts=texts, questions=("hq_state",))
    names = truth.set_index("filename")[NAME].str.split().str[0]
    train, test = (
        set(table.loc[table["split"] == side, "filing"].map(names)) for side in ("train", "test")
    )
    assert (len(train), len(test)) == (48, 12)
    assert train.isdisjoint(test)


def test_the_split_is_seeded_and_knows_no_order() -> None:
    names = [f"{n}.txt" for n in range(50)]
    setting = NeedleSettings(lengths=(100,), test_share=0.2)
    split = splits_of(names, setting)
    assert list(split.items()) == list(splits_of(names[::-1], setting).items())
    order = sorted(names, key=lambda name: hashlib.sha256(f"0/{name}".encode()).hexdigest())
    assert list(split) == order
    assert [name for name in order if split[name] == "test"] == order[:10]
    other = splits_of(names, setting.model_copy(update={"split_seed": 1}))
    assert {n for n in names if other[n] == "test"} != set(order[:10])


@pytest.mark.parametrize(("share", "n", "n_test"), [(0.01, 5, 1), (0.99, 5, 4), (0.5, 2, 1)])
def test_both_sides_have_a_filing(share: float, n: int, n_test: int) -> None:
    names = map(str, range(n))
    split = splits_of(names, NeedleSettings(lengths=(100,), test_share=share))
    assert sorted(split.values()) == ["test"] * n_test + ["train"] * (n - n_test)


def test_numbers_of_filings_can_be_set() -> None:
    table, counts = asked(n_train=3, n_test=1, test_share=0.25, questions=("inc_year",))
    every, _ = asked(test_share=0.25, questions=("inc_year",))
    assert table["split"].tolist() == ["train"] * 3 + ["test"]
    assert (counts["inc_year_train"], counts["inc_year_test"]) == (3, 1)
    for side in ("train", "test"):
        taken, there = (t.loc[t["split"] == side, "filing"].tolist() for t in (table, every))
        assert taken == there[: len(taken)]


def a_long_one() -> tuple[pd.DataFrame, str]:
    """The texts with one filing that is four times as long, and its name."""
    texts = filings()[1].copy()
    texts.loc[5, "text"] = " ".join([str(texts.loc[5, "text"]), *["It grows corn and beans."] * 60])
    return texts, str(texts.loc[5, "filename"])


def test_what_does_not_fit_is_left_out_at_every_length_and_counted() -> None:
    texts, name = a_long_one()
    table, counts = asked((150, 900), texts=texts, questions=("inc_year",))
    assert name not in set(table["filing"])
    assert len(table) == 11 * 2
    assert counts["inc_year_not_fitting"] == 1
    assert not table["truncated"].any()


def test_what_does_not_fit_is_cut_at_its_end_where_that_is_the_policy() -> None:
    texts, name = a_long_one()
    table, counts = asked(
        (150, 900), texts=texts, questions=("inc_year",), policy="truncate", min_haystack=20
    )
    short, long = (
        table[(table["filing"] == name) & (table["token_length"] == n)] for n in (150, 900)
    )
    assert short["truncated"].item() and not long["truncated"].item()
    assert short["needle_length"].item() == long["needle_length"].item() > 150
    around = short["query_start"] - short["needle_end"] + short["needle_start"] - 1
    assert around.item() == 20
    assert short["needle_start"].item() == 1 + 10
    assert counts["inc_year_not_fitting"] == 0


def test_an_answer_that_was_cut_off_is_marked() -> None:
    texts = filings()[1].assign(text=lambda f: "It grows corn and beans. " * 20 + f["text"])
    table, _ = asked((150, 900), texts=texts, policy="truncate")
    assert not table.loc[table["token_length"] == 150, "answer_in_needle"].any()
    assert table.loc[table["token_length"] == 900, "answer_in_needle"].all()


def test_a_truth_that_the_filing_does_not_hold_is_marked() -> None:
    texts = filings()[1].copy()
    texts.loc[0, "text"] = "Nothing is said here."
    table, _ = asked(texts=texts)
    said = table.groupby("filing")["answer_in_needle"].unique().map(list)
    assert said.pop(str(texts.loc[0, "filename"])) == [False]
    assert all(values == [True] for values in said)


def test_prompts_longer_than_the_model_reads() -> None:
    assert refused((128, 200, 300), max_positions=150) == (
        "'lengths' asks for prompts of 200, 300 tokens, and the model can read 150: leave them "
        "out, or use a model for longer contexts."
    )
    asked((150, 200), max_positions=200)


def test_a_null_query_longer_than_the_model_reads() -> None:
    message = refused((200,), max_positions=200, null_query="nothing at all " * 30)
    assert "With 'null_query' in place of the question a prompt has" in message


@pytest.mark.parametrize("haystack", ["", " \n"])
def test_no_haystack(haystack: str) -> None:
    assert refused(haystack=haystack) == "The haystack is empty: give it some plain prose."


def test_nothing_fits() -> None:
    message = refused((60,))
    assert message.startswith("Nothing fits into a prompt of 60 tokens: with question 'inc_state'")
    assert message.endswith("Raise 'lengths', or set 'policy: truncate'.")
    least = int(message.partition("must have ")[2].split()[0])
    assert "Nothing fits" in refused((least - 1,), questions=("inc_state",))
    table, counts = asked((40,), policy="truncate", questions=("inc_state",))
    assert (table["needle_end"] - table["needle_start"]).min() > 0
    message = refused((10,), policy="truncate")
    assert message.endswith("Raise 'lengths'.")
    assert "it must have" in message


def test_a_side_of_the_split_without_a_filing() -> None:
    truth, texts = filings()
    order = list(splits_of(truth["filename"], NeedleSettings(lengths=(200,), test_share=0.25)))
    tests = truth["filename"].isin(order[:3])
    some = truth.assign(original_Inc_year_truth=truth["original_Inc_year_truth"].mask(tests))
    message = refused(truth=some, texts=texts, test_share=0.25)
    assert message.startswith("No filing of the test side can be asked about 'inc_year' (too long")
    assert message.endswith("leave 'inc_year' out of 'questions'.")


def test_a_single_filing() -> None:
    truth, texts = filings()
    message = refused(truth=truth[:1], texts=texts)
    assert message.startswith("There is only one filing to be used ('fictional_0_00000.txt')")


def test_filings_with_the_tokenizers_own_marks_are_left_out_and_counted() -> None:
    texts = filings()[1].copy()
    texts.loc[3, "text"] = f"<bos> {texts.loc[3, 'text']}"
    texts.loc[4, "text"] = f"{texts.loc[4, 'text']} <bos> and more"
    table, counts = asked(texts=texts)
    assert counts["filings_not_said"] == 2
    assert {tokens.count(BOS) for tokens in table["tokens"]} == {1}
    assert set(texts.loc[3:4, "filename"]).isdisjoint(table["filing"])


def test_a_tokenizer_that_does_not_know_the_words() -> None:
    zoo = tokenizer("zoo")
    assert "does not know all words of the haystack" in refused(tokenizer=zoo)
    prose = "The old man walked slowly down the road to the sea."
    assert "any of the 12 filings" in refused(tokenizer=zoo, haystack=prose)
    plain = filings()[1].assign(text=prose)
    message = refused(tokenizer=zoo, haystack=prose, texts=plain)
    assert message.startswith("The tokenizer does not know all words of the question 'Question: ")


def test_a_tokenizer_that_puts_bos_before_every_part_unasked() -> None:
    always = byte_tokenizer()
    plain = always.encode
    always.encode = lambda text, **options: [BOS, *plain(text, **options)]
    table, _ = asked(tokenizer=always, prefix=(BOS,), questions=("inc_year",))
    expected, _ = asked(questions=("inc_year",))
    assert table["tokens"].tolist() == expected["tokens"].tolist()
    assert table["null_tokens"].tolist() == expected["null_tokens"].tolist()


def test_a_chat_without_a_template() -> None:
    bare = byte_tokenizer()
    message = refused(tokenizer=bare, form="chat")
    assert message == "The tokenizer has no chat template: set 'form' to 'one_word' or 'cue'."


@pytest.mark.parametrize("template", ["Hello.", "{{ messages[0]['content'] * 2 }}"])
def test_a_chat_template_that_does_not_give_once_what_is_said(template: str) -> None:
    odd = byte_tokenizer()
    odd.chat_template = template
    assert "does not give once what the user says" in refused(tokenizer=odd, form="chat")


def test_an_answer_follows_a_template_that_ends_with_a_word_behind_a_space() -> None:
    talks = byte_tokenizer()
    talks.chat_template = "{{ messages[0]['content'] }} So"
    table, _ = asked(tokenizer=talks, form="chat", questions=("inc_state",))
    row = table.iloc[0]
    assert decoded(row["tokens"], talks).endswith("Answer in one word: So")
    assert decoded(row["answer_tokens"], talks) == f" {row['answer']}"
    assert row["tokens"].count(BOS) == 1


@pytest.mark.parametrize("name", REAL_TOKENIZERS)
def test_real_tokenizers(name: str) -> None:
    real = tokenizer(name)
    prefix = () if name == "gpt_neox" else (real.bos_token_id,)
    truth, texts = filings(20, 1, "long")
    table, counts = asked(
        (256, 700), truth=truth, texts=texts, tokenizer=real, prefix=prefix, depths=(0.0, 0.3, 1.0)
    )
    QUESTIONS.validate(of_model(table))
    assert counts["filings_not_said"] == 0
    assert len(table) == 20 * 4 * 2 * 3
    bodies = texts.set_index("filename")["text"]
    for row in table.itertuples():
        assert len(row.tokens) == row.token_length
        assert decoded(row.tokens[row.needle_start : row.needle_end], real) == bodies[row.filing]
        assert decoded(row.answer_tokens, real) == f" {row.answer}"
        assert row.answer_in_needle
        if prefix:
            assert row.tokens[0] == prefix[0]
            assert row.tokens.count(prefix[0]) == 1


def test_the_table_is_the_same_twice_and_after_parquet(tmp_path) -> None:
    first, again = asked()[0], asked()[0]
    pd.testing.assert_frame_equal(first, again)
    first.to_parquet(tmp_path / "questions.parquet")
    back = QUESTIONS.validate(of_model(pd.read_parquet(tmp_path / "questions.parquet")))
    assert [list(tokens) for tokens in back["tokens"]] == first["tokens"].tolist()
    assert list(of_model(first).columns) == list(QUESTIONS.columns)
