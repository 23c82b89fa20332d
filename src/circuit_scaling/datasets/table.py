"""Versioned parquet tables, written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from kedro_datasets._typing import TablePreview
from kedro_datasets.pandas import ParquetDataset

from circuit_scaling.datasets.atomic import refuse_file_in_the_way, write_atomically
from circuit_scaling.datasets.commit import with_commit
from circuit_scaling.datasets.content import CONTENT, content_of, content_of_rows
from circuit_scaling.datasets.stamps import STAMP, Stamp

_VALUES_SHOWN = 6


class TableDataset(ParquetDataset):
    """Kedro's parquet dataset for local files, with a write that is whole or not at all.

    A versioned table is a folder of versions. A file in its place is refused and named: Kedro
    would say that there is no table, and fail to write one.
    """

    def load(self) -> pd.DataFrame:
        """The table; its stamp stays behind, because what is made from it is another table."""
        self._refuse_file()
        table: pd.DataFrame = super().load()
        table.attrs = {n: value for n, value in table.attrs.items() if n not in (STAMP, CONTENT)}
        return table

    def save(self, data: pd.DataFrame) -> None:
        """Write ``data``, with the commit of the project, to a temporary file and rename it."""
        stored = with_commit(data)
        stored.attrs[CONTENT] = content_of(data)
        write_atomically(
            Path(self._get_save_path()),
            lambda part: stored.to_parquet(part, **self._save_args),
        )
        self._invalidate_cache()

    def attributes(self) -> dict[str, Any]:
        """What the table carries beside its rows (``attrs``), read without them.

        Nothing of a damaged file: that is told where its rows are read.
        """
        try:
            stored = pq.read_schema(self._get_load_path()).pandas_metadata or {}
        except (pa.ArrowInvalid, OSError):
            return {}
        return dict(stored.get("attributes") or {})

    def is_whole(self) -> bool:
        """Whether the whole file can be read, and its rows are those that were written."""
        try:
            rows = pq.read_table(self._get_load_path())
        except (pa.ArrowException, OSError):
            return False
        content = self.content()
        return content is None or content == content_of_rows(rows)

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

    def _refuse_file(self) -> None:
        if self._version:
            refuse_file_in_the_way(Path(self._filepath) / "any version")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for kedro-viz; lists are cut to a few values."""
        first = next(pq.ParquetFile(self._get_load_path()).iter_batches(batch_size=nrows), None)
        frame = pd.DataFrame() if first is None else first.to_pandas()
        for column in frame.select_dtypes(object):
            frame[column] = frame[column].map(_short)
        return TablePreview(json.loads(frame.to_json(orient="split")))


def _short(value: object) -> object:
    """A list as a few of its values."""
    if not isinstance(value, np.ndarray):
        return value
    shown = ", ".join(f"{number:.4g}" for number in value[:_VALUES_SHOWN])
    return f"[{shown}, …] ({len(value)})" if len(value) > _VALUES_SHOWN else f"[{shown}]"
