"""The pipelines by name, built from the roster of the present configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import (
    RETRIEVAL_MODELS,
    ProjectConfigLoader,
    present_roster,
    present_slugs,
)
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.pipelines import (
    ablation,
    audit,
    causal,
    classify,
    import_retrieval,
    import_tables,
    join,
    report,
    retrieval_compare,
    retrieval_detect,
    retrieval_mask,
    scaling,
    scan,
    transfer,
    zoo,
)


def register_pipelines() -> dict[str, Pipeline]:
    """The study: ``scan, join, classify, scaling, transfer, causal, ablation,
    retrieval_detect, retrieval_mask, retrieval_compare, audit, report``.

    ``zoo`` trains the embedded models, ``import_tables`` stands in for ``join``, and
    ``import_retrieval`` for ``retrieval_detect`` and ``retrieval_mask``.

    The study runs by default, or the ``default_pipelines`` that globals.yml of the environment
    names. ``overview`` is the study on the first two models: the same graph, small enough to read.

    Raises:
        CircuitScalingError: the roster or ``default_pipelines`` is not valid.
    """
    roster = present_roster()
    slugs, asked = tuple(roster.root), present_slugs(RETRIEVAL_MODELS)
    study = _study(slugs, asked)
    every = {
        **study,
        "zoo": zoo.create_pipeline(roster),
        "import_tables": import_tables.create_pipeline(),
        "import_retrieval": import_retrieval.create_pipeline(),
    }
    # kedro-viz offers them in this order.
    return {
        "overview": _overview(slugs[:2], asked[:2]),
        "__default__": Pipeline([every[name] for name in dict.fromkeys(_default(study, every))]),
        **every,
    }


def _overview(slugs: Sequence[str], asked: Sequence[str]) -> Pipeline:
    """The study on these models, to be looked at.

    What is known of imported tables alone, and of which parts that may be missing make do without,
    would hang in it from nowhere.
    """
    study = Pipeline(_study(slugs, asked).values())
    imported = import_tables.create_pipeline() + import_retrieval.create_pipeline()
    nowhere = imported.all_outputs() & study.inputs()
    return Pipeline([_without(nowhere, node) for node in study.nodes])


def _without(names: set[str], node: Node) -> Node:
    if not isinstance(node._inputs, dict) or names.isdisjoint(node.inputs):
        return node
    given = {name: read for name, read in node._inputs.items() if read not in names}
    return node._copy(inputs=given)


def _default(study: Iterable[str], every: Collection[str]) -> Iterable[str]:
    named = ProjectConfigLoader.present()["globals"].get("default_pipelines")
    if named is None:
        return study
    if not isinstance(named, list) or not named:
        raise CircuitScalingError(
            f"'default_pipelines' in globals.yml is no list of pipelines: {named!r}. "
            f"There are: {', '.join(every)}."
        )
    unknown = [repr(name) for name in named if name not in every]
    if unknown:
        raise CircuitScalingError(
            f"'default_pipelines' in globals.yml names {', '.join(unknown)}. "
            f"There are: {', '.join(every)}."
        )
    return named


def _study(slugs: Sequence[str], asked: Sequence[str]) -> dict[str, Pipeline]:
    """The pipelines of both studies.

    Args:
        slugs: models whose heads are ablated.
        asked: models that are asked about documents.
    """
    return {
        "scan": scan.create_pipeline(slugs),
        "join": join.create_pipeline(slugs),
        "classify": classify.create_pipeline(),
        "scaling": scaling.create_pipeline(),
        "transfer": transfer.create_pipeline(),
        "causal": causal.create_pipeline(slugs),
        "ablation": ablation.create_pipeline(slugs),
        "retrieval_detect": retrieval_detect.create_pipeline(asked),
        "retrieval_mask": retrieval_mask.create_pipeline(asked),
        "retrieval_compare": retrieval_compare.create_pipeline(),
        "audit": audit.create_pipeline(),
        "report": report.create_pipeline(),
    }
