"""Finished layers of a scan, kept while it goes on: a scan that was stopped continues with them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import reason_of
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.device import computing_on
from circuit_scaling.interventions.operations.ablate_heads import LayerEffects
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.portions import Portion
from circuit_scaling.interventions.replay.readouts import Readout

_log = logging.getLogger(__name__)
_DIGEST = 64  # hex digits of a SHA-256
_NUMBERS = np.dtype("<f4")


class KeptLayers:
    """The layers of one scan of one model that are finished, each in a file of its own.

    A file begins with the checksum of what follows: a line that says what the numbers are, which
    must be what the scan asks for, and the numbers. One that is damaged, or was made otherwise, is
    as good as none. To keep is no reason to stop: where files cannot be written, the scan says so
    once and goes on.

    Attributes:
        heads: how many were taken from files, as progress counts them.
    """

    def __init__(self, folder: Path | None, made_with: dict[str, Any]) -> None:
        """Layers of a scan.

        Args:
            folder: where; None keeps nothing.
            made_with: what bits depend on in all of its files.
        """
        self.heads = 0.0
        self._folder = folder
        self._made_with = made_with

    @classmethod
    def of(cls, folder: Path | None, fingerprint: str, anatomy: Anatomy) -> KeptLayers:
        """The layers of the scan with a fingerprint, on the device that holds the model."""
        made_with = {
            "fingerprint": fingerprint,
            "on": computing_on(anatomy),
            "transformers": version("transformers"),
        }
        return cls(None if folder is None else folder / fingerprint, made_with)

    def chunk(self) -> int | None:
        """The chunk that the scan began with, in tokens; None where nothing is kept of it."""
        files = self._folder.glob("*.layer") if self._folder else ()
        facts = [found[0] for file in files if (found := _read(file))]
        shared = self._made_with.items()
        return max((f["chunk"] for f in facts if shared <= f.items()), default=None)

    def of_batch(
        self,
        task: str,
        batch: Batch,
        ablations: Sequence[Ablation],
        readouts: Sequence[Readout],
        heads: NDArray[np.bool_] | None = None,
    ) -> KeptBatch:
        """The layers of the scan of one batch.

        Args:
            heads: which are ablated, [layers, heads]; None, all.
        """
        asked = {
            **self._made_with,
            "task": task,
            "batch": _fingerprint(batch),
            "ablations": [asdict(ablation) for ablation in ablations],
            "readouts": [*readouts],
        }
        if heads is not None:
            asked["heads"] = np.packbits(heads).tobytes().hex()
        return KeptBatch(self, asked, tuple(ablations), tuple(readouts))

    def load(self, facts: dict[str, Any]) -> NDArray[np.float32] | None:
        """The numbers of the file that ``facts`` describe, if it is there and whole."""
        if self._folder is None or (found := _read(self._file(facts))) is None:
            return None
        told, values = found
        shape = told.pop("shape")
        return values.reshape(shape) if told == facts else None

    def store(self, facts: dict[str, Any], values: NDArray[np.float32]) -> None:
        """Write a file, whole or not at all."""
        if self._folder is None:
            return
        told = json.dumps({**facts, "shape": values.shape}).encode()
        content = b"\n%b\n%b" % (told, values.astype(_NUMBERS).tobytes())
        target = self._file(facts)
        written = target.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            written.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
            written.replace(target)
        except OSError as error:
            _log.warning(
                "Finished layers cannot be kept in '%s' (%s): if this scan is stopped, what it has "
                "not kept is scanned again.",
                *(self._folder, reason_of(error)),
            )
            self._folder = None

    def _file(self, facts: dict[str, Any]) -> Path:
        assert self._folder is not None
        return self._folder / f"{facts['task']}.{fingerprint_of(facts)}.layer"


@dataclass
class KeptBatch:
    """The finished layers of the scan of one batch."""

    _kept: KeptLayers
    _asked: dict[str, Any]
    _ablations: tuple[Ablation, ...]
    _readouts: tuple[Readout, ...]
    _arrived: list[LayerEffects] = field(default_factory=list)

    def load(self, portion: Portion, layer: int) -> Iterator[LayerEffects]:
        """A layer under each ablation; nothing where it is not kept."""
        values = self._kept.load(self._facts(portion, layer))
        if values is None:
            return
        for ablation, of_ablation in zip(self._ablations, values, strict=True):
            effects = dict(zip(self._readouts, of_ablation, strict=True))
            yield LayerEffects(layer, ablation, portion, effects)

    def store(self, found: LayerEffects) -> None:
        """Keep a layer as soon as it has arrived under all ablations, which come in order."""
        if found.ablation == self._ablations[0]:
            self._arrived.clear()
        self._arrived.append(found)
        if found.ablation == self._ablations[-1]:
            values = [[one.effects[name] for name in self._readouts] for one in self._arrived]
            self._kept.store(self._facts(found.portion, found.layer), np.array(values))

    def _facts(self, portion: Portion, layer: int) -> dict[str, Any]:
        return {
            **self._asked,
            "rows": [portion.rows.start, portion.rows.stop],
            "together": portion.together,
            "chunk": portion.tokens,
            "keeps_calls": portion.keeps_calls,
            "layer": layer,
        }


def _fingerprint(batch: Batch) -> str:
    """The hash of prompts, answers and reference set."""
    return fingerprint_of(
        {
            name: value if value is None else [np.asarray(row).tolist() for row in value]
            for name, value in vars(batch).items()
        }
    )


def _read(file: Path) -> tuple[dict[str, Any], NDArray[np.float32]] | None:
    """What a file says that its numbers are, and the numbers; None for one that is not whole."""
    try:
        read = file.read_bytes()
    except OSError:
        return None
    digest, content = read[:_DIGEST], read[_DIGEST:]
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    _, told, numbers = content.split(b"\n", 2)
    return json.loads(told), np.frombuffer(numbers, _NUMBERS)
