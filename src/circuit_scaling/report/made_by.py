"""Which pipeline makes each table of the report: the one place that says it."""

from __future__ import annotations

TABLES = {
    "join": ("competence", "ablation_agreement", "attribution_agreement", "run_log"),
    "import_tables": ("import_findings",),
    "classify": (
        *("classified_heads", "head_category_summary", "category_sensitivity", "hero_heads"),
        "known_heads",
    ),
    "scaling": (
        *("corr_vs_scale", "strong_head_scaling", "scale_trend", "layer_profile"),
        "control_models",
    ),
    "transfer": ("transfer_summary", "head_matching", "head_divergence"),
    "causal": ("causal_summary", "hero_pairs", "hero_similarity", "causal_log"),
    "ablation": ("ablation_summary", "ablation_log"),
    "zoo": ("zoo_curves", "zoo_accuracy"),
}
"""Pipeline -> the tables of the report that it makes."""

_PIPELINES = {table: pipeline for pipeline, tables in TABLES.items() for table in tables}
_BEFORE = {"join": ("scan",)}  # it only lays out what scans have measured


def pipelines_of(*tables: str) -> list[str]:
    """The pipelines that make these tables, in the order in which they run.

    Raises:
        KeyError: a table that is not one of the report.
    """
    makers = {_PIPELINES[table] for table in tables}
    return [
        name
        for pipeline in TABLES
        if pipeline in makers
        for name in (*_BEFORE.get(pipeline, ()), pipeline)
    ]
