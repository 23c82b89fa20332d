"""How methods, models, questions and lengths of a comparison look in each of its figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex

from circuit_scaling.figures.style import METHODS, QUESTIONS, Look, order_models, short_names
from circuit_scaling.vocabulary import EVERY_QUESTION

_OTHER_METHODS = (
    *(("#1f7a5c", "D", (0, (5, 1.2, 1, 1.2))), ("#a63d57", "v", (0, (1, 1)))),
    *(("#6f6a12", "P", (0, (6, 1.5))), ("#3f3f3f", "X", (0, (3, 1, 1, 1, 1, 1)))),
)
_OF_QUESTIONS = (
    *(("#2a8f6a", "o"), ("#c0504d", "s"), ("#7b6a58", "^"), ("#4b6fae", "D")),
    *(("#b07d12", "v"), ("#8a4f9e", "P"), ("#3f3f3f", "X"), ("#55a3a8", "<")),
)
_OF_MODELS = (
    *(("#1c4a6e", "o"), ("#c8553d", "s"), ("#2a8f6a", "^"), ("#8f6b1d", "D")),
    *(("#6b4c9a", "v"), ("#4f4f4f", "P")),
)
_SHORT_TO_LONG = LinearSegmentedColormap.from_list("lengths", ["#e0a458", "#b5485d", "#3b2a5c"])
_MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class Looks:
    """Everything that is compared, in the order in which it is drawn.

    Attributes:
        methods: the project's own first, then others by name.
        models: by family and size, as tables have them.
        questions: the project's own first, then others by name.
        lengths: in tokens, short ones first; 0 where no length was told.
    """

    methods: dict[str, Look]
    models: dict[str, Look]
    questions: dict[str, Look]
    lengths: dict[int, Look]

    @classmethod
    def of(cls, *tables: pd.DataFrame) -> Looks:
        """Of what the rows of these tables name as method, model, question, token_length."""
        named = pd.concat(
            [t[["family", "model", "method", "question", "token_length"]] for t in tables],
            ignore_index=True,
        )
        models = order_models(named) if len(named) else []
        return cls(
            _methods(named["method"]),
            {
                name: Look(label, *_OF_MODELS[i % len(_OF_MODELS)])
                for i, (name, label) in enumerate(short_names(models).items())
            },
            _questions(named["question"]),
            _lengths(named["token_length"]),
        )

    def sort(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows in the order in which their method, model, question and length are drawn."""
        orders: dict[str, list[Any]] = {
            "method": list(self.methods),
            "model": list(self.models),
            "question": list(self.questions),
            "token_length": list(self.lengths),
        }
        places = [pd.Index(order).get_indexer(table[name]) for name, order in orders.items()]
        return table.iloc[np.lexsort(places[::-1])].reset_index(drop=True)


def _known_first(names: Iterable[object], known: Iterable[str]) -> list[str]:
    found = {str(name) for name in names}
    first = [name for name in known if name in found]
    return [*first, *sorted(found - set(first))]


def _methods(names: Iterable[object]) -> dict[str, Look]:
    ordered = _known_first(names, METHODS)
    others = [name for name in ordered if name not in METHODS]
    spare = {
        name: Look(label, *_OTHER_METHODS[index % len(_OTHER_METHODS)])
        for index, (name, label) in enumerate(short_names(others).items())
    }
    return {name: METHODS.get(name) or spare[name] for name in ordered}


def _questions(names: Iterable[object]) -> dict[str, Look]:
    labels = {**QUESTIONS, EVERY_QUESTION: "all questions"}
    ordered = _known_first(names, QUESTIONS)
    return {
        name: Look(labels.get(name, label), *_OF_QUESTIONS[index % len(_OF_QUESTIONS)])
        for index, (name, label) in enumerate(short_names(ordered).items())
    }


def _lengths(lengths: Iterable[object]) -> dict[int, Look]:
    ordered = sorted({int(str(length)) for length in lengths})
    colours = _SHORT_TO_LONG(np.linspace(0, 1, max(len(ordered), 2)))
    return {
        length: Look(length_label(length), to_hex(colours[i]), _MARKERS[i % len(_MARKERS)])
        for i, length in enumerate(ordered)
    }


def length_label(length: int) -> str:
    """``2,048 tokens``; 0 stands for a length that was not told."""
    return f"{length:,} tokens" if length else "length not told"
