"""The hash of what a table holds: the same for a table and for its rows as they are read back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

CONTENT = "content"
"""Name of the hash among a table's ``attrs``."""
_LENGTH = 16


def content_of(table: pd.DataFrame) -> str:
    """Sixteen hex digits over a table's columns and rows, whatever it carries beside them."""
    return content_of_rows(pa.Table.from_pandas(table, preserve_index=False))


def content_of_rows(rows: pa.Table) -> str:
    """The same of rows as they are read from a file."""
    digest = hashlib.sha256()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        digest.update(f"{name}: {_kind(column.type)} [{len(column)}]\n".encode())
        whole = pa.concat_arrays(column.chunks) if column.chunks else pa.array([], column.type)
        for part in _parts(whole):
            digest.update(_bytes_of(part))
    return digest.hexdigest()[:_LENGTH]


def _kind(kind: pa.DataType) -> str:
    """The name of a type; of lists without the name of their elements, which files change."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_kind(kind.value_type)}"
    return str(kind)


def _parts(values: pa.Array) -> Iterator[pa.Array]:
    """A column as arrays without anything missing, in which no byte is left to chance."""
    kind = values.type
    if pa.types.is_null(kind):
        return
    if pa.types.is_dictionary(kind):
        yield from _parts(values.cast(kind.value_type))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield pc.fill_null(pc.list_value_length(values), -1)
        yield from _parts(pc.list_flatten(values))
    else:
        if values.null_count:
            # What lies in the place of a missing value is not written, and so not read back.
            yield pc.cast(pc.is_null(values), pa.uint8())
            values = pc.fill_null(values, _nothing(kind))
        yield pc.cast(values, pa.uint8()) if pa.types.is_boolean(kind) else values


def _nothing(kind: pa.DataType) -> pa.Scalar:
    empty = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return pa.scalar("" if empty else 0, pa.int64() if not empty else kind).cast(kind)


def _bytes_of(values: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([values], names=[""])
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())
