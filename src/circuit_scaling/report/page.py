"""Render the report: one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.report.blocks import Drawing, Plot
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.filters import families_of, options, tags_of
from circuit_scaling.report.first_screen import FirstScreen, first_screen
from circuit_scaling.report.heads import heads_json
from circuit_scaling.report.interactive import phase_space_json
from circuit_scaling.report.libraries import datatables, plotly
from circuit_scaling.report.reading_order import ToldPart, all_parts

_PARAGRAPH = 560  # characters


def render_report(context: ReportContext) -> str:
    """The whole page as HTML text: styles, figures, data and scripts are inside it.

    The page asks nothing of the network, and its content policy forbids it to. Same context, same
    text, byte for byte. A chapter whose tables are not there becomes a sentence with the command
    that makes them.

    Raises:
        ValueError, KeyError: a table lacks a column that it must have.
    """
    parts, screen = all_parts(context), first_screen(context)
    sections = [section for part in parts for section in part.sections]
    blocks = [block for section in sections for block in section.blocks]
    plot = None
    if any(isinstance(block, Plot) for block in blocks):
        plot = phase_space_json(context.tables["classified_heads"], context.tau)
    names = [screen.figure] if screen.figure else []
    names += [block.name for block in blocks if isinstance(block, Drawing)]
    families = families_of(context)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title="Circuit scaling",
            screen=screen,
            facts=_facts(context),
            run=context.run,
            pipelines_of=context.pipelines_of,
            parts=parts,
            gists=_gists(screen),
            places=_places(parts),
            paragraphs=_paragraphs,
            unbroken=_unbroken,
            tags=lambda table, row: tags_of(table, row, families),
            filters=options(sections, families),
            images=_images(context.figures, names),
            colours={category: look.colour for category, look in CATEGORIES.items()},
            heads=heads_json(context),
            plot=plot,
            plotly=plotly() if plot else "",
            datatables=datatables(),
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


def _gists(screen: FirstScreen) -> dict[str, str]:
    """Chapter -> the first claim that the page begins with and that comes from it."""
    return {found.anchor: found.claim for found in reversed(screen.found)}


def _places(parts: Sequence[ToldPart]) -> dict[str, dict[str, str]]:
    """Chapter -> its own title and that of its part."""
    return {
        section.anchor: {"title": section.title, "part": part.title}
        for part in parts
        for section in part.sections
    }


def _paragraphs(sentences: Sequence[str]) -> list[str]:
    """The sentences as paragraphs of a few lines, in which a number keeps to its sign and unit."""
    paragraphs: list[str] = []
    for sentence in sentences:
        text = _unbroken(sentence)
        if paragraphs and len(paragraphs[-1]) + len(text) < _PARAGRAPH:
            paragraphs[-1] += f" {text}"
        else:
            paragraphs.append(text)
    return paragraphs


def _unbroken(sentence: str) -> str:
    """The sentence with numbers that keep to their sign and unit."""
    text = sentence.replace(" %", "\u00a0%")
    for sign in ("=", "<"):
        text = text.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
    return text


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
        address = Markup(_address(figures[name].svg))
        images[name] = {"address": address, "width": width, "height": height}
    return images


def _address(svg: str) -> str:
    """A drawing as a data address that may stand in an attribute; base64 is a third longer."""
    if "'" not in svg:
        svg = svg.replace('"', "'")
    marks = str.maketrans({"%": "%25", "#": "%23", '"': "%22", "&": "&amp;", "\n": " "})
    return f"data:image/svg+xml,{svg.translate(marks)}"
