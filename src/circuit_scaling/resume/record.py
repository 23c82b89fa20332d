"""How the last run of every node went: a small file for each, beside the data that it made."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kedro.pipeline import Node

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.errors import CircuitScalingError, reason_of

_FOLDER = ".last_runs"
# An environment variable, because nodes may run in processes of their own.
_DATA_ROOT = "CIRCUIT_SCALING_RECORDS_IN"
_RUN_ID = "%Y-%m-%dT%H.%M.%S.%fZ"


@dataclass(frozen=True)
class Stored:
    """How much a dataset holds; None where that is not known.

    Attributes:
        size: bytes of all of its files.
        rows, columns: of a table.
    """

    size: int | None = None
    rows: int | None = None
    columns: int | None = None


@dataclass(frozen=True)
class NodeRun:
    """How the last run of a node went.

    Attributes:
        node: its name.
        described: the node with all that it reads and writes, as Kedro writes it: where its inputs
            change it is another one.
        began: when the whole run began, as a time of ISO 8601.
        ended: when the node did.
        seconds: that its function took.
        datasets: what it read and stored.
        error, trace: why it failed, in one line and with its traceback; None where it did not.
    """

    node: str
    described: str
    began: str
    ended: str
    seconds: float
    datasets: Mapping[str, Stored] = field(default_factory=dict)
    error: str | None = None
    trace: str = ""

    @classmethod
    def of_data(cls, data: Any) -> NodeRun:
        """The run that plain data say; TypeError or AttributeError where they say none."""
        stored = {name: Stored(**told) for name, told in data["datasets"].items()}
        return cls(**data | {"datasets": stored})


def record_in(data_root: Path | None) -> None:
    """Keep how nodes went in this data root from now on; None: nowhere."""
    if data_root is None:
        os.environ.pop(_DATA_ROOT, None)
    else:
        os.environ[_DATA_ROOT] = str(data_root.absolute())


def recorded_in(data_root: Path) -> list[NodeRun]:
    """How all nodes went whose results lie there, in the order in which they ended."""
    return sorted(_read(data_root / _FOLDER), key=lambda run: run.ended)


def begun(node: Node) -> None:
    """How the node went before counts no longer: a run that is killed now has left nothing."""
    if file := _file(node):
        with suppress(OSError):
            file.unlink(missing_ok=True)


def is_open(node: Node) -> bool:
    """Whether the node has begun, and nothing is known of how it went."""
    file = _file(node)
    return file is not None and not file.exists()


def done(node: Node, run_id: str | None, seconds: float, datasets: Mapping[str, Stored]) -> None:
    """Keep that the node has run and that its results are stored."""
    _keep(node, run_id, seconds=seconds, datasets=datasets)


def failed(
    node: Node,
    run_id: str | None,
    error: BaseException,
    reason: str | None = None,
    seconds: float = 0.0,
) -> None:
    """Keep that the node failed, and why.

    Args:
        reason: in one line; by default, what the error says.
    """
    trace = "".join(traceback.format_exception(error))
    _keep(node, run_id, seconds=seconds, error=reason or reason_of(error), trace=trace)


def _keep(node: Node, run_id: str | None, **how: Any) -> None:
    file = _file(node)
    if file and file.parents[1].is_dir():  # a run that is refused leaves no data root behind
        now = datetime.now(tz=UTC).isoformat()
        run = NodeRun(node.name, str(node), _time_of(run_id) or now, now, **how)
        # A record that cannot be kept is no reason to fail where results could be stored.
        with suppress(CircuitScalingError):
            write_bytes_atomically(file, json.dumps(asdict(run), indent=1).encode())


def _file(node: Node) -> Path | None:
    data_root = os.environ.get(_DATA_ROOT)
    return Path(data_root, _FOLDER, f"{quote(node.name, safe='')}.json") if data_root else None


def _read(folder: Path) -> Iterator[NodeRun]:
    for file in folder.glob("*.json"):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            yield NodeRun.of_data(json.loads(file.read_bytes()))


def _time_of(run_id: str | None) -> str | None:
    """When a run began: Kedro names it after that."""
    with suppress(ValueError):
        return datetime.strptime(run_id or "", _RUN_ID).replace(tzinfo=UTC).isoformat()
    return None
