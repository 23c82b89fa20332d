"""Which sets of heads are masked: none, the best ones of each method, others drawn at random."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.measuring.retrieval.settings import MaskingSettings
from circuit_scaling.measuring.shared.head_draws import Pool, distinct_sets
from circuit_scaling.vocabulary import MaskedSet, counted


@dataclass(frozen=True)
class Mask:
    """A set of heads that is masked together while a question is answered in contexts of a length.

    Attributes:
        set_type: ``baseline``, ``hero`` or ``random``.
        n_masked: how many heads were asked for.
        heads: sorted; none where the set does not exist.
        method: whose best heads these are, or whose layers a random set has; otherwise empty.
        draw: number of the random set.
        reason: why the set does not exist, otherwise empty.
    """

    question: str
    token_length: int
    set_type: MaskedSet
    n_masked: int
    heads: tuple[Head, ...] = ()
    method: str = ""
    draw: int = 0
    reason: str = ""

    @property
    def set_id(self) -> str:
        """``question/length/type/method/heads/draw``, without the method where there is none."""
        parts = [self.question, self.token_length, self.set_type, self.method]
        return "/".join(str(part) for part in (*parts, self.n_masked, self.draw) if part != "")


def choose_masks(
    scores: pd.DataFrame, shape: tuple[int, int], settings: MaskingSettings
) -> list[Mask]:
    """All sets of one model, by question and length as the scores have them, the baseline first.

    The best heads of a method have the highest ``score``, those of equal score from below, layer by
    layer. Random sets hold none of the heads that any method puts into its largest set for this
    question and length. Each is another one, as long as there are enough; where all there could be
    are fewer than asked for, there are those. A set that cannot exist is there with its reason.

    What is drawn depends on the seed, the question, the length, the number of heads and the heads
    that are left to draw from (with ``matched`` layers on the layers as well), and on nothing else.

    Args:
        scores: rows of one model, with ``score`` by method, question, length, layer and head.
        shape: layers and heads per layer.
    """
    found: list[Mask] = []
    for (question, length), rows in scores.groupby(["question", "token_length"], sort=False):
        found += _MasksOf.of(str(question), int(str(length)), rows, shape, settings).masks()
    return found


def as_table(masks: Sequence[Mask]) -> pd.DataFrame:
    """The sets as rows of ``masked_heads``, without what they have in common."""
    rows = []
    for mask in masks:
        row = {"set_id": mask.set_id, **asdict(mask)}
        row["layers"], row["heads"] = ([head[part] for head in mask.heads] for part in (0, 1))
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _MasksOf:
    """The sets of a question in contexts of one length.

    Attributes:
        ranked: method -> the heads that it gives a score, the best first.
    """

    question: str
    length: int
    ranked: dict[str, list[Head]]
    shape: tuple[int, int]
    settings: MaskingSettings

    @classmethod
    def of(
        cls,
        question: str,
        length: int,
        scores: pd.DataFrame,
        shape: tuple[int, int],
        settings: MaskingSettings,
    ) -> _MasksOf:
        ranked: dict[str, list[Head]] = {}
        for method, rows in scores.groupby("method", sort=False):
            known = rows.dropna(subset=["score"]).sort_values(
                ["score", "layer", "head"], ascending=[False, True, True], kind="stable"
            )
            ranked[str(method)] = list(
                zip(known["layer"].tolist(), known["head"].tolist(), strict=True)
            )
        return cls(question, length, ranked, shape, settings)

    def masks(self) -> Iterator[Mask]:
        yield self._mask("baseline", 0)
        best = [self._best(method, k) for method in self.ranked for k in self._sizes]
        yield from best
        sizes = self._sizes
        if self.settings.random_ks == "largest":
            sizes = tuple(k for k in sizes if any(m.n_masked == k and m.heads for m in best))[-1:]
        for k in sizes:
            if self.settings.random_layers == "any":
                yield from self._random(k, "", {"": (self._others, k)}, [k])
                continue
            for mask in best:
                if mask.n_masked == k:
                    yield from self._matched(mask)

    @cached_property
    def _every(self) -> list[Head]:
        layers, heads = self.shape
        return [(layer, head) for layer in range(layers) for head in range(heads)]

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return self.settings.sizes(len(self._every))

    @cached_property
    def _others(self) -> list[Head]:
        """The heads that no method puts into the largest set that it can have."""
        taken: set[Head] = set()
        for method in self.ranked:
            sets = [set(self._best(method, k).heads) for k in self._sizes]
            taken |= set().union(*sets)
        return [head for head in self._every if head not in taken]

    def _best(self, method: str, k: int) -> Mask:
        ranked = self.ranked[method]
        if k > len(self._every):
            lack = f"{counted(k, 'head')} asked for, the model has {len(self._every)}"
        elif k > len(ranked):
            lack = f"{counted(k, 'head')} asked for, with a score by this method {len(ranked)}"
        else:
            return self._mask("hero", k, tuple(sorted(ranked[:k])), method)
        return self._mask("hero", k, method=method, reason=lack)

    def _matched(self, best: Mask) -> Iterator[Mask]:
        """Random sets with as many heads in each layer as the best ones of a method."""
        if best.reason:
            yield self._mask("random", best.n_masked, method=best.method, reason=best.reason)
            return
        wanted = Counter(layer for layer, _ in best.heads)
        pools = {
            f" of layer {layer}": ([head for head in self._others if head[0] == layer], size)
            for layer, size in wanted.items()
        }
        # The layers are the seed: methods with the same layers meet the same random heads.
        seed = [best.n_masked, *(layer for layer, _ in best.heads)]
        yield from self._random(best.n_masked, best.method, pools, seed)

    def _random(
        self, k: int, method: str, pools: Mapping[str, Pool], seed: Sequence[int]
    ) -> Iterator[Mask]:
        for where, (heads, size) in pools.items():
            if len(heads) < size:
                needed = f"{counted(size, 'head')}{where} needed"
                lack = f"{needed}, {len(heads) or 'none'} beside the best ones"
                yield self._mask("random", k, method=method, reason=lack)
                return
        own = [self.settings.seed, zlib.crc32(self.question.encode()), self.length]
        rng = np.random.default_rng([*own, *seed])
        drawn = distinct_sets(list(pools.values()), self.settings.n_random, rng)
        for draw, heads in enumerate(drawn):
            yield self._mask("random", k, heads, method, draw)

    def _mask(
        self,
        set_type: MaskedSet,
        n_masked: int,
        heads: tuple[Head, ...] = (),
        method: str = "",
        draw: int = 0,
        reason: str = "",
    ) -> Mask:
        return Mask(self.question, self.length, set_type, n_masked, heads, method, draw, reason)
