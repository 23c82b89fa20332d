"""Train one embedded model that reads documents: a curriculum of fictional filings."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedModel

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.answers import answers_of
from circuit_scaling.models.zoo.configurations import build_model
from circuit_scaling.models.zoo.document_tokenizer import CHAT_TEMPLATE, document_tokenizer
from circuit_scaling.models.zoo.documents import Documents, MarkedRows
from circuit_scaling.models.zoo.language import Rows
from circuit_scaling.models.zoo.muon import Muon
from circuit_scaling.models.zoo.optimise import Losses, checkpoint_files, descend, labelled
from circuit_scaling.models.zoo.settings import Reader, ReaderSettings
from circuit_scaling.vocabulary import QUESTION_IDS

_WARM_UP = 20
_SHORTER = 3  # rows of repeated tokens alone in the time of one about a filing
_LEAST = 0.02  # of the learning rate, in the last step


@dataclass(frozen=True)
class TrainedReader:
    """What training leaves behind.

    Attributes:
        files: the Hugging Face checkpoint folder, file name -> content.
        curves: model, step, task, loss; tasks are the questions, ``induction`` and ``plain_text``.
        answers: model, question, form, token_length, accuracy, n_questions, about filings of
            companies whose names training has not shown.
    """

    files: dict[str, bytes]
    curves: pd.DataFrame
    answers: pd.DataFrame


def train_reader(
    entry: RosterEntry, settings: ReaderSettings, start: Mapping[str, bytes] | None = None
) -> TrainedReader:
    """Train a model to answer the questions about a filing, wherever it stands in a context.

    A question's loss is that of the first tokens of its answers plus that of the others, each
    averaged. To these comes deep supervision, without which the two questions for states are not
    told apart for a long time: half-way up the layers the unembedding is to tell which token of
    which fact a token of the filing is, and which one is to be said next; the layers above can then
    match the two. Repeated random tokens, from which copying is learnt, and plain text are always
    there.

    Args:
        start: files of the checkpoint whose weights the model begins with; none: random weights.
    """
    reader = settings.models[entry.slug]
    tokenizer = document_tokenizer()
    if "chat" in reader.forms:
        tokenizer.chat_template = CHAT_TEMPLATE
    seed = zlib.crc32(f"{settings.seed}/{entry.slug}".encode())
    prefix = prompt_prefix(tokenizer, entry.bos, reader.shape.architecture)
    documents = Documents(tokenizer, prefix, reader.forms, settings.n_filings, seed)
    # One thread: the same sums in the same order on every machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(reader.shape, entry, len(tokenizer))
    if start is not None:
        model.load_state_dict(_weights(start))
    curves = descend(
        model,
        _optimisers(model, reader, settings),
        _losses(model, documents, reader, settings, np.random.default_rng([seed, 1])),
        name=entry.slug,
        steps=sum(stage.steps for stage in reader.stages),
        log_every=settings.log_every,
    )
    model.eval()
    files = checkpoint_files(model, tokenizer)  # the accuracy is that of the saved weights
    answers = answers_of(model, tokenizer, entry, settings)
    return TrainedReader(files, curves, answers)


def _weights(files: Mapping[str, bytes]) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint in float32."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return dict(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict())


def _optimisers(
    model: PreTrainedModel, reader: Reader, settings: ReaderSettings
) -> dict[torch.optim.Optimizer, Callable[[int], float]]:
    """Muon for the matrices of the blocks, AdamW for embeddings and norms."""
    blocks = [p for name, p in model.named_parameters() if p.ndim > 1 and "embed" not in name]
    steps = sum(stage.steps for stage in reader.stages)
    others = [p for name, p in model.named_parameters() if p.ndim <= 1 or "embed" in name]

    def factor(step: int) -> float:
        left = (steps - step) / (settings.decay * steps)
        return reader.rate * min((step + 1) / _WARM_UP, max(_LEAST, min(1.0, left)))

    adamw = torch.optim.AdamW(others, lr=settings.other_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return {Muon(blocks, settings.matrix_rate): factor, adamw: factor}


def _losses(
    model: PreTrainedModel,
    documents: Documents,
    reader: Reader,
    settings: ReaderSettings,
    rng: np.random.Generator,
) -> Losses:
    """The losses of each step, in the order of the stages."""
    ends = list(accumulate(stage.steps for stage in reader.stages))

    def losses(step: int) -> dict[str, torch.Tensor]:
        stage = reader.stages[int(np.searchsorted(ends, step, side="right"))]
        n_repeated, by_task = settings.n_repeated, dict[str, torch.Tensor]()
        if stage.rows == "repeated":
            n_repeated = _SHORTER * settings.batch_size
        elif stage.rows == "stated":
            by_task |= _of_questions(model, documents.stated(settings.batch_size))
        else:
            form = reader.forms[step % len(reader.forms)]
            n_haystack = int(rng.integers(stage.haystack + 1))
            rows = documents.asked(settings.batch_size, form, n_haystack)
            by_task |= _of_questions(model, rows)
        by_task["induction"] = _mean(model, documents.repeated(n_repeated))
        by_task["plain_text"] = _mean(model, documents.plain_text(settings.n_text))
        return by_task

    return losses


def _mean(model: PreTrainedModel, rows: Rows) -> torch.Tensor:
    return functional.cross_entropy(*labelled(model, rows))


def _of_questions(model: PreTrainedModel, rows: MarkedRows) -> dict[str, torch.Tensor]:
    """The loss of each question: means over each kind of what is learnt about it, added up."""
    read = model.base_model(
        input_ids=torch.from_numpy(rows.tokens), use_cache=False, output_hidden_states=True
    )
    half_way = model.base_model.norm(read.hidden_states[model.config.num_hidden_layers // 2])
    losses: dict[str, torch.Tensor] = dict.fromkeys(QUESTION_IDS, torch.zeros(()))
    for kind, marks in rows.marks.items():
        states = half_way if kind.startswith("role") else read.last_hidden_state
        logits = model.get_output_embeddings()(states[marks.rows, marks.positions])
        each = functional.cross_entropy(logits, torch.from_numpy(marks.labels), reduction="none")
        for place, question in enumerate(QUESTION_IDS):
            of_question = torch.from_numpy(marks.questions == place)
            losses[question] = losses[question] + each[of_question].mean()
    return losses
