"""Every generated page or picture by its path, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from docs.generate.architecture import architecture_svg
from docs.generate.commands import commands_page
from docs.generate.data_card import data_card_page
from docs.generate.parameters import parameters_page
from docs.generate.pipelines import pipelines_page
from docs.generate.prompt_figure import prompts_svg
from docs.generate.prompts import prompts_page
from docs.generate.tables import tables_page
from docs.generate.tokenizers import count_again

DOCS = Path(__file__).parents[1]
PAGES: dict[str, Callable[[], str]] = {
    "images/architecture.svg": architecture_svg,
    "images/prompts.svg": prompts_svg,
    "data_card.md": data_card_page,
    "prompts.md": prompts_page,
    "reference/commands.md": commands_page,
    "reference/parameters.md": parameters_page,
    "reference/pipelines.md": pipelines_page,
    "reference/tables.md": tables_page,
}
"""Path in this folder -> what writes the text."""


def written() -> Iterator[Path]:
    """Write every page and say which."""
    count_again()
    for name, text in PAGES.items():
        path = DOCS / name
        path.write_text(text(), encoding="utf-8")
        yield path
