"""What each stage after the scans costs with ever more models of tiny shapes, from made-up tables.

Seconds are of the processor, so that other work on the machine counts little; each stage is run
once. A scan of its own costs the same in every study: ``benchmarks/study.py`` measures it.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import torch

from benchmarks.measuring import Result, machine
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.figures.style import to_png, to_svg
from circuit_scaling.pipelines.classify.nodes import classify_heads
from circuit_scaling.pipelines.scaling.nodes import measure_scaling
from circuit_scaling.pipelines.transfer.nodes import compare_models
from circuit_scaling.report import render_report
from circuit_scaling.report.notes import render_notes
from tests.helpers import large_study, many_models
from tests.helpers.synthetic_tables import Model

SIZES = (10, 30, 100, 300)
PROJECT = Path(__file__).parents[1]
# The sizes of conf/base.
_CLASSIFY = ClassifySettings(tau=0.05, taus=(0.01, 0.03, 0.05, 0.1, 0.2), top_k=3, n_boot=1000)
_SCALING = ScalingSettings(n_boot=1000, n_permutations=9999, n_splits=20, depth_bins=4)
_TRANSFER = TransferSettings(k=20, pairs="families", n_null=9999, n_boot=1000)
_DRAWN = ("join", "classify", "scaling", "transfer", "causal", "ablation")
# More models than this are never compared pair by pair here: all pairs of 300 are 89,700.
_MOST_IN_ALL_PAIRS = 30
_GRAPH = """
import sys, time
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import pipelines
import circuit_scaling.pipeline_registry
with KedroSession.create(Path.cwd(), conf_source=sys.argv[1]) as session:
    start = time.process_time()
    context = session.load_context()
    nodes = len(pipelines["__default__"].nodes)
    graph = time.process_time() - start
    context.catalog
    print(f"\\nGRAPH {nodes} {graph} {time.process_time() - start - graph}")
"""
Made = TypeVar("Made")


def stages(n: int) -> Iterator[Result]:
    """Seconds of every stage with ``n`` models, as they are measured; sizes of what it makes."""
    yield from _graph(n)
    models = many_models.many(n)
    joined = many_models.joined(models)
    heads, effects, competence = joined.values()
    seconds, classified = _timed(lambda: classify_heads(heads, effects, competence, _CLASSIFY))
    yield {"stage": "classify", "models": n, "seconds": seconds}
    of_heads = classified["classified_heads"]
    rest = (effects, competence, many_models.roster(models), _SCALING, _CLASSIFY)
    seconds, _ = _timed(lambda: measure_scaling(of_heads, *rest))
    yield {"stage": "scaling", "models": n, "seconds": seconds}
    yield from _transfer(n, of_heads, effects)
    yield from _shown(n, models)


def _timed(work: Callable[[], Made]) -> tuple[float, Made]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def _graph(n: int) -> Iterator[Result]:
    """Building the graph and the catalogue, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "conf"
        subprocess.run(["cp", "-r", str(PROJECT / "conf"), str(conf)], check=True)
        entries = [
            f"    {slug}: {json.dumps({**entry, 'folder': 'data/01_raw/zoo/mini_gpt2_s'})}\n"
            for slug, entry in many_models.roster(many_models.many(n)).items()
        ]
        rosters = conf / "base" / "parameters_models.yml"
        text = rosters.read_text(encoding="utf-8")
        many = "  many:\n" + "".join(entries)
        rosters.write_text(text.replace("\n  test:\n", f"\n{many}\n  test:\n"), encoding="utf-8")
        wanted = conf / "base" / "globals.yml"
        text = wanted.read_text(encoding="utf-8").replace("roster: zoo", "roster: many", 1)
        wanted.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", _GRAPH, str(conf)],
            cwd=PROJECT,
            env={**os.environ, "KEDRO_ENV": "base"},
            capture_output=True,
            text=True,
            check=True,
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("GRAPH"))
    nodes, graph, catalogue = line.split()[1:]
    yield {"stage": "graph", "models": n, "seconds": float(graph), "nodes": int(nodes)}
    yield {"stage": "catalogue", "models": n, "seconds": float(catalogue)}


def _transfer(n: int, heads: pd.DataFrame, effects: pd.DataFrame) -> Iterator[Result]:
    kinds = ["families"] + (["all"] if n <= _MOST_IN_ALL_PAIRS else [])
    for kind in kinds:
        settings = _TRANSFER.model_copy(update={"pairs": kind})
        seconds, made = _timed(lambda s=settings: compare_models(heads, effects, s))  # type: ignore[misc]
        yield {
            "stage": f"transfer, {kind}",
            "models": n,
            "seconds": seconds,
            "pairs": len(made["head_matching"]) // 2,
        }


def _shown(n: int, models: tuple[Model, ...]) -> Iterator[Result]:
    """Figures as SVG and PNG, the page and the notes, of a study with pairs within families."""
    study = large_study.Study(models, large_study.EMBEDDED.asked)
    tables = large_study.tables(study, across=False)
    for pipeline in _DRAWN:
        seconds, drawn = _timed(lambda name=pipeline: _draw(name, tables))  # type: ignore[misc]
        yield {"stage": f"figures of {pipeline}", "models": n, "seconds": seconds, **drawn}
    made = replace(large_study.EMPTY, tables=tables)
    seconds, page = _timed(lambda: render_report(made))
    yield {"stage": "page", "models": n, "seconds": seconds, "bytes": len(page.encode())}
    seconds, notes = _timed(lambda: render_notes(made))
    size = sum(len(note.encode()) for note in notes.values())
    yield {"stage": "notes", "models": n, "seconds": seconds, "bytes": size}


def _draw(pipeline: str, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Draw the figures of a pipeline, one model's own of one model; those that fail are named."""
    draw = import_module(f"circuit_scaling.pipelines.{pipeline}.nodes").draw
    given = large_study.enough_for(pipeline, tables)
    drawn = draw(**{name: given[name] for name in inspect.signature(draw).parameters})
    tallest, failed = 0.0, []
    for name, (figure, _) in drawn.items():
        tallest = max(tallest, float(figure.get_size_inches()[1]))
        try:
            to_svg(figure), to_png(figure)
        except ValueError as error:
            failed.append(f"{name}: {error}")
    return {"figures": len(drawn), "tallest_inches": tallest, "failed": failed}


def measure(sizes: Sequence[int], out: Path) -> None:
    """Measure from small to large into ``<out>/scale.jsonl``; a stop keeps what was measured."""
    file, of_machine = out / "scale.jsonl", machine(torch.device("cpu"))
    file.write_text("", encoding="utf-8")
    for n in sorted(sizes):
        for result in stages(n):
            print(result, flush=True)
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({**result, "machine": of_machine}) + "\n")
