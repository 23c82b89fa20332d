"""By what the rows of the page's tables can be picked: family, model, category, competence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuit_scaling.figures.style import CATEGORIES, family_looks, order_models
from circuit_scaling.report.blocks import FILTERS, Cell, Section, Table
from circuit_scaling.report.context import ReportContext

Options = list[tuple[str, str]]
"""Values with what they are called, in legend order."""


def families_of(context: ReportContext) -> dict[str, str]:
    """Model -> family, of every model that a table of heads has, by family and size."""
    known: dict[str, str] = {}
    for table in (context.roster, *map(context.tables.get, ("classified_heads", "head_rankings"))):
        if table is None:
            continue
        family = dict(zip(table["model"], table["family"], strict=True))
        known |= {model: str(family[model]) for model in order_models(table) if model not in known}
    return known


def tags_of(table: Table, row: Sequence[Cell], families: Mapping[str, str]) -> dict[str, str]:
    """What a row can be picked by; a family follows from the model."""
    tags = table.tags(row)
    family = families.get(tags.get("model", ""))
    return tags | ({"family": family} if family else {})


def options(sections: Sequence[Section], families: Mapping[str, str]) -> dict[str, Options]:
    """The values that the rows have, filter by filter."""
    found: dict[str, set[str]] = {name: set() for name in FILTERS}
    for table in (block for section in sections for block in section.blocks):
        if isinstance(table, Table):
            for row in table.rows:
                for name, value in tags_of(table, row, families).items():
                    found[name].add(value)
    models = [name for name in families if name in found["model"]]
    models += sorted(found["model"] - set(models))
    return {
        "family": [(name, look.label) for name, look in family_looks(found["family"]).items()],
        "model": [(name, name) for name in models],
        "category": [(n, look.label) for n, look in CATEGORIES.items() if n in found["category"]],
        # Rows of competent models carry no flag.
        "competence": [(word, word) for word in ("competent", *sorted(found["competence"]))],
    }
