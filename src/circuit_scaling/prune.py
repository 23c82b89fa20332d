"""Old versions of tables that nothing stored was made from, and what killed runs left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from circuit_scaling.datasets.leftovers import empty_versions_in, parts_in, remove
from circuit_scaling.datasets.stamps import STAMP, STAMPS, Stamp
from circuit_scaling.datasets.table import attributes_of, is_whole
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.locks import held_in
from circuit_scaling.vocabulary import counted

# Data roots of other environments lie in that of the base: only layers are looked at.
_LAYERS = "[0-9][0-9]_*"
FolderOf = Callable[[str], Path | None]
"""The folder of versions of a dataset, by its name; None where it has no versions."""


@dataclass(frozen=True)
class Waste:
    """What can go.

    Attributes:
        versions: table -> the folders of its versions that can go; both are whole paths.
        leftovers: parts and empty folders of versions, which killed runs have left.
    """

    versions: dict[Path, list[Path]]
    leftovers: list[Path]

    @property
    def paths(self) -> list[Path]:
        """All of it."""
        return [*(path for paths in self.versions.values() for path in paths), *self.leftovers]

    def in_words(self, data_root: Path) -> Iterator[str]:
        """One line for each table, one for leftovers, and the sum, each with its bytes."""
        for table, paths in self.versions.items():
            yield f"{table.relative_to(data_root)}: {_measured(paths, 'version')}"
        if self.leftovers:
            yield f"of killed runs: {_measured(self.leftovers, 'leftover')}"
        yield f"in all: {_measured(self.paths, 'thing')}"


def waste_in(data_root: Path, folder_of: FolderOf, keep: int = 1) -> Waste:
    """What can go: all but the newest versions, and all that anything kept was made from.

    Of each table the newest ``keep`` versions stay, of those that are whole, and so does whatever
    is newer than these. What they, the page, figures, notes and exports say that they were made
    from stays too, and what that was made from.
    """
    layers = sorted(data_root.glob(_LAYERS))
    tables = {
        table: versions
        for layer in layers
        for table in sorted(layer.rglob("*.parquet"))
        if table.is_dir() and (versions := _versions_of(table))
    }
    kept = {version for versions in tables.values() for version in _newest(versions, keep)}
    said = [file for layer in layers for file in sorted(layer.rglob(f"{STAMPS}/*.json"))]
    waiting = [_stamp_in_table(version) for version in kept] + [_stamp_in(file) for file in said]
    while waiting:
        stamp = waiting.pop()
        for version in _made_from(stamp, folder_of) - kept:
            kept.add(version)
            waiting.append(_stamp_in_table(version))
    old = {
        table: gone
        for table, versions in tables.items()
        if (gone := [version for version in versions if version not in kept])
    }
    return Waste(old, [*_leftovers(layers)])


def remove_waste(data_root: Path, waste: Waste) -> None:
    """Remove what can go.

    Raises:
        CircuitScalingError: a run is at work there, which may read versions that are old now; or
            something cannot be removed.
    """
    if held := held_in(data_root):
        node, holder = next(iter(held.items()))
        raise CircuitScalingError(
            f"A run is at work in '{data_root}' ({node}: {holder}). Prune when it has ended."
        )
    for path in waste.paths:
        remove(path)
    if left := [path for path in waste.paths if path.exists()]:
        raise CircuitScalingError(
            f"Cannot remove '{left[0]}'"
            f"{f' and {len(left) - 1} more' if len(left) > 1 else ''}. Change the permissions; "
            "then prune again."
        )


def _versions_of(table: Path) -> list[Path]:
    """The folders of a table's versions, the newest first, as Kedro sorts them."""
    return [file.parent for file in sorted(table.glob(f"*/{table.name}"), reverse=True)]


def _newest(versions: list[Path], keep: int) -> list[Path]:
    """The first versions, up to as many whole ones as are to be kept; all, if there are fewer."""
    whole = 0
    for place, version in enumerate(versions):
        whole += is_whole(version / version.parent.name)
        if whole == keep:
            return versions[: place + 1]
    return versions


def _stamp_in_table(version: Path) -> Stamp | None:
    return Stamp.of_data(attributes_of(version / version.parent.name).get(STAMP))


def _stamp_in(file: Path) -> Stamp | None:
    try:
        return Stamp.of_data(json.loads(file.read_text()))
    except (OSError, ValueError):
        return None


def _made_from(stamp: Stamp | None, folder_of: FolderOf) -> set[Path]:
    """The versions that a stamp names."""
    inputs = {} if stamp is None else stamp.inputs
    folders = {name: folder_of(name) for name, (version, _) in inputs.items() if version}
    return {folder / str(inputs[name][0]) for name, folder in folders.items() if folder is not None}


def _leftovers(layers: list[Path]) -> Iterator[Path]:
    for layer in layers:
        for folder in sorted([layer, *(path for path in layer.rglob("*") if path.is_dir())]):
            yield from parts_in(folder)
            if folder.suffix == ".parquet":
                yield from empty_versions_in(folder)


def _measured(paths: list[Path], word: str) -> str:
    files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return f"{counted(len(paths), word)}, {size:,} bytes"
