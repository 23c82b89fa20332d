"""Prompts begin with BOS where the checkpoint was trained with it: never by guess, never twice."""

from __future__ import annotations

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.bos import chat_prefix, prompt_prefix
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.train import shared_tokenizer
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from tests.helpers.prompt_sets import some_tasks, tokenizer


def that_puts(before: str, after: str = "") -> PreTrainedTokenizerFast:
    """The zoo's tokenizer, made to put special tokens around a text."""
    own = shared_tokenizer(shipped_tasks())
    special = {token: own.convert_tokens_to_ids(token) for token in (own.bos_token, own.unk_token)}
    own.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{before} $A {after}".strip(), special_tokens=list(special.items())
    )
    return own


BOS = tokenizer("zoo").bos_token_id


@pytest.mark.parametrize(
    ("puts", "model_type", "bos", "expected"),
    [
        ("<bos>", "gpt2", "auto", (BOS,)),  # the tokenizer says it
        ("", "gpt2", "auto", ()),
        ("", "gpt_neox", "auto", ()),
        ("", "opt", "auto", (BOS,)),  # the family's tokenizer may not say it
        ("", "gemma2", "auto", (BOS,)),
        ("<bos>", "opt", "auto", (BOS,)),  # once, not twice
        ("<bos>", "opt", False, ()),
        ("<bos>", "gpt2", False, ()),
        ("", "gpt2", True, (BOS,)),
        ("<bos>", "gpt2", True, (BOS,)),
    ],
)
def test_what_stands_before_a_prompt(puts, model_type, bos, expected):
    given = that_puts(puts) if puts else tokenizer("zoo")
    assert prompt_prefix(given, bos, model_type) == expected


def test_other_special_tokens_in_front_are_kept_and_those_behind_are_not():
    both = that_puts("<unk> <bos>", after="<bos>")
    assert prompt_prefix(both, "auto", "gpt2") == (both.unk_token_id, BOS)


def test_no_bos_token():
    without = shared_tokenizer(shipped_tasks())
    without.bos_token = None
    assert prompt_prefix(without, "auto", "opt") == ()
    with pytest.raises(CircuitScalingError, match="no BOS token: set 'bos: auto' or 'bos: false'"):
        prompt_prefix(without, True, "gpt2")


@pytest.mark.parametrize("bos", [None, 0, 1, "false", "yes"])
def test_what_is_neither_of_the_three_is_refused(bos):
    with pytest.raises(CircuitScalingError, match="bos is 'auto', True or False, and not"):
        prompt_prefix(tokenizer("zoo"), bos, "gpt2")


def test_a_roster_entry_is_auto_unless_it_says_otherwise():
    shape = {"family": "x", "hub": "x", "params_m": 1, "n_layers": 1, "n_heads": 1}
    assert RosterEntry(**shape).bos == "auto"
    assert RosterEntry(**shape, bos=True).bos is True
    with pytest.raises(ValueError, match="bos"):
        RosterEntry(**shape, bos="sometimes")


def test_a_prompt_that_begins_with_it_already_gets_no_second():
    tasks, settings = some_tasks("ioi"), PromptSettings(n_prompts=40)
    always = shared_tokenizer(shipped_tasks())
    plain = always.encode

    def encode(text: str, **options: bool) -> list[int]:
        """Puts BOS before whole prompts, asked or not."""
        ids = plain(text, **options)
        return [BOS, *ids] if text.startswith(("When", "Then", "After")) else ids

    always.encode = encode
    prompts, _ = build_prompts(tasks, settings, always, prefix=(BOS,))
    assert {tokens.count(BOS) for tokens in prompts["tokens"]} == {1}
    assert {tokens[0] for tokens in prompts["tokens"]} == {BOS}
    assert prompts["bos"].all()


@pytest.mark.parametrize(
    ("adds_bos", "model_type", "expected"),
    [(True, "llama", (BOS,)), (False, "opt", ()), (None, "opt", (BOS,)), (None, "llama", ())],
)
def test_what_the_checkpoint_says_itself_counts_before_the_family(adds_bos, model_type, expected):
    assert prompt_prefix(that_puts(""), "auto", model_type, adds_bos) == expected
    assert prompt_prefix(that_puts(""), False, model_type, adds_bos) == ()


def test_a_chat_is_what_the_user_says_and_the_beginning_of_the_answer():
    talks = shared_tokenizer(shipped_tasks())
    talks.chat_template = (
        "{{ bos_token }}{% for m in messages %} {{ m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %} Then{% endif %}"
    )
    prefix = chat_prefix(talks, "the letter")
    assert talks.decode(prefix) == "<bos> the letter Then"
    prompts, _ = build_prompts(
        some_tasks("ioi"), PromptSettings(n_prompts=40), talks, prefix=prefix, chat="the letter"
    )
    assert all(tuple(ids[: len(prefix)]) == prefix for ids in prompts["tokens"])
    other, _ = build_prompts(
        some_tasks("ioi"), PromptSettings(n_prompts=40), talks, prefix=prefix, chat="another"
    )
    assert set(prompts["fingerprint"]).isdisjoint(other["fingerprint"])


def test_a_tokenizer_without_a_chat_template():
    with pytest.raises(CircuitScalingError, match="no chat template: remove 'chat'"):
        chat_prefix(shared_tokenizer(shipped_tasks()), "Go on.")
