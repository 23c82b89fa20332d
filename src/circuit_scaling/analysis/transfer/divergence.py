"""What became of the heads that do IOI in one model, at the same index of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from circuit_scaling.analysis.transfer.pairs import Pair

_FATES = {"ioi_only": "conserved", "shared": "conserved", "anti_only": "inverted", "weak": "lost"}
_IOI_LIKE = ("ioi_only", "shared")
_MISSING = "missing"


def head_divergence(pairs: Iterable[Pair]) -> Iterator[dict[str, object]]:
    """A row per IOI-like head of the base (all of them, not only the strongest) and target.

    ``divergence`` is ``conserved`` where the target's head of the same index is IOI-like,
    ``inverted`` where it is ``anti_only``, ``lost`` where it is ``weak``, and ``missing`` where
    the target's table has no such index. ``chance_<fate>`` is the share of the target's heads with
    that fate, which is what a random index would give; 0 where the index is missing.
    """
    for base, target in pairs:
        fates = target.heads["category"].map(_FATES)
        chance = {fate: float((fates == fate).mean()) for fate in dict.fromkeys(_FATES.values())}
        for key, category in zip(base.keys, base.heads["category"], strict=True):
            if category not in _IOI_LIKE:
                continue
            place = target.places.get(key)
            yield {
                **base.named("base"),
                **target.named("tgt"),
                "layer": key[0],
                "head": key[1],
                "base_category": category,
                "tgt_category": _MISSING if place is None else target.heads["category"][place],
                "divergence": _MISSING if place is None else fates[place],
                **{f"chance_{f}": 0.0 if place is None else x for f, x in chance.items()},
            }
