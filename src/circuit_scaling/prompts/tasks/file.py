"""Prompts that stand in a file of the user's own."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from circuit_scaling import given_files
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.given_rows import GivenRow, read_rows
from circuit_scaling.prompts.prompt import SPLITS, Prompt, Split
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.wordbank import Tokenizer, WordBank
from circuit_scaling.vocabulary import counted

_CLUSTERS_PER_SIDE = 2
_ONE_TEMPLATE = "0"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Usable:
    """A row in the tokens of one model."""

    row: GivenRow
    cluster: str
    tokens: tuple[int, ...]
    corrupt: tuple[int, ...]
    answer: tuple[int, ...]
    distractor: tuple[int, ...]
    candidates: tuple[int, ...]

    @property
    def question(self) -> tuple[tuple[int, ...], ...]:
        """What makes two rows the same question."""
        return self.tokens, self.answer, self.distractor


class _Unusable(Exception):
    """Why the tokenizer makes nothing of a row."""


def build(
    task: str, spec: TaskSpec, words: WordBank, data_seeds: range, rng: np.random.Generator
) -> Iterator[Prompt]:
    """The rows that this tokenizer can be asked, ``n_prompts`` of them at most.

    Answers, distractors and candidates are the tokens that follow the text: what the tokenizer puts
    behind it when the word is written there. Rows are dropped, and counted, whose text it cannot
    say, whose answer or distractor is not one token there, whose clean and corrupt texts differ in
    length, or that are there twice. A cluster is on one side of the split; the sides are as equal
    as clusters allow. Of more rows than are asked for, every cluster gives its first, then its
    second, templates in turn.

    Raises:
        CircuitScalingError: the file holds no such rows (:func:`given_rows.read_rows`), token ids
            that are not those of the tokenizer that is named, or too few rows that can be used.
    """
    rows = read_rows(task, spec)
    if spec.token_ids_of:
        rows = _with_words(spec, rows, words.tokenizer_of(spec.token_ids_of))
    usable, dropped = _usable_rows(task, spec, rows, words)
    sides = _sides(usable, rng)
    _check_enough(task, spec, len(rows), sides, dropped)
    words.dropped.update(dropped)
    chosen = {
        row.row.number: split
        for split, n in zip(SPLITS, _shares(sides, spec.n_prompts or len(usable)), strict=True)
        for row in _first_of_every_cluster(sides[split], n)
    }
    n_clusters = len({row.cluster for row in usable if row.row.number in chosen})
    _log.info(
        "Task '%s': %s in %s.",
        *(task, counted(len(chosen), "prompt"), counted(n_clusters, "cluster")),
    )
    for found in usable:
        if found.row.number in chosen:
            yield _prompt(found, spec, chosen[found.row.number], data_seeds.start)


def _prompt(found: _Usable, spec: TaskSpec, split: Split, data_seed: int) -> Prompt:
    prompt = Prompt(
        template=f"{spec.template_prefix}/{found.row.template or _ONE_TEMPLATE}",
        order="",
        text=found.row.clean,
        answer=found.answer,
        distractor=found.distractor,
        candidates=found.candidates,
        cluster=found.cluster,
        split=split,
        data_seed=data_seed,
        tokens=found.tokens,
    )
    if not found.corrupt:
        return prompt
    unasked = replace(prompt, answer=(), distractor=(), candidates=())
    corrupt = replace(unasked, text=found.row.corrupt, tokens=found.corrupt)
    return replace(prompt, corrupt=corrupt)


def _with_words(spec: TaskSpec, rows: Sequence[GivenRow], tokenizer: Tokenizer) -> list[GivenRow]:
    """The rows with the words that their token ids stand for.

    Raises:
        CircuitScalingError: an id of an answer or distractor says no word of its row's texts.
    """
    said = [
        replace(
            row,
            answer=tuple(_said(tokenizer, word) for word in row.answer),
            distractor=tuple(_said(tokenizer, word) for word in row.distractor),
            candidates=tuple(_said(tokenizer, word) for word in row.candidates),
        )
        for row in rows
    ]
    for name in ("answer", "distractor"):
        ids = pd.Series(["|".join(getattr(row, name)) for row in rows])
        of_another = pd.Series(
            [not all(_in_texts(w, row) for w in getattr(row, name)) for row in said]
        )
        given_files.refuse(
            spec.path,
            ids.rename(getattr(spec.columns, name)),
            of_another,
            f"is, as a token of '{spec.token_ids_of}', no word of its texts (ids of one tokenizer "
            "mean nothing in another: name the right one under token_ids_of, or give words)",
        )
    return said


def _said(tokenizer: Tokenizer, number: str) -> str:
    """The text of one token; empty where there is no such token."""
    if not number.isdecimal():
        return ""
    try:
        return tokenizer.decode([int(number)])
    except (OverflowError, IndexError, TypeError):
        return ""


def _in_texts(word: str, row: GivenRow) -> bool:
    bare = word.strip()
    texts = f"{row.clean} {row.corrupt}"
    return bool(bare) and re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", texts) is not None


def _usable_rows(
    task: str, spec: TaskSpec, rows: Sequence[GivenRow], words: WordBank
) -> tuple[list[_Usable], dict[str, int]]:
    """Rows in tokens, and how many of the others there are, by reason with an example."""
    usable: dict[tuple[tuple[int, ...], ...], _Usable] = {}
    reasons: dict[str, list[GivenRow]] = {}
    for row in rows:
        try:
            found = _in_tokens(row, spec, words)
            if found.question in usable:
                raise _Unusable("there twice")
            usable[found.question] = found
        except _Unusable as why:
            reasons.setdefault(str(why), []).append(row)
    dropped = {
        f"rows of '{task}' ({why}, such as row {of[0].number})": len(of)
        for why, of in reasons.items()
    }
    return list(usable.values()), dropped


def _in_tokens(row: GivenRow, spec: TaskSpec, words: WordBank) -> _Usable:
    tokens = _encoded(words, row.clean)
    corrupt = _encoded(words, row.corrupt) if row.corrupt else ()
    if corrupt and len(corrupt) != len(tokens):
        raise _Unusable("clean and corrupt differ in length")

    def following(word: str) -> int | None:
        """The one token that is the word behind the text."""
        glued = word.startswith(" ") or not spec.space
        try:
            whole = _encoded(words, row.clean + (word if glued else f" {word}"))
        except _Unusable:
            return None
        return whole[-1] if whole[:-1] == tokens else None

    answer, distractor = (
        tuple(following(word) for word in given) for given in (row.answer, row.distractor)
    )
    if None in (*answer, *distractor):
        raise _Unusable("answer or distractor is not one token")
    if set(answer) & set(distractor):
        raise _Unusable("answer and distractor are the same token")
    asked = dict.fromkeys((*answer, *distractor, *map(following, row.candidates)))
    pair = "+".join(sorted({word.strip() for word in (*row.answer, *row.distractor)}))
    return _Usable(
        row,
        row.cluster or (pair if spec.clusters == "words" and pair else str(row.number)),
        tokens,
        corrupt,
        *(tuple(i for i in ids if i is not None) for ids in (answer, distractor, asked)),
    )


def _encoded(words: WordBank, text: str) -> tuple[int, ...]:
    try:
        return tuple(words.encode(text))
    except CircuitScalingError as error:
        raise _Unusable("words that the tokenizer does not know") from error


def _sides(usable: Sequence[_Usable], rng: np.random.Generator) -> dict[Split, list[_Usable]]:
    """The rows of each side: clusters in random order, large ones first, to the smaller side."""
    sizes = Counter(row.cluster for row in usable)
    order = {name: place for place, name in enumerate(rng.permutation(sorted(sizes)).tolist())}
    side_of: dict[str, Split] = {}
    counts: dict[Split, int] = dict.fromkeys(SPLITS, 0)
    for cluster in sorted(sizes, key=lambda name: (-sizes[name], order[name])):
        side_of[cluster] = min(SPLITS, key=counts.__getitem__)
        counts[side_of[cluster]] += sizes[cluster]
    ordered = sorted(usable, key=lambda row: order[row.cluster])
    return {split: [row for row in ordered if side_of[row.cluster] == split] for split in SPLITS}


def _check_enough(
    task: str,
    spec: TaskSpec,
    n_rows: int,
    sides: dict[Split, list[_Usable]],
    dropped: dict[str, int],
) -> None:
    clusters = [len({row.cluster for row in rows}) for rows in sides.values()]
    if min(clusters) >= _CLUSTERS_PER_SIDE:
        return
    n_usable = sum(map(len, sides.values()))
    lost = "".join(f"; dropped: {n} {what}" for what, n in dropped.items())
    raise CircuitScalingError(
        f"Task '{task}': of {counted(n_rows, 'row')} in '{spec.path}', {n_usable} "
        f"can be used with this tokenizer, in {counted(sum(clusters), 'cluster')}; "
        f"{_CLUSTERS_PER_SIDE} are needed on each side of the select/test split{lost}. Give more "
        "rows, a column of clusters, or 'clusters: rows' where rows are independent."
    )


def _shares(sides: dict[Split, list[_Usable]], n_prompts: int) -> tuple[int, int]:
    """How many prompts each side gives: half of them, or what the other side lacks."""
    select, test = (len(sides[split]) for split in SPLITS)
    n_select = min(select, max(n_prompts // 2, n_prompts - test))
    return n_select, min(test, n_prompts - n_select)


def _first_of_every_cluster(rows: Sequence[_Usable], n: int) -> Iterator[_Usable]:
    """``n`` rows: one of every cluster, then a second, each time of the template used least."""
    waiting: dict[str, list[_Usable]] = {}
    for row in rows:
        waiting.setdefault(row.cluster, []).append(row)
    used: Counter[str] = Counter()
    while n:
        for cluster, left in list(waiting.items())[:n]:
            row = min(left, key=lambda found: used[found.row.template])
            left.remove(row)
            used[row.row.template] += 1
            yield row
            n -= 1
            if not left:
                del waiting[cluster]
