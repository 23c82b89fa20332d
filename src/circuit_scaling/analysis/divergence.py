"""What became of the heads that do IOI in one model, at the same index of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from circuit_scaling.analysis.pairs import Pair

_FATES = {"ioi_only": "conserved", "shared": "conserved", "anti_only": "inverted", "weak": "lost"}
_IOI_LIKE = ("ioi_only", "shared")


def head_divergence(pairs: Iterable[Pair]) -> Iterator[dict[str, object]]:
    """A row per IOI-like head of the base (all of them, not only the strongest) and target.

    ``divergence`` is ``conserved`` where the target's head of the same index is IOI-like,
    ``inverted`` where it is ``anti_only``, ``lost`` where it is ``weak``, and ``missing`` where
    the target's table has no such index. ``chance_<fate>`` is the share of the target's heads with
    that fate, which is what a random index would give; 0 where the index is missing.
    """
    for base, target in pairs:
        categories = target.heads["category"].to_numpy()
        fates = target.heads["category"].map(_FATES)
        for row in base.heads[base.heads["category"].isin(_IOI_LIKE)].itertuples():
            place = target.places.get((row.layer, row.head))
            yield {
                **base.named("base"),
                **target.named("tgt"),
                "layer": row.layer,
                "head": row.head,
                "base_category": row.category,
                "tgt_category": "missing" if place is None else categories[place],
                "divergence": "missing" if place is None else fates[place],
                **{
                    f"chance_{fate}": 0.0 if place is None else float((fates == fate).mean())
                    for fate in dict.fromkeys(_FATES.values())
                },
            }
