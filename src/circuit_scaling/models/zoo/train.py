"""Train one embedded model: deterministic under its seed, with loss curves and accuracies."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.configurations import build_model
from circuit_scaling.models.zoo.language import Language, held_out_names
from circuit_scaling.models.zoo.optimise import (
    Losses,
    adamw,
    checkpoint_files,
    descend,
    labelled,
    warm_up_and_cosine,
)
from circuit_scaling.models.zoo.settings import ZooSettings
from circuit_scaling.models.zoo.tokenizer import zoo_tokenizer
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.prompts.wordbank import make_word_bank
from circuit_scaling.prompts.words import categories, word_list

_ROW_LENGTH = 24  # as long as the longest prompts that are measured


@dataclass(frozen=True)
class TrainedModel:
    """What training leaves behind.

    Attributes:
        files: the Hugging Face checkpoint folder, file name -> content.
        curves: model, step, task, loss.
        accuracy: model, task, objective, accuracy, candidate_accuracy, n_prompts, on names that
            no name objective has seen.
    """

    files: dict[str, bytes]
    curves: pd.DataFrame
    accuracy: pd.DataFrame


def shared_tokenizer(tasks: Tasks) -> PreTrainedTokenizerFast:
    """The tokenizer of all embedded models: every word of the lists, templates and passages."""
    words = [word for name in ("names", "places", "objects") for word in word_list(name)]
    items = [item for listed in categories().values() for item in listed]
    templates = [
        re.sub(r"\{\w+\}", "", template)
        for spec in tasks.root.values()
        for template in spec.templates
    ]
    # Passages are cut anywhere, so that their first word needs its leading space as well.
    texts = [*words, *items, *word_list("passages")]
    return zoo_tokenizer([*templates, *(f" {text}" for text in texts)])


def train_model(entry: RosterEntry, settings: ZooSettings, tasks: Tasks) -> TrainedModel:
    """Train a model from random weights on its objectives.

    A task of the roster entry's ``objectives`` is learned or answered at random; other tasks are
    never shown. Loss is cross-entropy on the labelled positions, averaged within an objective and
    then summed over objectives.
    """
    tokenizer = shared_tokenizer(tasks)
    words = make_word_bank(tokenizer)
    seed = zlib.crc32(f"{settings.seed}/{entry.slug}".encode())
    shape = settings.shapes[entry.slug]
    prefix = prompt_prefix(tokenizer, entry.bos, shape.architecture)
    language = Language(
        words, tasks.root, entry.objectives, _ROW_LENGTH, np.random.default_rng(seed), prefix
    )
    # One thread: the same sums in the same order on every machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(shape, entry, len(tokenizer))
    steps = shape.steps or settings.steps
    curves = descend(
        model,
        {adamw(model, settings.learning_rate): warm_up_and_cosine(steps)},
        _losses(model, language, entry, settings),
        name=entry.slug,
        steps=steps,
        log_every=settings.log_every,
    )
    model.eval()
    files = checkpoint_files(model, tokenizer)  # the accuracy is that of the saved weights
    accuracy = held_out_accuracy(model, tokenizer, entry, settings, tasks)
    return TrainedModel(files, curves, accuracy)


def _losses(
    model: PreTrainedModel, language: Language, entry: RosterEntry, settings: ZooSettings
) -> Losses:
    """The mean loss of each objective on fresh rows, in the shares that the settings give."""
    share = {task: settings.rows[task] for task in entry.objectives}
    n_rows = {
        task: max(1, round(settings.batch_size * part / sum(share.values())))
        for task, part in share.items()
    }

    def losses(step: int) -> dict[str, torch.Tensor]:
        return {
            task: functional.cross_entropy(*labelled(model, language.rows(task, n)))
            for task, n in n_rows.items()
        }

    return losses


@torch.no_grad()
def held_out_accuracy(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    entry: RosterEntry,
    settings: ZooSettings,
    tasks: Tasks,
) -> pd.DataFrame:
    """Accuracy on each task with an answer, on names that no name objective has shown.

    Returns:
        Rows of ``zoo_accuracy``: ``accuracy`` is the share of prompts with a contrast above 0,
        ``candidate_accuracy`` the share where the best candidate is an answer.
    """
    held_out = PromptSettings(
        n_prompts=settings.test_prompts,
        seed=settings.seed + 1000,
        names=held_out_names(make_word_bank(tokenizer)),
    )
    prefix = prompt_prefix(tokenizer, entry.bos, model.config.model_type)
    prompts, _ = build_prompts(tasks.made(), held_out, tokenizer, prefix=prefix)
    rows = []
    for task, group in prompts[prompts["answer"].map(len) > 0].groupby("task", sort=False):
        contrast, among = [], []
        for _, batch in group.groupby(group["tokens"].map(len)):
            tokens = torch.tensor(batch["tokens"].tolist())
            logits = model(input_ids=tokens, use_cache=False).logits[:, -1]
            for row, (_, prompt) in zip(logits, batch.iterrows(), strict=True):
                margin = row[prompt["answer"]].mean() - row[prompt["distractor"]].mean()
                contrast.append(bool(margin > 0))
                best = prompt["candidates"][int(row[prompt["candidates"]].argmax())]
                among.append(best in prompt["answer"])
        rows.append(
            {
                "model": entry.slug,
                "task": task,
                "objective": {"learn": "trained", "random": "random"}.get(
                    entry.objectives.get(str(task), ""), "untrained"
                ),
                "accuracy": float(np.mean(contrast)),
                "candidate_accuracy": float(np.mean(among)),
                "n_prompts": len(group),
            }
        )
    return pd.DataFrame(rows)
