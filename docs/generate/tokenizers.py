"""Tokens per prompt in the tokenizers of the study's families, as numbers beside the page.

Their files are no part of the project. Where they are beside it, in ``shared/tokenizers``, the
numbers are counted again; the page is written from the numbers.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pandas as pd
from transformers import GPT2TokenizerFast, PreTrainedTokenizerFast

from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from docs.generate.catalogue import PROJECT

COUNTS = Path(__file__).parents[1] / "prompts" / "token_counts.json"
FILES = PROJECT.parent / "shared" / "tokenizers"
EMBEDDED = "embedded models"
SETTINGS = PromptSettings(n_prompts=400)
"""The sizes of the study: 400 prompts a task."""

Counts = dict[str, dict[str, dict[str, int]]]
"""Tokenizer -> ``tokens`` or ``dropped`` -> what is counted -> the number."""
_OPT_END = "</s>"  # OPT begins every text with it


@cache
def shipped_prompts() -> tuple[pd.DataFrame, dict[str, int]]:
    """The prompts of the shipped tasks in the tokens of the embedded models, and words dropped."""
    return _prompts(_embedded())


def embedded_word(token: int) -> str:
    """The word that a token of the embedded models is."""
    return str(_embedded().decode([token])).strip()


@cache
def _embedded() -> PreTrainedTokenizerFast:
    folder = PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
    return PreTrainedTokenizerFast.from_pretrained(folder)


def counts() -> Counts:
    """The numbers of all tokenizers: those of the embedded models, and the stored ones."""
    stored: Counts = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.exists() else {}
    return {EMBEDDED: _counted(*shipped_prompts()), **stored}


def count_again() -> bool:
    """Count the tokens of the study's tokenizers and store the numbers, where their files are."""
    if not FILES.is_dir():
        return False
    text = json.dumps(study_counts(), indent=1) + "\n"
    COUNTS.parent.mkdir(exist_ok=True)
    COUNTS.write_text(text, encoding="utf-8")
    return True


def study_counts() -> Counts:
    """The numbers of the study's tokenizers."""
    end = {f"{kind}_token": _OPT_END for kind in ("bos", "eos", "unk")}
    tokenizers = {
        "GPT-2, GPT-Neo": _gpt2("gpt2"),
        "Pythia (GPT-NeoX)": PreTrainedTokenizerFast(
            tokenizer_file=str(FILES / "gpt_neox" / "tokenizer.json")
        ),
        "OPT": _gpt2("opt", **end),
    }
    return {name: _counted(*_prompts(tokenizer)) for name, tokenizer in tokenizers.items()}


def _gpt2(folder: str, **special: str) -> PreTrainedTokenizerFast:
    files = {"vocab": "vocab.json", "merges": "merges.txt"}
    paths = {name: str(FILES / folder / file) for name, file in files.items()}
    return GPT2TokenizerFast(**paths, **special)


def _prompts(tokenizer: PreTrainedTokenizerFast) -> tuple[pd.DataFrame, dict[str, int]]:
    return build_prompts(shipped_tasks(), SETTINGS, tokenizer)


def _counted(prompts: pd.DataFrame, dropped: dict[str, int]) -> dict[str, dict[str, int]]:
    lengths = prompts["tokens"].map(len).groupby(prompts["task"], sort=False)
    ends = {
        f"{task} {end}": int(number)
        for end, numbers in (("from", lengths.min()), ("to", lengths.max()))
        for task, number in numbers.items()
    }
    return {"tokens": ends, "dropped": dropped}
