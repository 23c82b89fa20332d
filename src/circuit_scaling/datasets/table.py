"""Versioned parquet tables, written atomically."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro_datasets._typing import TablePreview
from kedro_datasets.pandas import ParquetDataset

from circuit_scaling.commands import run_command
from circuit_scaling.datasets.atomic import refuse_file_in_the_way, write_bytes_atomically
from circuit_scaling.datasets.commit import with_commit
from circuit_scaling.datasets.content import CONTENT, content_of, content_of_rows
from circuit_scaling.datasets.leftovers import empty_versions_in, remove
from circuit_scaling.datasets.previews import rows_of
from circuit_scaling.datasets.seal import holds, sealed, tail_of
from circuit_scaling.datasets.stamps import STAMP, Stamp
from circuit_scaling.datasets.versions import at_least
from circuit_scaling.errors import CircuitScalingError, reason_of

_UNREADABLE = (pa.ArrowException, ValueError)  # what a file that is no table makes readers raise


class TableDataset(ParquetDataset):
    """Kedro's parquet dataset for local files, with a write that is whole or not at all.

    A versioned table is a folder of versions. A file in its place is refused and named: Kedro
    would say that there is no table, and fail to write one. A file carries a seal: where one bit
    of it has changed it is refused, and never another table. Files without a seal, of before or
    from elsewhere, are read all the same.
    """

    DEFAULT_LOAD_ARGS: ClassVar = {"page_checksum_verification": True}
    DEFAULT_SAVE_ARGS: ClassVar = {"write_page_checksum": True}  # other readers know no seals
    _cached_save_version: str | None

    def load(self) -> pd.DataFrame:
        """The table; its stamp stays behind, because what is made from it is another table.

        Raises:
            CircuitScalingError: the file is damaged; the message names it, with the way out.
        """
        self._refuse_file()
        file = Path(self._get_load_path())
        try:
            # The bytes that are checked are those that are read.
            table = pd.read_parquet(BytesIO(_checked(file)), **self._load_args)
        except FileNotFoundError:
            raise
        except (*_UNREADABLE, OSError) as error:
            raise CircuitScalingError(self._damaged_in_words(file, error)) from error
        table.attrs = {n: value for n, value in table.attrs.items() if n not in (STAMP, CONTENT)}
        return table

    def save(self, data: pd.DataFrame) -> None:
        """Write ``data``, with the commit of the project, to a temporary file and rename it."""
        stored = with_commit(data)
        stored.attrs[CONTENT] = content_of(data)
        target = Path(self._get_save_path())
        if self._version:
            for folder in empty_versions_in(Path(self._filepath)):
                remove(folder)
        content: bytes = stored.to_parquet(path=None, **self._save_args)
        write_bytes_atomically(target, sealed(content))
        self._invalidate_cache()

    def resolve_save_version(self) -> str | None:
        """The version that a save gets: that of the run, or a later one where that is not newest.

        It is settled once for each save, so that what is read afterwards is what was saved.
        """
        settled = self._cached_save_version
        if self._version and settled is None:
            asked, there = super().resolve_save_version(), self.list_versions(full_path=False)
            settled = at_least(asked, next(iter(there), None))
            self._cached_save_version = settled
        return settled

    def attributes(self) -> dict[str, Any]:
        """What the table carries beside its rows (``attrs``), read without them.

        Nothing of a damaged file: that is told where its rows are read.
        """
        return attributes_of(Path(self._get_load_path()))

    def is_whole(self) -> bool:
        """Whether the whole file can be read, and is the one that was written."""
        return is_whole(Path(self._get_load_path()))

    def content(self) -> str | None:
        """The hash of the rows of the stored table; None of a file that does not say it."""
        return self.attributes().get(CONTENT)

    def stamp(self) -> Stamp | None:
        """What the table was made from, where it says it."""
        return Stamp.of_data(self.attributes().get(STAMP))

    def exists(self) -> bool:
        """Whether there is a table.

        Raises:
            CircuitScalingError: a file lies where its versions should be.
        """
        self._refuse_file()
        found: bool = super().exists()
        return found

    def _damaged_in_words(self, file: Path, error: Exception) -> str:
        told = f"'{file}' is damaged: {reason_of(error)}."
        way = f"Make it again: {run_command(options=['--resume'])}"
        if self._version and len(self.list_versions()) > 1:
            way += f" Or use the version before: remove '{file.parent}'."
        return f"{told} {way}"

    def _refuse_file(self) -> None:
        if self._version:
            refuse_file_in_the_way(Path(self._filepath) / "any version")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for kedro-viz."""
        if not self.exists():
            return rows_of(None)
        file = pq.ParquetFile(self._get_load_path())
        first = next(file.iter_batches(batch_size=nrows), None)
        return rows_of((file.schema_arrow.empty_table() if first is None else first).to_pandas())


def attributes_of(file: Path) -> dict[str, Any]:
    """What the table in a file carries beside its rows; nothing of one that is damaged."""
    try:
        tail = tail_of(file)
        stored = None if tail is None else pq.read_schema(pa.BufferReader(tail)).pandas_metadata
    except (*_UNREADABLE, OSError):
        return {}
    return dict((stored or {}).get("attributes") or {})


def is_whole(file: Path) -> bool:
    """Whether the table in a file can be read, and is the one that was written."""
    try:
        content = file.read_bytes()
        if (held := holds(content)) is not None:
            return held
        rows = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
    except (*_UNREADABLE, OSError):
        return False
    said = attributes_of(file).get(CONTENT)
    return said is None or said == content_of_rows(rows)


def _checked(file: Path) -> bytes:
    """The bytes of a file.

    Raises:
        ValueError: its seal is broken.
    """
    content = file.read_bytes()
    if holds(content) is False:
        raise ValueError("its content is not what was written")
    return content
