"""How much each stage asks of a model: operations, and what the stage counts in its run log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import comb

from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.plan.operations import (
    Sizes,
    decoding_operations,
    heads_operations,
    prefill_operations,
    reading_operations,
)
from circuit_scaling.prompts.spec import PromptSettings, Tasks, TaskSpec
from circuit_scaling.vocabulary import RETRIEVAL_METHODS, STRONG_CATEGORIES, STUDY_TASKS

_TOKEN = re.compile(r"\{\w+\}|\w+|[^\w\s]")
_ITEMS = "{items}"
_TOKENS_OF_ITEMS = 6  # three words with a comma each, on average
_PASSES_OF_GRADIENT = 3  # forward, and a backward that costs twice as much
_TEST_SHARE = 0.5  # of the prompts: those that heroes are compared on
_LOWER_OF_TWO = 4 / 3  # how many more blocks lie behind the lower of two heads than behind one


@dataclass(frozen=True)
class Amount:
    """Work on one model.

    Attributes:
        operations: floating-point operations; a multiply-add counts two.
        counted: heads, runs, sets, questions or answers, each once for each task and ablation, as
            the run log counts them.
        rows: of the largest table of the stage.
        values: numbers in the lists of those rows, such as the effect on every prompt.
    """

    operations: int
    counted: int
    rows: int
    values: int


def tokens_of(spec: TaskSpec) -> int:
    """About how many tokens a prompt of the task has, its words being one token each."""
    if not spec.templates:
        return spec.length
    counts = [
        sum(_TOKENS_OF_ITEMS if part == _ITEMS else 1 for part in _TOKEN.findall(template))
        for template in spec.templates
    ]
    return round(sum(counts) / len(counts))


def scan_amount(sizes: Sizes, tasks: Tasks, prompts: PromptSettings, scan: ScanSettings) -> Amount:
    """Every head on every task under every kind of ablation, and its attributions.

    Heads that are measured until they are settled are counted on as many prompts as they may have.
    """
    heads = sizes.n_layers * sizes.n_heads
    operations = counted = values = 0
    for task, spec in tasks.scanned().items():
        n_prompts, positions = _prompts(spec, prompts), tokens_of(spec)
        kinds = [*scan.kinds(task), *([scan.primary] if task == scan.bos_task else [])]
        clean = prefill_operations(sizes, n_prompts, positions)
        operations += clean
        if spec.readout == "contrast":
            operations += _PASSES_OF_GRADIENT * clean
        for kind in kinds:
            most = _most_prompts(scan, task, kind, n_prompts)
            operations += _kind_operations(sizes, spec, kind, most * _runs(kind, scan))
        counted += heads * len(kinds)
        values += heads * len(kinds) * n_prompts
    return Amount(operations, counted, counted, values)


def _most_prompts(scan: ScanSettings, task: str, kind: AblationKind, n_prompts: int) -> int:
    """On how many prompts a head is ablated at most."""
    if not scan.settles(task):
        return n_prompts
    settle = scan.settle
    bound = (settle.max_prompts or n_prompts) if kind == scan.primary else settle.first
    return min(bound, n_prompts)


def causal_amount(
    sizes: Sizes,
    tasks: Tasks,
    prompts: PromptSettings,
    causal: CausalSettings,
    heroes_per_category: int,
) -> Amount:
    """Heroes patched both ways, in pairs, and their paths; as if there were all heroes."""
    heads = sizes.n_layers * sizes.n_heads
    heroes = min(heads, len(STRONG_CATEGORIES) * heroes_per_category)
    traced = heads if causal.heads == "all" else heroes
    pairs = comb(heroes, 2) if causal.pairs else 0
    receivers = 3 * sizes.n_heads * (sizes.n_layers - 1) // 2  # q, k and v of the later half
    if causal.max_receivers is not None:
        receivers = min(receivers, causal.max_receivers)
    single = 4 * traced + heroes * (2 + receivers) + (2 * heroes if pairs else 0)
    runs = single + round(2 * pairs * _LOWER_OF_TWO)
    operations = values = 0
    for task in STUDY_TASKS:
        spec = tasks.root[task]
        n_prompts = _prompts(spec, prompts)
        if causal.max_prompts is not None:
            n_prompts = min(n_prompts, causal.max_prompts)
        positions = tokens_of(spec)
        replay = heads_operations(sizes, n_prompts, positions) // heads
        operations += runs * replay + 2 * prefill_operations(sizes, n_prompts, positions)
        values += (4 * traced + 2 * pairs) * n_prompts
    counted = 4 * traced + (2 * (heroes + pairs) if pairs else 0) + heroes
    n_tasks = len(STUDY_TASKS)
    rows = n_tasks * (4 * traced + 2 * pairs + heroes * (1 + receivers))
    return Amount(operations, n_tasks * counted, rows, values)


def ablation_amount(
    sizes: Sizes,
    tasks: Tasks,
    prompts: PromptSettings,
    scan: ScanSettings,
    ablation: AblationSettings,
    heroes_per_category: int,
) -> Amount:
    """Sets of heroes and the random sets that they are compared with; as if there were all."""
    every = [*_sets(ablation, heroes_per_category)]
    most = max(every)
    of_all_heroes = [k for k in every if k in (0, most)]
    primary, *others = ablation.kinds(scan)
    trials = [(task, primary, every) for task in ablation.tasks]
    trials += [(task, kind, of_all_heroes) for task in ablation.tasks for kind in others]
    trials += [(task, primary, of_all_heroes) for task in ablation.controls]
    operations = counted = values = 0
    for task, kind, sets in trials:
        spec = tasks.root[task]
        n_prompts = round(_TEST_SHARE * _prompts(spec, prompts))
        run = prefill_operations(sizes, n_prompts * _runs(kind, scan), tokens_of(spec))
        # Of k heads anywhere, the lowest has k / (k + 1) of the blocks behind it.
        operations += round(sum(run * k / (k + 1) for k in sets if k) + run)
        counted += len(sets)
        values += 2 * len(sets) * n_prompts  # effects, and what was right
    return Amount(operations, counted, counted, values)


def detection_amount(sizes: Sizes, settings: RetrievalSettings, filings: int) -> Amount:
    """Every training question read and answered; answers as long as they may be.

    Args:
        filings: how many there are on both sides together.
    """
    asks, heads = settings.asks, sizes.n_layers * sizes.n_heads
    samples = _filings(asks.n_train, filings, 1 - asks.test_share) * len(asks.depths)
    operations = sum(
        _answer_operations(sizes, samples, length, settings.max_new_tokens)
        for length in asks.lengths
    )
    asked = len(asks.questions) * len(asks.lengths)
    rows = asked * heads * len(RETRIEVAL_METHODS)
    return Amount(operations * len(asks.questions), asked * samples, rows, rows * samples)


def masking_amount(
    sizes: Sizes, settings: RetrievalSettings, masking: MaskingSettings, filings: int
) -> Amount:
    """Every test question answered with each set of heads masked, in whole runs of the model."""
    asks, heads = settings.asks, sizes.n_layers * sizes.n_heads
    samples = _filings(asks.n_test, filings, asks.test_share) * len(asks.depths)
    ks = masking.sizes(heads)
    matched = len(RETRIEVAL_METHODS) if masking.random_layers == "matched" else 1
    random = masking.n_random * matched * (len(ks) if masking.random_ks == "all" else 1)
    sets = 1 + len(RETRIEVAL_METHODS) * len(ks) + random
    operations = sum(
        _answer_operations(sizes, samples, length, settings.max_new_tokens)
        for length in asks.lengths
    )
    times = len(masking.ablations) * sets * len(asks.questions)
    answers = times * samples * len(asks.lengths)
    return Amount(operations * times, answers, answers, 0)


def _prompts(spec: TaskSpec, prompts: PromptSettings) -> int:
    return spec.n_prompts or prompts.n_prompts


def _runs(kind: AblationKind, scan: ScanSettings) -> int:
    """Ablated runs of a prompt."""
    return scan.draws if kind.ablation == "resample" else 1


def _kind_operations(sizes: Sizes, spec: TaskSpec, kind: AblationKind, runs: int) -> int:
    """Every head ablated in one way, with logits over the vocabulary where they are read."""
    positions = tokens_of(spec)
    every = spec.readout == "token_loss"
    replayed = heads_operations(sizes, runs, positions, kind.positions, every)
    heads = sizes.n_layers * sizes.n_heads
    return replayed + reading_operations(sizes, heads * runs * (positions if every else 1))


def _sets(ablation: AblationSettings, heroes_per_category: int) -> Iterator[int]:
    """The numbers of heads in every set, 0 for the clean run."""
    every = heroes_per_category * len(STRONG_CATEGORIES)
    yield 0
    owners: Mapping[int, int] = {every: 1, heroes_per_category: len(STRONG_CATEGORIES)}
    weakest: set[int] = set()
    for heroes, n_owners in owners.items():
        for k in ablation.sizes(heroes):
            if k <= heroes:
                weakest.add(k)
                yield from [k] * n_owners * (1 + ablation.n_random)
        yield from [heroes] * ablation.n_random  # without regard to layers
    yield from weakest


def _answer_operations(sizes: Sizes, prompts: int, length: int, new_tokens: int) -> int:
    """Reading prompts of one length, and so many tokens of an answer to each."""
    step = decoding_operations(sizes, prompts, length)
    return prefill_operations(sizes, prompts, length) + new_tokens * step


def _filings(wanted: int | None, filings: int, share: float) -> int:
    on_this_side = round(share * filings)
    return on_this_side if wanted is None else min(wanted, on_this_side)
