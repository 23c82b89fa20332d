"""Render the report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.report.blocks import Drawing, Plot, counted
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.interactive import phase_space_json
from circuit_scaling.report.reading_order import all_sections

_PARAGRAPH = 560  # characters


def render_report(context: ReportContext) -> str:
    """The whole page as HTML text: styles, figures, data and scripts are inside it.

    The page asks nothing of the network, and its content policy forbids it to. Same context, same
    text, byte for byte. A chapter whose tables are not there becomes a sentence with the command
    that makes them. Raises ValueError or KeyError where a table lacks a column that it must have.
    """
    sections = all_sections(context)
    blocks = [block for section in sections for block in section.blocks]
    plot = None
    if any(isinstance(block, Plot) for block in blocks):
        plot = phase_space_json(context.tables["classified_heads"], context.tau)
    names = [block.name for block in blocks if isinstance(block, Drawing)]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title="Circuit scaling",
            summary=_summary(context),
            facts=_facts(context),
            run=context.run,
            pipelines_of=context.pipelines_of,
            sections=sections,
            paragraphs=_paragraphs,
            images=_images(context.figures, names),
            colours={category: look.colour for category, look in CATEGORIES.items()},
            plot=plot,
            plotly=_plotly() if plot else "",
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("circuit_scaling.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _summary(context: ReportContext) -> str:
    """What the page is, in two sentences, with the size of the study where it is known."""
    heads = context.tables.get("classified_heads")
    if heads is None or heads.empty:
        scope = "Every attention head of every model is to be removed in turn"
    else:
        models = counted(heads["model"].nunique(), "model")
        scope = f"Each of {counted(len(heads), 'attention head')} of {models} was removed in turn"
        if context.imported:
            return (
                f"{counted(len(heads), 'attention head')} of {models}, with their effects on"
                " indirect object identification (IOI) and on anti-repetition, as they were"
                " measured elsewhere and imported. This page says which heads do which job by"
                " these effects, and what cannot be told from them."
            )
    return (
        f"{scope}, to see how the model's answers change on indirect object identification (IOI)"
        " and on anti-repetition. This page says which heads do which job, how sure that is, and"
        " where it depends on the way of removing a head."
    )


def _paragraphs(sentences: Sequence[str]) -> list[str]:
    """The sentences as paragraphs of a few lines, in which a number keeps to its sign and unit."""
    paragraphs: list[str] = []
    for sentence in sentences:
        text = sentence.replace(" %", "\u00a0%")
        for sign in ("=", "<"):
            text = text.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
        if paragraphs and len(paragraphs[-1]) + len(text) < _PARAGRAPH:
            paragraphs[-1] += f" {text}"
        else:
            paragraphs.append(text)
    return paragraphs


def _facts(context: ReportContext) -> list[str]:
    """Version, commits of the tables and date, as far as the caller knows them."""
    pairs = (
        ("version", context.project_version),
        ("commit" if len(context.commits) == 1 else "commits", ", ".join(context.commits)),
        ("made on", context.date),
    )
    return [f"{name} {value}" for name, value in pairs if value]


def _images(figures: Mapping[str, StoredFigure], names: list[str]) -> dict[str, dict[str, object]]:
    """The named figures as data addresses of SVG, with their size in CSS pixels."""
    images: dict[str, dict[str, object]] = {}
    for name in names:
        width, height = figures[name].pixels
        # An image element keeps each drawing's ids to itself; inline drawings would share them.
        data = base64.b64encode(figures[name].svg.encode()).decode()
        images[name] = {
            "address": f"data:image/svg+xml;base64,{data}",
            "width": width,
            "height": height,
        }
    return images


def _plotly() -> str:
    """The source of plotly.js; imported here because it costs half a second."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
