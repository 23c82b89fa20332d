"""Versioned parquet tables, written atomically."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from kedro_datasets.pandas import ParquetDataset

from circuit_scaling.datasets.atomic import write_atomically


class TableDataset(ParquetDataset):
    """Kedro's parquet dataset for local files, with a write that is whole or not at all."""

    def save(self, data: pd.DataFrame) -> None:
        """Write ``data`` to a temporary file and rename it."""
        write_atomically(
            Path(self._get_save_path()),
            lambda part: data.to_parquet(part, **self._save_args),
        )
        self._invalidate_cache()
