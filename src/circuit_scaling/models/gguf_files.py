"""GGUF files: what one says of itself, and parsing it once where transformers would do so often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGUFReader

_ADDS_BOS = "tokenizer.ggml.add_bos_token"
_PLAIN = frozenset({"F64", "F32", "F16", "BF16"})


@dataclass(frozen=True)
class GgufFacts:
    """What stands in a GGUF file beside weights and vocabulary.

    Attributes:
        quantisation: the types of its tensors with their numbers, such as ``Q4_1 (210 tensors),
            F32 (61)``; empty where none is quantised.
        adds_bos: whether the model was trained with BOS before every text; None where the file does
            not say so.
    """

    quantisation: str
    adds_bos: bool | None


def gguf_facts(file: Path) -> GgufFacts:
    """Read them once for each version of a file."""
    return _facts(file, *_version(file))


@contextmanager
def read_once() -> Iterator[None]:
    """Let transformers parse a file's tables once, and without a bar of its own.

    It parses them for the configuration, for the tokenizer and for the weights; they hold every
    token of the vocabulary, which takes seconds each time. What was parsed is kept until
    :func:`forget`.
    """
    import gguf
    from transformers import modeling_gguf_pytorch_utils as theirs

    reader, names, bar = gguf.GGUFReader, gguf.get_tensor_name_map, theirs.tqdm
    gguf.GGUFReader = _reader  # type: ignore[misc,assignment]
    gguf.get_tensor_name_map = lru_cache(names)  # asked for once per module, always the same
    theirs.tqdm = partial(bar, disable=True)
    try:
        yield
    finally:
        gguf.GGUFReader = reader  # type: ignore[misc]
        gguf.get_tensor_name_map, theirs.tqdm = names, bar


def forget() -> None:
    """Give the memory of parsed tables back."""
    _parsed.cache_clear()


def _version(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _reader(file: str | Path) -> GGUFReader:
    return _parsed(Path(file), *_version(Path(file)))


@lru_cache(maxsize=1)
def _parsed(file: Path, _mtime: int, _size: int) -> GGUFReader:
    from gguf.gguf_reader import GGUFReader

    return GGUFReader(file)


@lru_cache(maxsize=16)
def _facts(file: Path, _mtime: int, _size: int) -> GgufFacts:
    reader = _reader(file)
    counted = Counter(tensor.tensor_type.name for tensor in reader.tensors)
    field = reader.get_field(_ADDS_BOS)
    return GgufFacts(
        quantisation=", ".join(f"{name} ({n} tensors)" for name, n in counted.most_common())
        if set(counted) - _PLAIN
        else "",
        adds_bos=None if field is None else bool(field.contents()),
    )
