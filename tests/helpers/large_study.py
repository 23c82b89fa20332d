"""Made-up tables and figures of a whole study, all that the page takes: small, or all checkpoints.

``python -m tests.helpers.large_study PAGE.html`` writes the page of the 17 checkpoints of the study
and of both Llama-3-8B, and prints how large it is and how long it takes to make and to open.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.published import published_findings
from circuit_scaling.analysis.made_from import mark_on
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.known_heads import known_retrieval_heads
from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.figures.style import to_svg
from circuit_scaling.models.roster import Roster
from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.report.reading_order import CHAPTERS
from circuit_scaling.tables.causal import GROUPS
from circuit_scaling.tables.made_with import set_made_with
from circuit_scaling.tables.transfer import PAIR
from circuit_scaling.vocabulary import STUDY_TASKS
from tests.helpers import browser
from tests.helpers import synthetic_comparison as comparison
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as synthetic
from tests.helpers.configured import ROSTERS
from tests.helpers.filled_tables import filled
from tests.helpers.synthetic_retrieval import Asked
from tests.helpers.synthetic_tables import Model, models_of

_PROJECT = Path(__file__).parents[2]
_CACHE = Path(tempfile.gettempdir()) / "circuit_scaling_drawings"
_KEYS = ["family", "model", "layer", "head"]
_MADE_WITH = {
    "classify.tau": synthetic.TAU,
    "classify.taus": [0.01, 0.03, 0.05, 0.1, 0.2],
    "scan.primary": {"ablation": "zero", "positions": "all"},
    "transfer.k": 20,
}
# Figures that the page shows come from these; those of one model each are drawn of one alone.
_DRAWN_BY = ("join", "classify", "scaling", "transfer", "causal", "ablation", "zoo")
_DRAWN_BY += ("retrieval_detect", "retrieval_mask", "retrieval_compare")


@dataclass(frozen=True)
class Study:
    """The models of both rosters, and what those of the second are called on the hub."""

    models: tuple[Model, ...]
    asked: tuple[Asked, ...]
    hubs: tuple[tuple[str, str], ...] = ()


EMBEDDED = Study(synthetic.MODELS, retrieval.MODELS)
"""About as many models, heads and questions as the embedded models have."""


@cache
def checkpoints() -> Study:
    """The checkpoints of both studies, with their shapes."""
    models = models_of(ROSTERS.root["study"])
    shape = (*("llama3", 32, 32), *(retrieval.LLAMA.lengths, retrieval.LLAMA.ks))
    instruct = Asked("llama3_8b_instruct", *shape, frozenset({"hq_state"}))
    hubs = tuple((slug, str(e.hub)) for slug, e in ROSTERS.root["retrieval"].root.items())
    return Study(models, (retrieval.LLAMA, instruct), hubs)


@cache
def context(study: Study) -> ReportContext:
    """The material of the page of a whole study."""
    made = tables(study)
    return ReportContext(
        tables=made,
        figures=_figures(made),
        roster=synthetic.roster(study.models),
        makers=synthetic.MAKERS,
        tau=synthetic.TAU,
        project_version="1.2.3",
        commits={"abcdef0": sorted(made)},
    )


EMPTY = ReportContext(makers=synthetic.MAKERS, tau=synthetic.TAU, project_version="1.2.3")
"""A page without a table."""


def tables(study: Study, across: bool = True) -> dict[str, pd.DataFrame]:
    """Every table of the page; ``across``: pairs of models of two families are compared too."""
    heads = _of_heads(study, across)
    return {**heads, **_of_retrieval(study), "published_audit": _audited()}


def _of_heads(study: Study, across: bool) -> dict[str, pd.DataFrame]:
    models = study.models
    heads = synthetic.classified_heads(models)
    for task in STUDY_TASKS:
        width = 2 * heads[f"se_{task}"]
        heads[f"low_{task}"] = heads[f"delta_{task}"] - width
        heads[f"high_{task}"] = heads[f"delta_{task}"] + width
    heads = filled("classified_heads", heads)
    set_made_with(heads, _MADE_WITH)
    heroes = synthetic.hero_heads(heads)
    strong = heroes[heroes["category"] != "weak"]
    traced = strong.merge(pd.DataFrame({"task": STUDY_TASKS}), how="cross")
    agreement = synthetic.ablation_agreement(models)
    set_made_with(agreement, _MADE_WITH)
    log = synthetic.run_log(models)
    return {
        "joint_prompts": synthetic.joint_prompts(models),
        "competence": synthetic.competence(models),
        "run_log": log,
        "bos_effects": filled("bos_effects", _of_first_model(heads)),
        "joint_heads": filled("joint_heads", heads),
        "ablation_agreement": agreement,
        "attribution_agreement": synthetic.attribution_agreement(models),
        "classified_heads": heads,
        "head_category_summary": synthetic.head_category_summary(heads),
        "category_sensitivity": synthetic.category_sensitivity(heads),
        "prompts_needed": synthetic.prompts_needed(models),
        "name_order": synthetic.name_order(heads),
        "hero_heads": filled("hero_heads", heroes),
        "known_heads": synthetic.known_heads(heads),
        "corr_vs_scale": synthetic.corr_vs_scale(models),
        "strong_head_scaling": synthetic.strong_head_scaling(heads),
        "scale_trend": synthetic.scale_trend(list(dict.fromkeys(m.family for m in models))),
        "layer_profile": synthetic.layer_profile(heads),
        "control_models": synthetic.control_models((*models, synthetic.MODELS[-1])),
        **_transfer(heads, across),
        "causal_summary": filled("causal_summary", traced.assign(delta=traced["delta_ioi"])),
        "head_reads": filled("head_reads", _read(heads, strong)),
        "head_writes": filled("head_writes", _written(traced, heads)),
        "hero_pairs": filled("hero_pairs", _paired(strong)),
        "hero_similarity": filled("hero_similarity", _similar()),
        "causal_log": log.assign(stage="causal", counted="patched runs and paths"),
        "ablation_summary": _ablated(models),
        "ablation_log": log.assign(stage="ablation", counted="sets of heads"),
        "zoo_curves": synthetic.zoo_curves(),
        "zoo_accuracy": synthetic.zoo_accuracy(),
        "zoo_answers": retrieval.zoo_answers(),
    }


def _of_first_model(heads: pd.DataFrame) -> pd.DataFrame:
    return synthetic.bos_effects(heads).merge(heads[[*_KEYS, "n_layers", "n_heads"]], on=_KEYS)


def _transfer(heads: pd.DataFrame, across: bool) -> dict[str, pd.DataFrame]:
    """Every model's 20 strongest IOI-like heads in every other model."""
    models = heads.drop_duplicates("model")[["family", "model"]]
    pairs = models.add_prefix("base_").merge(models.add_prefix("tgt_"), how="cross")
    pairs = pairs[pairs["base_model"] != pairs["tgt_model"]]
    if not across:
        pairs = pairs[pairs["base_family"] == pairs["tgt_family"]]
    by_task = pairs.merge(pd.DataFrame({"task": STUDY_TASKS}), how="cross")
    counted = by_task.assign(n_base_heads=20, n_target_heads=144, n_matched=20, n_present=18)
    counted = counted.assign(n_at_depth=20, frac_missing=0.1, reason="")
    alike = heads[heads["category"].isin(["ioi_only", "shared"])]
    alike = alike.sort_values("strength", ascending=False).groupby("model").head(20)
    alike = alike[["model", "layer", "head", "category"]].add_prefix("base_")
    moved = pairs.merge(alike, on="base_model")
    moved = moved.rename(columns={"base_layer": "layer", "base_head": "head"})
    return {
        "transfer_summary": filled("transfer_summary", counted),
        "head_matching": filled("head_matching", counted),
        "head_divergence": filled("head_divergence", moved[[*PAIR, *_MOVED]]),
    }


_MOVED = ("layer", "head", "base_category")


def _read(heads: pd.DataFrame, heroes: pd.DataFrame) -> pd.DataFrame:
    chosen = pd.MultiIndex.from_frame(heroes[_KEYS])
    hero = pd.MultiIndex.from_frame(heads[_KEYS]).isin(chosen)
    return heads.assign(hero=hero).merge(pd.DataFrame({"task": STUDY_TASKS}), how="cross")


def _written(traced: pd.DataFrame, heads: pd.DataFrame) -> pd.DataFrame:
    """Each hero writes to the logits and to queries, keys and values of the last 20 heads."""
    last = heads.groupby("model").tail(20)[["model", "layer", "head", "category"]]
    last = last.set_axis(["model", *(f"receiver_{name}" for name in last.columns[1:])], axis=1)
    channels = pd.DataFrame({"destination": "head", "channel": ["q", "k", "v"]})
    by_head = traced.merge(last, on="model").merge(channels, how="cross")
    nowhere = {"receiver_layer": np.nan, "receiver_head": np.nan, "receiver_category": ""}
    to_logits = traced.assign(destination="logits", channel="", **nowhere)
    return pd.concat([to_logits, by_head], ignore_index=True)


def _paired(heroes: pd.DataFrame) -> pd.DataFrame:
    """The heroes of a model two by two."""
    sides = [
        heroes[["model", "layer", "head", "category"]]
        .assign(place=heroes.groupby("model").cumcount())
        .rename(columns={name: f"{name}_{side}" for name in ("layer", "head", "category", "place")})
        for side in ("a", "b")
    ]
    pairs = sides[0].merge(sides[1], on="model").query("place_a < place_b")
    measured = product(STUDY_TASKS, ("denoising", "noising"))
    kinds = pd.DataFrame(measured, columns=["task", "direction"])
    families = heroes[["model", "family"]].drop_duplicates()
    return pairs.merge(families, on="model").merge(kinds, how="cross")


def _similar() -> pd.DataFrame:
    scopes = ("within families", "across families")
    rows = pd.DataFrame(product(GROUPS, scopes), columns=["group", "scope"])
    return rows.assign(family_a="all families", family_b="all families", expected=0.0)


def _ablated(models: Sequence[Model]) -> pd.DataFrame:
    """What was measured on one model, said of each."""
    of_one = synthetic.ablation_summary(synthetic.MODELS[:1])
    of_each = [of_one.assign(family=model.family, model=model.slug) for model in models]
    return filled("ablation_summary", pd.concat(of_each, ignore_index=True))


def _of_retrieval(study: Study) -> dict[str, pd.DataFrame]:
    rankings = retrieval.head_rankings(study.asked)
    first = study.asked[0]
    compared = comparison.Compared(
        models=[model.slug for model in study.asked],
        lengths=first.lengths,
        shape=(first.layers, first.heads),
        ks=first.ks,
        random_ks=first.ks[-1:],
    )
    entries = {
        model.slug: {
            **{"family": model.family, "params_m": 1, "n_layers": model.layers},
            **{"n_heads": model.heads, "hub": dict(study.hubs).get(model.slug, model.slug)},
        }
        for model in study.asked
    }
    return {
        "head_rankings": filled("head_rankings", rankings),
        "ablation_results": comparison.ablation_results(compared),
        "known_retrieval_heads": known_retrieval_heads(rankings, Roster.model_validate(entries)),
        "question_counts": retrieval.question_counts(study.asked),
        "masking_summary": retrieval.masking_summary(study.asked),
        **comparison.tables(compared),
        "detect_log": retrieval.log("retrieval_detect", study.asked),
        "mask_log": retrieval.log("retrieval_mask", study.asked),
    }


def _audited() -> pd.DataFrame:
    """Every published finding, with some outcome and long words beside it."""
    return filled(
        "published_audit",
        pd.DataFrame(
            [
                {
                    **{
                        "study": finding.study,
                        "id": finding.id,
                        "source": "; ".join(finding.sources),
                    },
                    **{"claim": finding.claim, "published": finding.published or ""},
                    **{"definition": finding.definition, "reason": finding.definition},
                    **{"unit": finding.unit, "checkpoints": "gpt2", "models": "gpt2"},
                }
                for finding in published_findings()
            ]
        ),
    )


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, StoredFigure]:
    """What the page shows, drawn by the pipelines' own nodes; drawn once for the same sources."""
    wanted = {name for chapter in CHAPTERS for name in chapter.figures}
    folder = _CACHE / _mark(wanted) / str(len(tables["classified_heads"]))
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, drawing in _drawings(tables, wanted):
            (being_made / f"{name}.svg").write_text(drawing, encoding="utf-8")
        with suppress(OSError):  # another process was faster
            being_made.rename(folder)
    return {path.stem: StoredFigure(path.with_suffix(".png")) for path in folder.glob("*.svg")}


def _mark(wanted: set[str]) -> str:
    """Of what is drawn, and of everything that it is drawn by."""
    rooms = (_PROJECT / "src" / "circuit_scaling", _PROJECT / "tests" / "helpers")
    digest = hashlib.sha256(",".join(sorted(wanted)).encode())
    for path in sorted(path for room in rooms for path in room.rglob("*.py")):
        if "report" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _drawings(tables: Mapping[str, pd.DataFrame], wanted: set[str]) -> Iterator[tuple[str, str]]:
    for pipeline in _DRAWN_BY:
        draw = import_module(f"circuit_scaling.pipelines.{pipeline}.nodes").draw
        given = enough_for(pipeline, tables)
        parts = {name: given[name] for name in inspect.signature(draw).parameters}
        for name, (figure, shown) in draw(**parts).items():
            if name in wanted:
                yield name, to_svg(figure, mark_on(shown))


def enough_for(pipeline: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """What a pipeline draws from; of figures that are one per model or length, one is enough."""
    heads, rankings = tables["classified_heads"], tables["head_rankings"]
    model, reader = heads["model"].iloc[0], rankings["model"].iloc[0]
    given: dict[str, Any] = {
        **tables,
        **{"tau": synthetic.TAU, "slugs": (), "question_kinds": {}},
        "models": {
            model: {"family": "m", "folder": "m", "params_m": 1, "n_layers": 1, "n_heads": 1}
        },
        "settings": ComparisonSettings(n_boot=1),
    }
    match pipeline:
        case "scaling":
            given["classified_heads"] = heads[heads["model"] == model]
        case "retrieval_detect":
            given["head_rankings"] = rankings[rankings["model"] == reader]
        case "retrieval_compare":
            length = rankings["token_length"].iloc[0]
            given["head_rankings"] = rankings[rankings["token_length"] == length]
    return given


def main() -> None:
    """Write the page, and say how large it is and how long it takes to make and to open."""
    page = Path(sys.argv[1])
    made = context(checkpoints())
    start = time.perf_counter()
    page.write_text(render_report(made), encoding="utf-8")
    rendered = time.perf_counter() - start
    with browser.launched() as chromium, browser.opened(chromium, page) as tab:
        opened = tab.seconds
    heads = len(made.tables["classified_heads"])
    print(f"{heads:,} heads, {page.stat().st_size / 1e6:.1f} MB")
    print(f"{rendered:.1f} s to render, {opened:.1f} s to open")


if __name__ == "__main__":
    main()
