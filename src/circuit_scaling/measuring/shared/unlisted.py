"""A model that is in no roster, opened with the prompts of some tasks: what Python asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.shared.asked_tasks import AskedTask, asked_tasks
from circuit_scaling.measuring.shared.opened import alone_on_device
from circuit_scaling.models.bos import BosChoice
from circuit_scaling.models.loading import LoadedTokenizer, load_any, named_tokenizer
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.spec import PromptSettings, Tasks

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Unlisted:
    """A model as the caller names it.

    Attributes:
        model: a hub id, a local folder, a GGUF file, or a model in memory.
        tokenizer: of a model in memory.
        bos: whether prompts begin with BOS.
        untrained: whether weights that are noise are taken.
    """

    model: str | Path | PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None = None
    bos: BosChoice = "auto"
    untrained: bool = False

    @property
    def name(self) -> str:
        """The last part of where it comes from; of a model made in memory, its class."""
        model = self.model
        if isinstance(model, str | Path):
            return Path(model).name or str(model)
        return Path(str(model.config.name_or_path)).name or type(model).__name__


@dataclass(frozen=True)
class OpenedUnlisted:
    """It while it is measured.

    Attributes:
        prompts: as a run has them with as many prompts.
        chunk: how much the engine replays together.
        reads: its tokenizer, and what prompts begin with.
    """

    name: str
    anatomy: Anatomy
    prompts: pd.DataFrame
    chunk: Chunk
    reads: LoadedTokenizer

    @property
    def bos(self) -> bool:
        """Whether prompts begin with BOS."""
        return bool(self.reads.prefix)

    @property
    def family(self) -> str:
        """What its configuration says that it is, such as ``gpt2``."""
        return str(self.anatomy.model.config.model_type)  # type: ignore[union-attr]

    @property
    def params_m(self) -> float:
        """Millions of weights, those that are used twice counted once."""
        return sum(weights.numel() for weights in self.anatomy.model.parameters()) / 1e6


@contextmanager
def opened_unlisted(asked: Unlisted, tasks: Tasks, n_prompts: int) -> Iterator[OpenedUnlisted]:
    """Load a model once, in float32 and alone, with its prompts.

    Raises:
        CircuitScalingError: a model that cannot be taken, one to which text is noise, or no number
            of prompts.
    """
    if not isinstance(n_prompts, int) or n_prompts < 1:
        raise CircuitScalingError(f"n_prompts is a whole number from 1 on, and not {n_prompts!r}.")
    with alone_on_device("float32"):
        loaded = load_any(asked.model, asked.tokenizer, asked.bos, asked.untrained)
        prompts, _ = build_prompts(
            tasks,
            PromptSettings(n_prompts=n_prompts),
            loaded.reads.tokenizer,
            prefix=loaded.reads.prefix,
            commit=loaded.reads.commit,
            tokenizer_of=named_tokenizer,
        )
        chunk = Chunk.of(loaded.anatomy)
        yield OpenedUnlisted(asked.name, loaded.anatomy, prompts, chunk, loaded.reads)


def quick_prompts(asked: Unlisted, task: AskedTask, n_prompts: int) -> pd.DataFrame:
    """See :func:`circuit_scaling.prompts_of`."""
    tasks = asked_tasks(task)
    (name,) = tasks.specs
    with opened_unlisted(asked, tasks.built, n_prompts) as model:
        rows = model.prompts[model.prompts["task"] == name].reset_index(drop=True)
        decode = model.reads.tokenizer.decode
        for side in ("answer", "distractor"):
            rows[side] = [", ".join(decode([token]).strip() for token in ids) for ids in rows[side]]
    return rows[["text", "template", "order", "cluster", "split", "answer", "distractor"]]
