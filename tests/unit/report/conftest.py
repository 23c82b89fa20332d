"""One page of everything, as text and taken apart, for all tests of the report."""

from __future__ import annotations

import pytest

from circuit_scaling import figures
from circuit_scaling.analysis.causal.verdicts import causal_summary
from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.tables.causal import HEAD_READS, HERO_PAIRS, HERO_SIMILARITY
from circuit_scaling.tables.retrieval import KNOWN_RETRIEVAL_HEADS
from tests.helpers import synthetic_comparison as comparison
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables
from tests.helpers.audited import published_audit
from tests.helpers.causal_tables import classified_heads as planted_heads
from tests.helpers.causal_tables import head_traces, head_writes, hero_heads
from tests.helpers.report_page import Page

MODELS = tuple(tables.MODELS[index] for index in (2, 0, 5, 8))
TAU = tables.TAU


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> ReportContext:
    heads = tables.classified_heads(MODELS)
    summary = tables.head_category_summary(heads)
    compared = tables.transfer(MODELS)
    drawn = tables.stored(figures.category_counts(summary), tmp_path_factory.mktemp("figures"))
    traced = causal_summary(
        *(make() for make in (hero_heads, planted_heads, head_traces, head_writes)), 0.1
    )
    return ReportContext(
        roster=tables.roster(MODELS),
        figures={"category_counts": drawn},
        makers=tables.MAKERS,
        tau=TAU,
        project_version="1.2.3",
        commits={"abcdef0": ["competence", "run_log"]},
    ).with_tables(
        competence=tables.competence(MODELS),
        classified_heads=heads,
        head_category_summary=summary,
        category_sensitivity=tables.category_sensitivity(heads),
        prompts_needed=tables.prompts_needed(MODELS),
        name_order=tables.name_order(heads),
        bos_effects=tables.bos_effects(heads),
        hero_heads=tables.hero_heads(heads),
        known_heads=tables.known_heads(heads),
        transfer_summary=compared["transfer_summary"],
        head_matching=compared["head_matching"],
        head_divergence=compared["head_divergence"],
        corr_vs_scale=tables.corr_vs_scale(MODELS),
        scale_trend=tables.scale_trend(),
        layer_profile=tables.layer_profile(heads),
        control_models=tables.control_models(MODELS),
        ablation_summary=tables.ablation_summary(MODELS),
        causal_summary=traced,
        published_audit=published_audit(),
        joint_prompts=tables.joint_prompts(),
        head_reads=HEAD_READS.empty(),
        head_writes=head_writes(),
        hero_pairs=HERO_PAIRS.empty(),
        hero_similarity=HERO_SIMILARITY.empty(),
        ablation_agreement=tables.ablation_agreement(MODELS),
        attribution_agreement=tables.attribution_agreement(MODELS),
        zoo_curves=tables.zoo_curves(MODELS),
        zoo_accuracy=tables.zoo_accuracy(MODELS),
        zoo_answers=retrieval.zoo_answers(),
        run_log=tables.run_log(MODELS),
        causal_log=tables.run_log(MODELS[:1]).assign(stage="causal", counted="patched runs"),
        ablation_log=tables.run_log(MODELS[:1]).assign(stage="ablation", counted="sets of heads"),
        head_rankings=retrieval.head_rankings(),
        known_retrieval_heads=KNOWN_RETRIEVAL_HEADS.empty(),
        question_counts=retrieval.question_counts(),
        masking_summary=retrieval.masking_summary(),
        **comparison.tables(comparison.Compared(lengths=(96,), shape=(2, 8), ks=(2,))),
        detect_log=retrieval.log("retrieval_detect"),
        mask_log=retrieval.log("retrieval_mask"),
    )


@pytest.fixture(scope="session")
def html(context: ReportContext) -> str:
    return render_report(context)


@pytest.fixture(scope="session")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="session")
def empty() -> Page:
    return Page(render_report(ReportContext(makers=tables.MAKERS)))
