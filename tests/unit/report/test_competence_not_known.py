"""A model of which it is not known whether it can do a task is shown as neither able nor unable.

With fewer than ten clusters of prompts there is no interval, so that competence is missing.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from circuit_scaling import figures
from circuit_scaling.analysis.causal.verdicts import causal_summary
from circuit_scaling.figures.style import abilities
from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.report.blocks import Section, Table
from circuit_scaling.report.chapters import ablation, causal, scaling, transfer
from circuit_scaling.report.chapters.classify import phase_space
from circuit_scaling.report.chapters.join import competence
from circuit_scaling.tables.causal import HERO_PAIRS, HERO_SIMILARITY
from tests.helpers import synthetic_tables as tables
from tests.helpers.causal_tables import classified_heads as planted_heads
from tests.helpers.causal_tables import head_traces, head_writes, hero_heads
from tests.helpers.synthetic_tables import MODELS, TAU

ORDER = [model.slug for model in MODELS]
FLAGS = r"(base_|tgt_)?competent(_ioi|_anti_names)?"
ENDS = r".*_?(low|high|se|q)$"


def not_known(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is with too few clusters: no competence, no intervals."""
    frame = frame.copy()
    for name in frame:
        if re.fullmatch(FLAGS, name):
            frame[name] = pd.array([pd.NA] * len(frame), dtype="boolean")
        elif re.fullmatch(ENDS, name) and pd.api.types.is_float_dtype(frame[name]):
            frame[name] = np.nan
    return frame


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.fixture(scope="module")
def context() -> ReportContext:
    heads = tables.classified_heads(MODELS)
    traced = causal_summary(
        *(make() for make in (hero_heads, planted_heads, head_traces, head_writes)), 0.1
    )
    compared = tables.transfer(MODELS)
    made = {
        "competence": tables.competence(MODELS),
        "classified_heads": heads,
        "head_category_summary": tables.head_category_summary(heads),
        "hero_heads": tables.hero_heads(heads),
        "known_heads": tables.known_heads(heads),
        "transfer_summary": compared["transfer_summary"],
        "head_matching": compared["head_matching"],
        "head_divergence": compared["head_divergence"],
        "corr_vs_scale": tables.corr_vs_scale(MODELS),
        "control_models": tables.control_models(MODELS),
        "ablation_summary": tables.ablation_summary(MODELS),
        "ablation_agreement": tables.ablation_agreement(MODELS),
        "attribution_agreement": tables.attribution_agreement(MODELS),
        "causal_summary": traced,
    }
    return ReportContext(
        {name: not_known(frame) for name, frame in made.items()}, tau=TAU
    ).with_tables(hero_pairs=HERO_PAIRS.empty(), hero_similarity=HERO_SIMILARITY.empty())


def said(section: Section) -> str:
    return " ".join(section.sentences)


def test_three_things_can_be_known_of_two_flags() -> None:
    flags = pd.DataFrame(
        {"a": [True, True, True, False, None, None], "b": [True, None, False, None, None, True]}
    )
    expected = ["able", "unknown", "unable", "unable", "unknown", "unknown"]
    assert abilities(flags).tolist() == expected
    assert abilities(flags.astype("boolean")).tolist() == expected


def test_the_whole_page_calls_nobody_able_or_unable(context: ReportContext) -> None:
    page = render_report(context)
    body = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "competence not known" in body
    assert '<span class="flag">not competent' not in body
    assert "are competent." not in body
    assert "not competent" not in "".join(re.findall(r'"text":\[.*?\]', page))


def test_the_chapter_on_competence_names_them(context: ReportContext) -> None:
    section = competence.CHAPTER.section(context)
    assert "Not known, because there are too few clusters" in said(section)
    assert "mini_opt (IOI)" in said(section)
    assert "Not competent" not in said(section)
    assert isinstance(section.blocks[0], Table)
    flags = {cell.flag for row in section.blocks[0].rows for cell in row[1:]}
    assert flags == {"competence not known"}


def test_one_model_of_many(context: ReportContext) -> None:
    frame = tables.competence(MODELS)
    row = (frame["model"] == "mini_opt") & (frame["task"] == "ioi")
    frame.loc[row, ["low", "high"]] = np.nan
    frame["competent"] = frame["competent"].astype("boolean").mask(row)
    text = said(competence.CHAPTER.section(context.with_tables(competence=frame)))
    assert "an interval: mini_opt (IOI)." in text
    assert "Not competent: control_ioi (" in text
    assert "are competent." not in text


def test_the_strongest_head_is_not_said_to_be_of_a_competent_model(context: ReportContext) -> None:
    assert "The strongest head of all is" in said(phase_space.CHAPTER.section(context))


def test_chapters_count_them_and_say_so(context: ReportContext) -> None:
    assert "are not known to fail a task" in said(scaling.CHAPTER.section(context))
    text = said(transfer.CHAPTER.section(context))
    n = len(tables.transfer(MODELS)["transfer_summary"])
    assert f"In {n} of {n} comparisons it is not known whether both models can do" in text
    text = said(ablation.CHAPTER.section(context))
    assert "of which it is not known whether they can do the task, heroes beat" in text
    assert "and there are no intervals" in text
    assert "that can do the task, heroes" not in text
    assert "that cannot do it" not in text
    assert "heads and tasks it is not known whether" in said(causal.CHAPTER.section(context))


@pytest.mark.parametrize(
    ("draw", "part"),
    [
        (figures.competence, "competence"),
        (figures.corr_vs_scale_cross_family, "corr_vs_scale"),
        (figures.ablation_overview, "ablation_summary"),
    ],
)
def test_marks_of_models_are_pale(draw, part: str, context: ReportContext) -> None:
    figure = draw(context.tables[part])
    marks = [line for axes in figure.axes for line in axes.lines if line.get_gid() == "model"]
    assert marks
    for mark in marks:
        assert mark.get_markerfacecolor() not in ("white", mark.get_markeredgecolor())
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert "pale: competence not known" in labels


def test_marks_of_heads_and_pairs_are_pale(context: ReportContext) -> None:
    heads = context.tables["classified_heads"]
    figure = figures.all_heads_phase_space(heads, TAU)
    drawn = [c for c in figure.axes[0].collections if str(c.get_gid()).startswith("heads-")]
    assert {c.get_gid().rsplit("-", 1)[1] for c in drawn} == {"unknown"}
    labels = [" ".join(text.get_text().split()) for text in figure.legends[0].get_texts()]
    assert "competence not known: all models" in labels
    pairs = figures.ioi_transfer_summary(context.tables["transfer_summary"])
    shown = [line for axes in pairs.axes for line in axes.lines if line.get_gid() == "pairs"]
    faces = {line.get_markerfacecolor() for line in shown if len(line.get_xdata())}
    assert faces and not faces & {"white", *(line.get_markeredgecolor() for line in shown)}


def test_the_figure_of_a_model_says_it_in_the_title(context: ReportContext) -> None:
    rows = context.tables["ablation_summary"]
    figure = figures.hero_vs_random_ablation(rows[rows["model"] == "mini_gpt2_s"])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert "IOI (competence not known)" in titles
