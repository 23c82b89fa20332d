"""The shipped prompts in the tokens of the zoo and of the real tokenizers, built once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from transformers import GPT2TokenizerFast, PreTrainedTokenizerFast

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.zoo.train import shared_tokenizer
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.prompts.words import word_list

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT.parent / "shared" / "tokenizers"
SETTINGS = PromptSettings(n_prompts=160)
NAME_TASKS = ("ioi", "anti_names", "anti_names_first")
REFERENCES = {
    "ioi": "ioi_abc",
    "anti_names": "anti_names_abc",
    "anti_names_first": "anti_names_abc",
    "anti_lists": "anti_lists_mixed",
    "induction": "induction_unrepeated",
}
_OPT_END = "</s>"  # OPT begins every text with it, id 2


def _needs(name: str, *files: str) -> object:
    missing = not all((FOLDER / name / file).is_file() for file in files)
    reason = f"the optional folder shared/tokenizers/{name} is not beside the project"
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=reason))


REAL_TOKENIZERS = (
    _needs("gpt2", "vocab.json", "merges.txt"),
    _needs("gpt_neox", "tokenizer.json"),
    _needs("opt", "vocab.json", "merges.txt"),
)
ALL_TOKENIZERS = ("zoo", *REAL_TOKENIZERS)


@cache
def tokenizer(name: str) -> PreTrainedTokenizerFast:
    """The zoo's tokenizer, or a real one from its files."""
    folder = FOLDER / name
    if name == "zoo":
        return shared_tokenizer(shipped_tasks())
    if name == "gpt_neox":
        return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    special = {f"{kind}_token": _OPT_END for kind in ("bos", "eos", "unk") if name == "opt"}
    return GPT2TokenizerFast(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), **special
    )


@cache
def shipped_prompts(name: str, bos: bool = False) -> pd.DataFrame:
    """The prompts of the shipped configuration; do not change the frame, it is shared."""
    prefix = prompt_prefix(tokenizer(name), bos, model_type="")
    return build_prompts(shipped_tasks(), SETTINGS, tokenizer(name), prefix=prefix)[0]


def some_tasks(*names: str) -> Tasks:
    """Some of the shipped tasks, with their reference sets."""
    every = shipped_tasks().root
    wanted = dict.fromkeys([*names, *(every[name].reference for name in names)])
    return Tasks({name: every[name] for name in wanted})


@cache
def zoo_prompts(task: str, n_prompts: int = 160, names: tuple[str, ...] = ()) -> pd.DataFrame:
    """A task and its reference set in the zoo's tokens, with the common names or those given."""
    settings = PromptSettings(n_prompts=n_prompts, names=names or "common")
    return build_prompts(some_tasks(task), settings, tokenizer("zoo"))[0]


def names_in(text: str) -> list[str]:
    """The names of a prompt, in order, repeats included."""
    known = set(word_list("names"))
    return [word for word in re.findall(r"[A-Za-z]+", text) if word in known]
