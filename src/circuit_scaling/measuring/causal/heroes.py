"""Which heads of a model are traced, and which category every head has."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.models.roster import RosterEntry


@dataclass(frozen=True)
class Subjects:
    """The heads of one model, as classified.

    Attributes:
        heroes: the hero heads that are traced, in the order of ``hero_heads``; ``weak`` heads are
            listed there for comparison and are none.
        traced: those whose influence is measured: the heroes, or every head.
        categories: of every head of the model, from all prompts: what a hero may route into.
        of_heroes: the category that each listed head was chosen in, from ``select`` prompts.
    """

    heroes: tuple[Head, ...]
    traced: tuple[Head, ...]
    categories: dict[Head, str]
    of_heroes: dict[Head, str]

    def category(self, head: Head) -> str:
        """What a traced head is called: a hero by what it was chosen as."""
        return self.of_heroes.get(head, self.categories[head])


def subjects_of(
    entry: RosterEntry,
    classified_heads: pd.DataFrame,
    hero_heads: pd.DataFrame,
    settings: CausalSettings,
) -> Subjects:
    """The heads of a model; no heroes where the table has none of them.

    Raises:
        CircuitScalingError: a head is outside the model's shape, or a hero has another category in
            ``classified_heads``.
    """
    categories = _categories(classified_heads, entry.slug)
    chosen = _categories(classified_heads, entry.slug, "category_select")
    listed = _categories(hero_heads, entry.slug)
    for (layer, head), category in listed.items():
        if layer >= entry.n_layers or head >= entry.n_heads:
            raise CircuitScalingError(
                f"The hero head L{layer}H{head} of '{entry.slug}' is outside its "
                f"{entry.n_layers} layers of {entry.n_heads} heads. Were the heroes chosen in "
                f"another model? Choose them again: {run_command(['join', 'classify'])}"
            )
        if chosen.get((layer, head)) != category:
            raise CircuitScalingError(
                f"The hero head L{layer}H{head} of '{entry.slug}' is {category}, but not so in "
                f"classified_heads. Classify again: {run_command(['classify'])}"
            )
    heroes = tuple(head for head, category in listed.items() if category != "weak")
    every = tuple((la, h) for la in range(entry.n_layers) for h in range(entry.n_heads))
    return Subjects(heroes, every if settings.heads == "all" else heroes, categories, listed)


def _categories(table: pd.DataFrame, slug: str, column: str = "category") -> dict[Head, str]:
    rows = table[table["model"] == slug]
    heads = zip(rows["layer"].tolist(), rows["head"].tolist(), strict=True)
    return dict(zip(heads, rows[column].tolist(), strict=True))
