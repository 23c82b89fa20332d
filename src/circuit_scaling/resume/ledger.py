"""What every stored output was made from, and what it would be made from now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol, DatasetError, MemoryDataset
from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel

from circuit_scaling.configuration import PARAMETER
from circuit_scaling.datasets.stamps import Stamp, StampedFiles
from circuit_scaling.datasets.table import TableDataset
from circuit_scaling.fingerprint import fingerprint_of, fingerprint_of_files
from circuit_scaling.interventions.version import ENGINE_VERSION
from circuit_scaling.makers import WHOLE
from circuit_scaling.marks import MEASURES, PARTS_MAY_BE_MISSING, Mark, mark_of
from circuit_scaling.prompts.spec import Tasks
from circuit_scaling.resume.code import code_of_analysis
from circuit_scaling.tables.made_with import of_attributes
from circuit_scaling.typed import Block

_GIVEN = ("zoo",)  # ships what it makes: to everything else that is given


class Absent(MemoryDataset):
    """Stands in for a part that may be missing and is."""

    def __init__(self) -> None:
        super().__init__(None)


def is_parameter(name: str) -> bool:
    """Whether a node's input is a parameter."""
    return name.startswith(PARAMETER) or name == "parameters"


class Ledger:
    """Reads stamps from the files of a catalogue, and works out the keys of nodes.

    What was read is remembered: :meth:`forget` what has been written since.
    """

    def __init__(self, catalog: CatalogProtocol[Any, Any]) -> None:
        self._catalog = catalog
        self._makers = _makers(tuple(pipelines.items()))
        self._contents: dict[str, str | None] = {}
        self._marks: dict[tuple[str, str], str] = {}
        self._loaded: dict[tuple[str, str | None], Any] = {}

    def forget(self, names: Iterable[str]) -> None:
        """Read these datasets, and what is handed on from them, anew when next asked for."""
        written = set(names)
        self._contents = {
            name: content
            for name, content in self._contents.items()
            if name not in written and self.is_stored(name)
        }
        for name in written:
            if isinstance(dataset := self._dataset(name), TableDataset):
                dataset.release()  # it remembers which version was the newest

    def is_stored(self, name: str) -> bool:
        """Whether the dataset is a file, and not handed from node to node in memory."""
        return isinstance(self._dataset(name), TableDataset | StampedFiles)

    def maker(self, name: str) -> Node | None:
        """The node that made the stored dataset, as its stamp says, or else the first that would.

        None for what is given.
        """
        makers = self._makers.get(name, [])
        stamp = self.stamp(name) if len(makers) > 1 else None
        of_stamp = [node for node in makers if stamp is not None and node.name == stamp.node]
        return next(iter(of_stamp or makers), None)

    def stamp(self, name: str) -> Stamp | None:
        """What the stored dataset was made from; None where it does not say or is not there."""
        dataset = self._dataset(name)
        if self.is_stored(name) and dataset.exists():
            stamp: Stamp | None = dataset.stamp()
            return stamp
        return None

    def exists(self, name: str) -> bool:
        """Whether the stored dataset is there, and can be read."""
        dataset = self._dataset(name)
        return dataset is not None and bool(dataset.exists())

    def is_whole(self, name: str) -> bool:
        """Whether all of the stored dataset can be read; of files that are only shown, unasked."""
        dataset = self._dataset(name)
        return not isinstance(dataset, TableDataset) or dataset.is_whole()

    def made_with(self, name: str) -> dict[str, Any]:
        """The parameters that a stored table says it was made with, by dotted names."""
        dataset = self._dataset(name)
        return of_attributes(dataset.attributes()) if isinstance(dataset, TableDataset) else {}

    def version(self, name: str) -> str | None:
        """The version of a stored table that is read."""
        dataset = self._dataset(name)
        if not isinstance(dataset, TableDataset) or not dataset.exists():
            return None
        version: str | None = dataset.resolve_load_version()
        return version

    def content(self, name: str) -> str | None:
        """The hash of what a dataset holds; None where it is not there.

        What is handed on in memory has the key of its maker, and so have figures, exports and
        pages, which are read by nothing that computes, and logs of what work took.
        """
        if name not in self._contents:
            self._contents[name] = self._content(name)
        return self._contents[name]

    def parameters(self, node: Node) -> dict[str, Any]:
        """The parameters of a node as plain data, as far as results depend on them."""
        return {name: plain(self._value(name)) for name in node.inputs if is_parameter(name)}

    def contents(self, node: Node) -> list[tuple[str, str | None]]:
        """The datasets that a node reads, in its order, with the hashes of what they hold."""
        return [(name, self.content(name)) for name in node.inputs if not is_parameter(name)]

    def key(self, node: Node, values: Mapping[str, Any] | None = None) -> str | None:
        """The hash of everything that the results of a node depend on.

        Args:
            values: what it reads, by dataset, where that is loaded already.

        Returns:
            The key; None where something that it reads is not there.

        Raises:
            CircuitScalingError: it cannot be told, because a checkpoint is not there.
        """
        contents = self.contents(node)
        some_missing = any(content is None for _, content in contents)
        if some_missing and PARTS_MAY_BE_MISSING not in node.tags:
            return None
        parameters = self.parameters(node)
        mark = mark_of(node.func)
        told: dict[str, Any] = {"parameters": parameters, "inputs": contents}
        if mark is not None:
            told = {"mark": self._mark(node, mark, told, values)}
        return fingerprint_of({"node": node.name, **told})

    def stamp_now(self, node: Node, values: Mapping[str, Any] | None = None) -> Stamp:
        """The stamp of what the node makes now; for ``values`` see :meth:`key`."""
        inputs = {name: (self.version(name), content) for name, content in self.contents(node)}
        return Stamp(node.name, self.key(node, values) or "", code_of(node), inputs)

    def _mark(
        self, node: Node, mark: Mark, told: dict[str, Any], values: Mapping[str, Any] | None
    ) -> str:
        """What the mark of a node says, worked out once for the same inputs."""
        known = (node.name, fingerprint_of(told))
        if known not in self._marks:
            given = values or {name: self._value(name) for name in node.inputs}
            read = node._inputs  # as the node itself is called: by name, or by place
            if isinstance(read, Mapping):
                found = mark(**{argument: given[name] for argument, name in read.items()})
            else:
                found = mark(*(given[name] for name in node.inputs))
            self._marks[known] = found
        return self._marks[known]

    def _content(self, name: str) -> str | None:
        dataset = self._dataset(name)
        if isinstance(dataset, Absent):
            return None
        if dataset is None or isinstance(dataset, MemoryDataset) or _is_shared(dataset):
            maker = self.maker(name)
            key = None if maker is None else self.key(maker)
            return None if key is None else fingerprint_of({"name": name, "key": key})
        if not dataset.exists():
            return None
        if isinstance(dataset, StampedFiles) or _is_log(name):
            stamp = dataset.stamp()
            return None if stamp is None else stamp.key
        content = dataset.content() if isinstance(dataset, TableDataset) else None
        return content or _content_of_file(dataset)

    def _value(self, name: str) -> Any:
        """What a dataset holds, loaded once for each version."""
        of_version = (name, self.version(name))
        if of_version not in self._loaded:
            dataset = self._dataset(name)
            self._loaded[of_version] = None if dataset is None else dataset.load()
        return self._loaded[of_version]

    def _dataset(self, name: str) -> Any:
        return self._catalog.get(name) if name in self._catalog else None


def code_of(node: Node) -> str:
    """The version of the code behind a node: the engine's for a measurement."""
    return ENGINE_VERSION if MEASURES in node.tags else code_of_analysis()


def plain(value: Any) -> Any:
    """A parameter as plain data, as far as results depend on it."""
    if isinstance(value, Block | Tasks):
        return value.for_results()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def _is_log(name: str) -> bool:
    """Whether a table says what work took, which is another time each time and no result."""
    return name.partition("__")[0].endswith("_log")


def _content_of_file(dataset: Any) -> str | None:
    """The hash of the file of a given dataset."""
    try:
        return fingerprint_of_files([Path(str(dataset._get_load_path()))])
    except (OSError, DatasetError):
        return None


def _is_shared(dataset: Any) -> bool:
    return type(dataset).__name__ == "SharedMemoryDataset"


@lru_cache(maxsize=4)
def _makers(registered: tuple[tuple[str, Pipeline], ...]) -> dict[str, list[Node]]:
    """Dataset -> the nodes that may make it, of all registered pipelines."""
    found: dict[str, list[Node]] = {}
    for name, pipeline in registered:
        if name not in (*WHOLE, *_GIVEN):
            for node in pipeline.nodes:
                for output in node.outputs:
                    found.setdefault(output, []).append(node)
    return found
