"""What a GGUF file says of itself: how its weights are stored, and whether texts begin with BOS."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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
    """Read them once for each version of a file; its large arrays take seconds."""
    status = file.stat()
    return _read(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _read(file: Path, _mtime: int, _size: int) -> GgufFacts:
    from gguf import GGUFReader

    reader = GGUFReader(file)
    counted = Counter(tensor.tensor_type.name for tensor in reader.tensors)
    field = reader.get_field(_ADDS_BOS)
    return GgufFacts(
        quantisation=", ".join(f"{name} ({n} tensors)" for name, n in counted.most_common())
        if set(counted) - _PLAIN
        else "",
        adds_bos=None if field is None else bool(field.contents()),
    )
