"""The training loop of the embedded models: losses by objective in, curves out."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import torch
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from circuit_scaling.models.zoo.language import IGNORE, Rows

_WARM_UP = 0.05

Losses = Callable[[int], Mapping[str, torch.Tensor]]
"""The losses of a step by objective; their sum is descended."""


def adamw(model: PreTrainedModel, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW over all weights; norms and biases do not decay."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=learning_rate,
        betas=(0.9, 0.98),
    )


def warm_up_and_cosine(steps: int) -> Callable[[int], float]:
    """A linear warm-up, then a cosine decay to a fiftieth: the learning rate's factor at a step."""
    warm_up = max(1, int(steps * _WARM_UP))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))

    return factor


def descend(
    model: PreTrainedModel,
    optimisers: Mapping[torch.optim.Optimizer, Callable[[int], float]],
    losses: Losses,
    *,
    name: str,
    steps: int,
    log_every: int,
) -> pd.DataFrame:
    """Train in place.

    Args:
        optimisers: each with the factor of its learning rate at a step.
        name: of the model, for the progress bar and the curves.

    Returns:
        Rows of ``zoo_curves``: model, step, task, loss.
    """
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        for optimiser, factor in optimisers.items()
    ]
    points: list[dict[str, object]] = []
    model.train()
    columns = (
        *Progress.get_default_columns(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task(name, total=steps, loss="")
        for step in range(steps):
            by_task = losses(step)
            for optimiser in optimisers:
                optimiser.zero_grad(set_to_none=True)
            torch.stack(list(by_task.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimiser, scheduler in zip(optimisers, schedulers, strict=True):
                optimiser.step()
                scheduler.step()
            if step % log_every == 0 or step == steps - 1:
                values = {task: loss.item() for task, loss in by_task.items()}
                points += [
                    {"model": name, "step": step, "task": task, "loss": value}
                    for task, value in values.items()
                ]
                text = " ".join(f"{task} {value:.2f}" for task, value in values.items())
                progress.update(bar, loss=text)
            progress.advance(bar)
    return pd.DataFrame(points)


def labelled(model: PreTrainedModel, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels of the positions that count, row by row; only those are unembedded."""
    labels = torch.from_numpy(rows.labels)
    hidden = model.base_model(input_ids=torch.from_numpy(rows.tokens), use_cache=False)[0]
    counted = labels != IGNORE
    logits: torch.Tensor = model.get_output_embeddings()(hidden[counted])
    return logits, labels[counted]


def checkpoint_files(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> dict[str, bytes]:
    """The checkpoint as Hugging Face saves it, in half precision, without generation defaults.

    The model is left with the weights that were saved, in float32.
    """
    model.half()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        files = {
            path.name: path.read_bytes()
            for path in sorted(Path(folder).iterdir())
            if path.name != "generation_config.json"
        }
    model.float()
    return files
