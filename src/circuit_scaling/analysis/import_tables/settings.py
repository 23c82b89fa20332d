"""Which table is imported, as the configuration says it."""

from __future__ import annotations

from typing import ClassVar, Literal

from circuit_scaling.typed import Block


class ImportSettings(Block):
    """Which table is imported.

    Attributes:
        joint_table: path of a .csv or .parquet file; a relative one starts at the working
            directory.
        on_suspect: ``stop`` where a check finds something, or ``keep`` the table and carry the
            findings along.
    """

    # What the file holds is in the fingerprints of its heads.
    not_in_results: ClassVar[frozenset[str]] = frozenset({"joint_table", "on_suspect"})

    joint_table: str | None = None
    on_suspect: Literal["stop", "keep"] = "stop"
