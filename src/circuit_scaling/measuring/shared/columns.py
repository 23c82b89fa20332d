"""Which task feeds which column of the joined tables, as the configuration says it."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.prompts.spec import Tasks
from circuit_scaling.typed import Block
from circuit_scaling.vocabulary import STUDY_TASKS


class JoinSettings(Block):
    """The task that feeds each of the two columns which categories and everything after come from.

    The joined tables call a task as its column; a task whose column another one feeds is left out.

    Attributes:
        ioi: feeds ``delta_ioi``.
        anti_names: feeds ``delta_anti_names``; ``anti_names_first`` is the form of the published
            study, which the order of the names answers.
    """

    ioi: str = "ioi"
    anti_names: str = "anti_names"

    def as_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table with a column ``task``, in which tasks are called as their columns."""
        column_of = self._column_of()
        if all(task == column for task, column in column_of.items()):
            return frame
        displaced = set(STUDY_TASKS) - set(column_of)
        kept = frame[~frame["task"].isin(displaced)]
        return kept.assign(task=kept["task"].replace(column_of))

    def tasks(self, tasks: Tasks) -> Tasks:
        """The specs of the tasks, those that feed a column under its name as well."""
        fed = {column: tasks.root[task] for task, column in self._column_of().items()}
        return Tasks.model_construct(root={**tasks.root, **fed})

    def corrupt_texts(self, tasks: Tasks) -> dict[str, str]:
        """Of each column whose task comes with corrupt texts, the task that these are."""
        return {
            column: tasks.root[task].reference
            for task, column in self._column_of().items()
            if tasks.root[task].has_corrupt(task)
        }

    def unknown(self, tasks: Tasks) -> list[str]:
        """Tasks that should feed a column and are not scanned with an answer."""
        able = {n for n, spec in tasks.scanned().items() if spec.readout == "contrast"}
        return sorted(set(self._column_of()) - able)

    def mark(self, fingerprint: str) -> str:
        """The fingerprint of something that was measured on the tasks of these columns."""
        if self == JoinSettings():
            return fingerprint
        return fingerprint_of({"of": fingerprint, "columns": self.for_results()})

    def _column_of(self) -> dict[str, str]:
        return {self.ioi: "ioi", self.anti_names: "anti_names"}
