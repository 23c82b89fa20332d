"""How every pipeline is put together: a stage is a namespace, with one copy of its nodes per model.

kedro-viz draws a namespace as a box that opens on a click. What only the nodes of a stage read lies
inside its box, and what another stage reads between the boxes.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline
from kedro.pipeline.preview_contract import TextPreview

from circuit_scaling.configuration import PARAMETER

# Kedro says once in every process that previews of nodes are new.
warnings.filterwarnings("ignore", message="The 'preview_fn' feature")
MODEL = f"{PARAMETER}model"
"""The roster entry, among the inputs of a node that runs once per model."""


def in_stage(stage: str, nodes: Iterable[Node]) -> Pipeline:
    """``nodes`` in the namespace ``stage``; datasets and parameters keep their names."""
    pipeline = Pipeline([*map(_explained, nodes)])
    return Pipeline(
        pipeline,
        namespace=stage,
        inputs={name for name in pipeline.inputs() if not _is_parameter(name)},
        outputs=pipeline.all_outputs(),
        parameters={name for name in pipeline.inputs() if _is_parameter(name)},
    )


def per_model(
    stage: str,
    slugs: Sequence[str],
    nodes: Iterable[Node],
    by_model: Collection[str] = (),
    roster: str = "models",
) -> Pipeline:
    """A copy of ``nodes`` for every model, in the namespace ``<stage>.<slug>``.

    ``params:model`` is the model's entry in ``roster``. What the nodes write is called
    ``<name>__<slug>``, and so is what they read of ``by_model``; everything else that they read is
    shared. The slug is a tag of the copies, by which kedro-viz filters.
    """
    template = Pipeline([*map(_explained, nodes)])
    read = {name for name in template.inputs() if not _is_parameter(name)}
    given = {name for name in template.inputs() if _is_parameter(name)}
    # One pipeline from all copies: Kedro checks a whole graph at each addition of two.
    return Pipeline(
        [
            Pipeline(
                template,
                namespace=f"{stage}.{slug}",
                inputs={name: _of(name, slug) if name in by_model else name for name in read},
                outputs={name: _of(name, slug) for name in template.all_outputs()},
                parameters={
                    name: f"{PARAMETER}{roster}.{slug}" if name == MODEL else name for name in given
                },
                tags={slug},
            )
            for slug in slugs
        ]
    )


def of_every(names: Iterable[str], slugs: Sequence[str]) -> list[str]:
    """Each of the datasets for every model: all models of the first, then of the second, …"""
    return [_of(name, slug) for name in names for slug in slugs]


def stack(*tables: pd.DataFrame) -> pd.DataFrame:
    """The tables of all models, one below the other."""
    return pd.concat(tables, ignore_index=True)


def _explained(node: Node) -> Node:
    """The node with what it does in words, which kedro-viz shows beside it."""
    return node._copy(preview_fn=partial(_in_words, node.func))


def _in_words(function: Callable[..., Any]) -> TextPreview:
    """What the docstring of a node's function says."""
    return TextPreview(inspect.cleandoc(function.__doc__ or "").replace("``", ""))


def _of(name: str, slug: str) -> str:
    return f"{name}__{slug}"


def _is_parameter(name: str) -> bool:
    return name.startswith(PARAMETER)
