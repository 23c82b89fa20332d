"""Circuits of several heads with hand-set weights: who does the job, and whom it goes through.

Every prompt is "BOS sign filler X Y END" (X and Y in either order) and asks for YES where the sign
is PLUS, for NO where it is MINUS. The corrupt prompt has the other sign, or none at all. All that a
head writes is a signed multiple of one direction, so that a sign changes no norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from circuit_scaling.interventions.operations.path_patching import Channel, Receiver
from circuit_scaling.interventions.replay.pairs import Direction, Head, Pairs

LAYERS = 3
HEADS = 4

# Tokens; each is a feature of the residual stream of its own.
BOS, PLUS, MINUS, NEUTRAL, X, Y, END, YES, NO = range(9)
FILLERS = (9, 10, 11, 12)
N_TOKENS = 13
_TOKENS = tuple(range(N_TOKENS))
# Features that heads write.
_SENT, _PASSED, _OUT, _TAG, _IGNORED = range(13, 18)
WIDTH = 40  # twice as many as features, and divisible by the heads
_HEAD_WIDTH = WIDTH // HEADS
_AMPLITUDE = WIDTH**0.5  # of a token: its embedding has variance 1, and a norm changes nothing

SENDER: Head = (0, 1)
IGNORED: Head = (0, 3)
MIDDLE: Head = (1, 2)
WRITER: Head = (2, 0)
PRIMARY: Head = (0, 2)
BACKUP: Head = (1, 1)

# What each head adds along its direction; the answer's logit is read from `_OUT`.
SENT, PASSED, WRITTEN, IGNORED_GAIN = 3.0, 2.5, 4.0, 2.0
PRIMARY_GAIN, BACKUP_GAIN, TAG_GAIN = 4.0, 2.5, 3.0


@dataclass(frozen=True)
class PlantedCircuit:
    """A model, pairs of prompts, and what arithmetic says of them; the same for every pair.

    Heads, paths and sets that are not named have an effect of exactly 0.

    Attributes:
        model: float32 GPT-2 of 3 layers and 4 heads, 13 tokens, no MLP to speak of.
        pairs: clean and corrupt prompts; every answer and distractor is YES or NO.
        clean, corrupt: the contrast of the unchanged runs.
        total, direct: effects of patching z, by direction and head.
        values: total effects of patching v.
        paths, logits: path effects (noising), by sender and receiver, and by sender.
        attention: the token that the head looks at from END, in the clean run, per pair.
        left: the contrast that is left where a set of heads is ablated by zero.
    """

    model: PreTrainedModel
    pairs: Pairs
    clean: float
    corrupt: float
    total: Mapping[Direction, Mapping[Head, float]]
    direct: Mapping[Direction, Mapping[Head, float]]
    values: Mapping[Direction, Mapping[Head, float]]
    paths: Mapping[tuple[Head, Receiver], float]
    logits: Mapping[Head, float]
    attention: Mapping[Head, NDArray[np.int64]]
    left: Mapping[frozenset[Head], float] = field(default_factory=dict)


def relay(channel: Channel) -> PlantedCircuit:
    """SENDER tells WRITER the sign, through its query, key or value alone; WRITER answers.

    SENDER looks at the sign and writes it where WRITER reads it: on X for the key, else on END.
    WRITER turns to X or Y and says which (query, key), or says what it reads on END (value). SENDER
    has no other path and WRITER nobody behind it. IGNORED reads the sign as well, and writes it
    where nobody looks.
    """
    model = _empty_model()
    sender_at = X if channel == "k" else END
    _sends_sign(model, SENDER, sender_at, SENT, _SENT)
    _sends_sign(model, IGNORED, END, IGNORED_GAIN, _IGNORED)
    norm = _norm(SENT)
    if channel == "v":
        _passes_on(model, WRITER, _SENT, WRITTEN, _OUT)
        # What it reads was normed together with END and the ignored direction.
        written = WRITTEN * SENT / _norm(SENT, IGNORED_GAIN)
    else:
        _turns_to_x_or_y(model, WRITER, channel, value_of_x=norm if channel == "k" else 1.0)
        written = WRITTEN
    on_end = (IGNORED_GAIN, written) if channel == "k" else (SENT, IGNORED_GAIN, written)
    clean = written / _norm(*on_end)
    pairs = _pairs("other sign")
    x_or_y = np.where(pairs.clean[:, 1] == PLUS, X, Y)
    through_values = (SENDER, WRITER) if channel == "v" else (SENDER,)
    return PlantedCircuit(
        model=model,
        pairs=pairs,
        clean=clean,
        corrupt=-clean,
        total=_flips((SENDER, WRITER), clean),
        direct=_flips((WRITER,), clean),
        values=_flips(through_values, clean),
        paths={(SENDER, Receiver(*WRITER, channel)): -2 * clean},
        logits={WRITER: -2 * clean},
        attention={
            SENDER: np.full(len(pairs), BOS) if channel == "k" else pairs.clean[:, 1],
            IGNORED: pairs.clean[:, 1],
            WRITER: np.full(len(pairs), END) if channel == "v" else x_or_y,
        },
    )


def chain() -> PlantedCircuit:
    """SENDER tells MIDDLE, MIDDLE tells WRITER, each by value: SENDER has no path to WRITER."""
    model = _empty_model()
    _sends_sign(model, SENDER, END, SENT, _SENT)
    _passes_on(model, MIDDLE, _SENT, PASSED, _PASSED)
    _passes_on(model, WRITER, _PASSED, WRITTEN, _OUT)
    passed = PASSED * SENT / _norm(SENT)
    written = WRITTEN * passed / _norm(SENT, passed)
    clean = written / _norm(SENT, passed, written)
    pairs = _pairs("other sign")
    everyone = (SENDER, MIDDLE, WRITER)
    return PlantedCircuit(
        model=model,
        pairs=pairs,
        clean=clean,
        corrupt=-clean,
        total=_flips(everyone, clean),
        direct=_flips((WRITER,), clean),
        values=_flips(everyone, clean),
        paths={
            (SENDER, Receiver(*MIDDLE, "v")): -2 * clean,
            (MIDDLE, Receiver(*WRITER, "v")): -2 * clean,
        },
        logits={WRITER: -2 * clean},
        attention={
            SENDER: pairs.clean[:, 1],
            MIDDLE: np.full(len(pairs), END),
            WRITER: np.full(len(pairs), END),
        },
    )


def backup() -> PlantedCircuit:
    """PRIMARY answers and leaves a tag; BACKUP answers, less loudly, where it finds no tag.

    The corrupt prompts have no sign, so that the corrupt run is as silent as ablation by zero. In
    the clean run BACKUP says nothing: alone it can be removed without a trace, and what it says
    instead of PRIMARY hides part of PRIMARY's effect.
    """
    model = _empty_model()
    _sends_sign(model, PRIMARY, END, PRIMARY_GAIN, _OUT, tag=TAG_GAIN)
    _answers_without_tag(model, BACKUP)
    clean = PRIMARY_GAIN / _norm(PRIMARY_GAIN, TAG_GAIN)
    alone = BACKUP_GAIN / _norm(BACKUP_GAIN)
    both = PRIMARY_GAIN + BACKUP_GAIN
    pairs = _pairs("no sign")
    return PlantedCircuit(
        model=model,
        pairs=pairs,
        clean=clean,
        corrupt=0.0,
        total={"noising": {PRIMARY: alone - clean}, "denoising": {PRIMARY: clean}},
        # Frozen, the final norm is that of END alone in the corrupt run.
        direct={"noising": {PRIMARY: -clean}, "denoising": {PRIMARY: PRIMARY_GAIN}},
        # Without a tag BACKUP looks at the sign's place, where the clean run has one.
        values={
            "noising": {PRIMARY: alone - clean},
            "denoising": {PRIMARY: clean, BACKUP: alone},
        },
        paths={(PRIMARY, Receiver(*BACKUP, "q")): both / _norm(both, TAG_GAIN) - clean},
        logits={PRIMARY: -clean},
        attention={PRIMARY: pairs.clean[:, 1], BACKUP: np.full(len(pairs), BOS)},
        left={
            frozenset(): clean,
            frozenset({PRIMARY}): alone,
            frozenset({BACKUP}): clean,
            frozenset({PRIMARY, BACKUP}): 0.0,
        },
    )


def _flips(heads: tuple[Head, ...], clean: float) -> dict[Direction, dict[Head, float]]:
    """Patching any of the heads turns the contrast into that of the other run."""
    return {
        "noising": {head: -2 * clean for head in heads},
        "denoising": {head: 2 * clean for head in heads},
    }


def _norm(*gains: float) -> float:
    """What a norm divides by where heads have written these gains, orthogonally, on a token."""
    return float(np.sqrt(1 + sum(gain**2 for gain in gains) / WIDTH))


def _pairs(corrupt: str) -> Pairs:
    """Every sign, filler and order of X and Y; corrupt prompts have the other sign or none."""
    clean = np.array(
        [
            [BOS, sign, filler, *order, END]
            for sign in (PLUS, MINUS)
            for filler in FILLERS
            for order in ((X, Y), (Y, X))
        ],
        dtype=np.int64,
    )
    other = clean.copy()
    is_plus = clean[:, 1] == PLUS
    other[:, 1] = np.where(is_plus, MINUS, PLUS) if corrupt == "other sign" else NEUTRAL
    return Pairs(
        clean=clean,
        corrupt=other,
        answers=[[YES] if plus else [NO] for plus in is_plus],
        distractors=[[NO] if plus else [YES] for plus in is_plus],
    )


def _empty_model() -> GPT2LMHeadModel:
    """Embeddings, an unembedding that reads `_OUT`, and heads and MLPs that do nothing."""
    config = GPT2Config(
        vocab_size=N_TOKENS,
        n_positions=8,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        layer_norm_epsilon=1e-12,
        tie_word_embeddings=False,
        bos_token_id=BOS,
        eos_token_id=BOS,
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                is_gain = isinstance(module, nn.LayerNorm) and name == "weight"
                parameter.fill_(1.0 if is_gain else 0.0)
        for token in _TOKENS:
            model.transformer.wte.weight[token] = _AMPLITUDE * _feature(token)
        model.lm_head.weight[YES] = _feature(_OUT) / 2
        model.lm_head.weight[NO] = -_feature(_OUT) / 2
    return model


def _sends_sign(
    model: GPT2LMHeadModel, head: Head, at: int, gain: float, feature: int, tag: float = 0.0
) -> None:
    """From token ``at`` the head reads the sign, +1, -1 or 0, and writes ``gain`` times as much.

    From other tokens it looks at BOS and writes nothing. ``tag`` is written for either sign.
    """
    _looks(model, head, query=[_token(at), _any_token()], key=[160 * _signs(), 80 * _token(BOS)])
    _says(model, head, [_token(PLUS) - _token(MINUS)], [gain * _feature(feature)])
    _says(model, head, [_token(PLUS) + _token(MINUS)], [tag * _feature(_TAG)], first_slot=1)


def _passes_on(model: GPT2LMHeadModel, head: Head, source: int, gain: float, target: int) -> None:
    """On END the head reads what stands there along one direction and writes it along another."""
    _looks(model, head, query=[_token(END)], key=[80 * _token(END)])
    _says(model, head, [_feature(source)], [gain * _feature(target)])


def _turns_to_x_or_y(
    model: GPT2LMHeadModel, head: Head, channel: Channel, value_of_x: float
) -> None:
    """From END the head looks at X for + and at Y for -, and writes which of the two it is."""
    elsewhere = -200 * (_any_token() - _token(X) - _token(Y))
    if channel == "q":
        query, key = 30 * _feature(_SENT), _token(X) - _token(Y)
    else:  # X beats Y, at 0, or loses against it
        query, key = _token(END), 30 * _feature(_SENT)
    _looks(model, head, query=[query, _any_token()], key=[key, elsewhere])
    _says(model, head, [value_of_x * _token(X) - _token(Y)], [WRITTEN * _feature(_OUT)])


def _answers_without_tag(model: GPT2LMHeadModel, head: Head) -> None:
    """From END the head reads the sign unless the tag stands there; then it looks at BOS."""
    untagged = _token(END) - _feature(_TAG)
    _looks(model, head, query=[untagged, _any_token()], key=[160 * _signs(), 80 * _token(BOS)])
    _says(model, head, [_token(PLUS) - _token(MINUS)], [BACKUP_GAIN * _feature(_OUT)])


def _looks(model: GPT2LMHeadModel, head: Head, query: list[Tensor], key: list[Tensor]) -> None:
    """Attention scores of a head: the sum of query times key. Gaps are 30 and more: a choice."""
    layer, start = head[0], head[1] * _HEAD_WIDTH
    weight = model.transformer.h[layer].attn.c_attn.weight
    with torch.no_grad():
        for slot, (reader, read) in enumerate(zip(query, key, strict=True)):
            weight[:, start + slot] = _HEAD_WIDTH**0.5 * reader  # undoes the 1 / sqrt(width)
            weight[:, WIDTH + start + slot] = read


def _says(
    model: GPT2LMHeadModel,
    head: Head,
    value: list[Tensor],
    write: list[Tensor],
    first_slot: int = 0,
) -> None:
    """What a head reads where it looks, and what it writes for each unit of that."""
    layer, start = head[0], head[1] * _HEAD_WIDTH
    attention = model.transformer.h[layer].attn
    with torch.no_grad():
        for slot, (read, written) in enumerate(zip(value, write, strict=True), first_slot):
            attention.c_attn.weight[:, 2 * WIDTH + start + slot] = read
            attention.c_proj.weight[start + slot] = written


def _token(token: int) -> Tensor:
    """Reads 1 from this token, where nothing else was written, and 0 from others."""
    return _feature(token) / _AMPLITUDE


def _any_token() -> Tensor:
    return torch.stack([_token(token) for token in _TOKENS]).sum(0)


def _signs() -> Tensor:
    return _token(PLUS) + _token(MINUS) + _token(NEUTRAL)


def _feature(index: int) -> Tensor:
    """A unit vector of mean zero; features of different index are orthogonal."""
    vector = torch.zeros(WIDTH)
    vector[2 * index] = 0.5**0.5
    vector[2 * index + 1] = -(0.5**0.5)
    return vector
