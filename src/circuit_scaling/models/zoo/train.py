"""Train one embedded model: deterministic under its seed, with loss curves and accuracies."""

from __future__ import annotations

import math
import re
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.configurations import build_model
from circuit_scaling.models.zoo.language import IGNORE, Language, Rows, held_out_names
from circuit_scaling.models.zoo.settings import ZooSettings
from circuit_scaling.models.zoo.tokenizer import zoo_tokenizer
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.prompts.wordbank import make_word_bank
from circuit_scaling.prompts.words import categories, word_list

_ROW_LENGTH = 24  # as long as the longest prompts that are measured
_WARM_UP = 0.05


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
    curves = _optimise(model, language, entry, settings, shape.steps or settings.steps)
    model.eval()
    files = _as_files(model, tokenizer)
    model.float()  # the accuracy is that of the saved weights
    accuracy = held_out_accuracy(model, tokenizer, entry, settings, tasks)
    return TrainedModel(files, curves, accuracy)


def _optimise(
    model: PreTrainedModel,
    language: Language,
    entry: RosterEntry,
    settings: ZooSettings,
    steps: int,
) -> pd.DataFrame:
    share = {task: settings.rows[task] for task in entry.objectives}
    n_rows = {
        task: max(1, round(settings.batch_size * part / sum(share.values())))
        for task, part in share.items()
    }
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=settings.learning_rate,
        betas=(0.9, 0.98),
    )
    warm_up = max(1, int(steps * _WARM_UP))

    def schedule(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule)
    points: list[dict[str, object]] = []
    model.train()
    columns = (
        *Progress.get_default_columns(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task(entry.slug, total=steps, loss="")
        for step in range(steps):
            losses = {task: _loss(model, language.rows(task, n)) for task, n in n_rows.items()}
            optimiser.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            scheduler.step()
            if step % settings.log_every == 0 or step == steps - 1:
                values = {task: loss.item() for task, loss in losses.items()}
                points += [
                    {"model": entry.slug, "step": step, "task": task, "loss": value}
                    for task, value in values.items()
                ]
                text = " ".join(f"{task} {value:.2f}" for task, value in values.items())
                progress.update(bar, loss=text)
            progress.advance(bar)
    return pd.DataFrame(points)


def _loss(model: PreTrainedModel, rows: Rows) -> torch.Tensor:
    """Mean cross-entropy of the labelled positions; only those are unembedded."""
    labels = torch.from_numpy(rows.labels)
    hidden = model.base_model(input_ids=torch.from_numpy(rows.tokens), use_cache=False)[0]
    counted = labels != IGNORE
    logits = model.get_output_embeddings()(hidden[counted])
    return functional.cross_entropy(logits, labels[counted])


def _as_files(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> dict[str, bytes]:
    """The checkpoint as Hugging Face saves it, in half precision, without generation defaults."""
    model.half()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return {
            path.name: path.read_bytes()
            for path in sorted(Path(folder).iterdir())
            if path.name != "generation_config.json"
        }


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
    prompts, _ = build_prompts(tasks, held_out, tokenizer, prefix=prefix)
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
