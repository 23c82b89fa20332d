"""From the configuration to the prompts table of one model."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.prompts.prompt import Prompt
from circuit_scaling.prompts.spec import FILE, PromptSettings, Tasks, TaskSpec
from circuit_scaling.prompts.wordbank import (
    Tokenizer,
    WordBank,
    make_word_bank,
    no_other_tokenizer,
)


def build_prompts(
    tasks: Tasks,
    settings: PromptSettings,
    tokenizer: Tokenizer,
    *,
    prefix: tuple[int, ...] = (),
    chat: str | None = None,
    model: str = "",
    commit: str = "",
    tokenizer_of: Callable[[str], Tokenizer] = no_other_tokenizer,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """All prompts of all tasks, references included, and what was dropped of lists and files.

    Args:
        prefix: token ids before every prompt, such as BOS.
        chat: what the user says in them, where they are a chat.
        model: the hash of the model whose tokenizer this is, for the fingerprint.
        commit: of the model, if it comes from a hub.
        tokenizer_of: loads the tokenizer whose ids a file holds, by hub id or folder.

    Returns:
        The prompts table (one row per prompt, with ids of the model's vocabulary), and
        the number of dropped words by list, and of rows by file and reason.

    Raises:
        CircuitScalingError: an unknown kind of task, a bad template, too few names, words that
            the tokenizer does not know, prompts of one template that differ in length, a file that
            holds no prompts.
    """
    words = make_word_bank(tokenizer, settings.names, tokenizer_of)
    data_seeds = range(settings.seed, settings.seed + settings.data_seeds)
    rows = []
    for task, spec in tasks.root.items():
        prompts = list(_prompts_of(task, spec, settings, words, data_seeds))
        corrupt = [prompt.corrupt for prompt in prompts]
        rows += [
            _row(f"{name}/{number:05d}", name, prompt, words, prefix)
            for name, numbered in ((task, prompts), (spec.reference, corrupt))
            for number, prompt in enumerate(numbered)
            if prompt is not None
        ]
    table = pd.DataFrame(rows)
    made = [task for task, spec in tasks.root.items() if spec.build != FILE]
    _check_lengths(table[table["task"].isin(made)])
    table["bos"] = bool(prefix)
    table["revision"] = commit
    begin = bool(prefix) if chat is None else chat
    table["fingerprint"] = prompts_fingerprint(tasks, settings, begin, model, table)
    return table, words.dropped


def prompts_fingerprint(
    tasks: Tasks, settings: PromptSettings, begin: bool | str, model: str, table: pd.DataFrame
) -> str:
    """The hash of what a prompts table was made from, and of what it holds.

    Args:
        begin: whether prompts begin with BOS, or what the user says before them in a chat.
    """
    content = [
        [[int(token) for token in ids] for ids in table[column]]
        for column in ("tokens", "answer", "distractor", "candidates")
    ]
    return fingerprint_of(
        {
            "tasks": tasks.for_results(),
            "settings": settings.model_dump(mode="json"),
            "bos": begin,
            "model": model,
            "content": content,
        }
    )


def can_be_built(build: str) -> bool:
    """Whether there is a file in ``prompts/tasks`` of that name."""
    return build.isidentifier() and find_spec(_module(build)) is not None


def _module(build: str) -> str:
    return f"circuit_scaling.prompts.tasks.{build}"


def _prompts_of(
    task: str, spec: TaskSpec, settings: PromptSettings, words: WordBank, data_seeds: range
) -> Iterator[Prompt]:
    if not can_be_built(spec.build):
        raise CircuitScalingError(
            f"Task '{task}': there is no file prompts/tasks/{spec.build}.py to build it."
        )
    sized = spec.model_copy(update={"n_prompts": spec.n_prompts or settings.n_prompts})
    # One stream of random numbers per task, so that adding a task changes no other.
    rng = np.random.default_rng([settings.seed, zlib.crc32(task.encode())])
    module = import_module(_module(spec.build))
    prompts: Iterator[Prompt] = module.build(task, sized, words, data_seeds, rng)
    return prompts


def _row(
    prompt_id: str, task: str, prompt: Prompt, words: WordBank, prefix: tuple[int, ...]
) -> dict[str, object]:
    tokens = prompt.tokens or tuple(words.encode(prompt.text, f"a prompt of task '{task}'"))
    if tokens[: len(prefix)] == prefix:  # there already: never twice
        prefix = ()
    return {
        "prompt_id": prompt_id,
        "task": task,
        "template": prompt.template,
        "order": prompt.order,
        "text": prompt.text,
        "tokens": [*prefix, *tokens],
        "answer": words.tokens(prompt.answer),
        "distractor": words.tokens(prompt.distractor),
        "candidates": words.tokens(prompt.candidates),
        "cluster": prompt.cluster,
        "split": prompt.split,
        "data_seed": prompt.data_seed,
    }


def _check_lengths(table: pd.DataFrame) -> None:
    """Batches hold one token length, and means are taken position by position.

    Texts of a file are what they are: there, a template and a length are matched together.
    """
    lengths = table["tokens"].map(len)
    for (task, template), group in lengths.groupby([table["task"], table["template"]]):
        if group.nunique() > 1:
            shortest, longest = table.loc[[group.idxmin(), group.idxmax()], "text"]
            raise CircuitScalingError(
                f"Template '{template}' of task '{task}' gives prompts of different token "
                f"lengths: '{shortest}' has {group.min()}, '{longest}' has {group.max()}."
            )
