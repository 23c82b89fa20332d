"""What the page is made from: tables and figures by name, and a few facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.figures.style import abilities, order_models
from circuit_scaling.vocabulary import POSITION_WORDS


@dataclass(frozen=True)
class ReportContext:
    """The material of one page.

    Attributes:
        tables: the project's tables by name, as far as they have been made. ``import_findings`` is
            among them where the heads come from an imported table, and only then; so is
            ``import_retrieval_checks`` where rankings and accuracies were measured elsewhere.
        figures: by the names under which their pipelines drew them.
        roster: has the columns family, model, params_m, layers, heads, source, note.
        makers: table -> the pipelines that make it, in the order in which they run.
        outdated: pipelines whose tables were made from other heads and are left out.
        run: what the commands that are printed begin with; it names the environment of the run.
        tau: the category threshold that ``classified_heads`` was made with, in logits.
        primary: mode and positions of the ablation that its effects come from.
        commits: those of the project at which the tables were made, with the names of the tables.
        project_version, date: printed as they are; without a date the page is the same for the same
            tables.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, StoredFigure] = field(default_factory=dict)
    roster: pd.DataFrame | None = None
    makers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    outdated: Set[str] = frozenset()
    run: str = "kedro run"
    tau: float = 0.05
    primary: tuple[str, str] = ("zero", "all")
    project_version: str | None = None
    commits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    date: str | None = None

    def with_tables(self, **tables: pd.DataFrame | None) -> ReportContext:
        """The same with other tables; one that is None is not there."""
        given = {**self.tables, **tables}
        present = {name: table for name, table in given.items() if table is not None}
        return replace(self, tables=present)

    @cached_property
    def order(self) -> list[str]:
        """Models in the order of every table: by family and size, from the first that knows."""
        named = (self.tables.get(name) for name in ("classified_heads", "competence"))
        for frame in (self.roster, *named):
            if frame is not None and len(frame):
                return order_models(frame)
        return []

    def of_model(self, name: str, model: object) -> pd.DataFrame:
        """The rows of a table about a model, found by one reading of the table for all models."""
        table = self.tables[name]
        if name not in self._places:
            indices = table.groupby("model", sort=False).indices
            self._places[name] = {slug: list(rows) for slug, rows in indices.items()}
        found: pd.DataFrame = table.iloc[self._places[name].get(model, [])]
        return found

    @cached_property
    def _places(self) -> dict[str, dict[object, list[int]]]:
        """Table -> model -> the numbers of its rows."""
        return {}

    @property
    def imported(self) -> bool:
        """Whether the heads come from a table that was measured elsewhere."""
        return "import_findings" in self.tables

    @property
    def imported_retrieval(self) -> bool:
        """Whether rankings of heads and masked accuracies were measured elsewhere."""
        return "import_retrieval_checks" in self.tables

    @property
    def primary_words(self) -> str:
        """Such as ``zero ablation at all positions``."""
        mode, positions = self.primary
        return f"{mode} ablation at {POSITION_WORDS[positions]}"

    def pipelines_of(self, *tables: str) -> list[str]:
        """The pipelines that make these tables, in the order in which they run."""
        return list(dict.fromkeys(name for table in tables for name in self.makers.get(table, ())))

    def can_be_made(self, tables: Sequence[str]) -> bool:
        """Whether a pipeline makes any of these tables; unless nothing is known of any pipeline."""
        return not self.makers or any(table in self.makers for table in tables)

    @cached_property
    def suspect(self) -> dict[tuple[str, int, int], str]:
        """(model, layer, head) -> what is suspect about it, for the heads where something is."""
        heads = self.tables.get("classified_heads")
        if heads is None or "suspect" not in heads:
            return {}
        found = heads[heads["suspect"].fillna("") != ""]
        keys = zip(found["model"], found["layer"], found["head"], strict=True)
        return dict(zip(keys, found["suspect"], strict=True))

    @cached_property
    def unsure_heroes(self) -> dict[tuple[str, int, int], str]:
        """(model, layer, head) -> that its category is unsure, of the heroes where it is.

        Unsure: in fewer than half of the bootstrap draws a hero keeps the category it was chosen
        in.
        """
        heroes = self.tables.get("hero_heads")
        if heroes is None:
            return {}
        unsure = heroes[(heroes["category_stability"] < 0.5) & (heroes["category"] != "weak")]
        keys = zip(unsure["model"], unsure["layer"], unsure["head"], strict=True)
        return dict.fromkeys(keys, "category unsure")

    @cached_property
    def suspect_models(self) -> set[str]:
        """Models with a suspect head."""
        return {model for model, _, _ in self.suspect}

    def ability(self, model: object, task: object) -> str:
        """``able``, ``unable`` or ``unknown``: whether the clean contrast's interval is above 0.

        A control has no answer that a model could fail to give, so that all are able.
        """
        return self._abilities.get((model, task), "unknown")

    @cached_property
    def _abilities(self) -> dict[tuple[object, object], str]:
        """(model, task) -> ability, looked up for every pair of models."""
        competence = self.tables.get("competence")
        if competence is None:
            return {}
        rows = competence[["model", "task", "readout", "competent"]]
        rows = rows.drop_duplicates(["model", "task"])
        found = abilities(rows[["competent"]]).where(rows["readout"] == "contrast", "able")
        return dict(zip(zip(rows["model"], rows["task"], strict=True), found, strict=True))

    def marked(self, ability: str) -> str:
        """The ability by which a model is marked: of an imported table none is known, said once."""
        return "able" if self.imported and ability == "unknown" else ability
