"""The layouts that tables of heads come in: each becomes a row per head, counted from 0."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circuit_scaling import given_files
from circuit_scaling.analysis.import_tables.settings import GivenFile
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.given_files import Columns
from circuit_scaling.models.names import family_in
from circuit_scaling.models.roster import Rosters

DELTAS = ("delta_ioi", "delta_anti")
_HEAD = re.compile(
    r"[(\[]?\s*(?:layer|l|a)?[\s_]*(\d{1,9})"
    r"(?:[\s_.,:/-]+(?:head|h)?|head|h)[\s_]*(\d{1,9})\s*[)\]]?",
    re.ASCII | re.IGNORECASE,
)
_SMALLEST_GRID = 2  # of layers, and of heads: less may be a list of heads
_log = logging.getLogger(__name__)


def layer_and_head(text: object) -> tuple[int, int] | None:
    """Layer and head of a name such as ``L0H3``, ``0-3``, ``0.3``, ``a0.h3`` or ``(0, 3)``.

    None where it is no such name.
    """
    found = _HEAD.fullmatch(str(text).strip())
    return (int(found[1]), int(found[2])) if found else None


def heads_name_layers(frame: pd.DataFrame, columns: Columns) -> bool:
    """Whether the column of heads, as the file has it, names layers as well: its first cell does.

    A column of numbers does not: in the number 0.1, head 10 of layer 0 cannot be told from head 1.
    """
    cells = frame.get(columns.in_file("head"))
    if not isinstance(cells, pd.Series) or cells.dtype.kind in "iufb":
        return False
    return not cells.empty and layer_and_head(cells.iloc[0]) is not None


def with_said(path: Path, frame: pd.DataFrame, given: GivenFile, columns: Columns) -> pd.DataFrame:
    """With what is said of the whole file as columns.

    Raises:
        CircuitScalingError: the file has such a column, or is no table of such columns.
    """
    for name, value in given.said.items():
        if name in frame or name not in columns.known:
            why = (
                f"it has a column {columns.in_file(name)}"
                if name in frame
                else f"such a table has no {name}"
            )
            raise CircuitScalingError(
                f"'{path}': 'import' says that {name} is {value}, and {why}. Leave it out there."
            )
        frame[name] = value
    return frame


def with_indices(
    path: Path, frame: pd.DataFrame, given: GivenFile, columns: Columns
) -> pd.DataFrame:
    """With ``layer`` and ``head`` as whole numbers from 0.

    Where there is no column of layers, that of heads names both.

    Raises:
        CircuitScalingError: a cell holds something else; or of a model all layers and heads from 1
            on are there and none of number 0, and it is not said that they are counted from 1.
    """
    if "layer" not in frame:
        frame = _split(path, frame, columns)
    first = given.count_from or 0
    for name in ("layer", "head"):
        column = columns.of(frame, name)
        found = given_files.whole_numbers(path, column, given_files.LAST_INDEX + first, first)
        frame[name] = found - first
    if first == 0:
        _refuse_grids_from_1(path, frame)
    return frame


def why_outside(rows: pd.DataFrame) -> str:
    """The likely cause of heads that a model does not have, from all rows of the model."""
    if rows["layer"].min() > 0 and rows["head"].min() > 0:
        return "layers and heads are counted from 1, which import.count_from=1 says"
    return "rows of a larger model under this name, or layer and head exchanged"


def is_by_task(columns: Columns, frame: pd.DataFrame) -> bool:
    """Whether a table of effects, as the file has it, holds a row per head and task."""
    if {"task", "delta"} & set(columns.called):
        return True
    there = {name for name in ("task", "delta", *DELTAS) if columns.in_file(name) in frame}
    return {"task", "delta"} <= there and not there >= set(DELTAS)


def tasks_side_by_side(
    path: Path, frame: pd.DataFrame, called: Mapping[str, str], columns: Columns
) -> pd.DataFrame:
    """A row per head with both effects, from a row per head and task with one.

    What ``called`` says of ``delta_ioi`` and ``delta_anti`` is a task; else they are ``ioi`` and
    ``anti``. Of several rows for one task of a head the first ones of both tasks belong together,
    and so on; an effect without such a row is missing.

    Raises:
        CircuitScalingError: a task is not there.
    """
    tasks = {name: called.get(name, name.removeprefix("delta_")) for name in DELTAS}
    there = list(dict.fromkeys(frame["task"]))
    absent = {name: task for name, task in tasks.items() if task not in there}
    if absent:
        name, task = next(iter(absent.items()))
        raise CircuitScalingError(
            f"'{path}': no row of the column {columns.in_file('task')} is {task}; it has "
            f"{', '.join(there)}. Categories, scaling and transfer compare two tasks: say which is "
            f"meant with import.columns, such as {{{name}: {there[-1]}}}."
        )
    _log.info("'%s' has a row per task: %s.", path, tasks)
    if further := [task for task in there if task not in tasks.values()]:
        _log.info("Tasks of '%s' that are not used: %s.", path, ", ".join(further))
    rows = frame[frame["task"].isin(tasks.values())]
    keys = [name for name in frame if name not in ("task", "delta")]
    rows = rows.assign(row=rows.groupby([*keys, "task"], sort=False).cumcount())
    wide = rows.set_index([*keys, "row", "task"])["delta"].unstack("task")
    order = pd.MultiIndex.from_frame(rows[[*keys, "row"]].drop_duplicates())
    wide = wide.reindex(order).rename_axis(columns=None).reset_index().drop(columns="row")
    return wide.rename(columns={task: name for name, task in tasks.items()})


def with_families(where: str, frame: pd.DataFrame, rosters: Rosters) -> pd.DataFrame:
    """With a family for every row: the file's, else the roster's, else that which the model's name
    begins with; what was found is logged.

    Raises:
        CircuitScalingError: the family of a model is not to be found, or a model is in several.
    """
    told = frame["family"] if "family" in frame else pd.Series(None, frame.index, dtype=object)
    families = {entry.family for roster in rosters.root.values() for entry in roster.root.values()}
    found = {}
    for model in frame.loc[told.isna(), "model"].unique():
        entry = rosters.find(model)
        found[model] = entry.family if entry else family_in(model, families)
    unknown = [model for model, family in found.items() if family is None]
    if unknown:
        raise CircuitScalingError(
            f"'{where}' has no column family, and {', '.join(unknown)} is in no roster and begins "
            f"with the name of no family there ({', '.join(sorted(families)) or 'none'}). Add the "
            "column, or say family beside the file: import.joint_table: {file: PATH, family: NAME}."
        )
    if found:
        listed = ", ".join(f"{model} is of {family}" for model, family in found.items())
        _log.info("'%s' does not say families; by rosters and names: %s.", where, listed)
    frame["family"] = told.where(told.notna(), frame["model"].map(found))
    given_files.one_family_each(where, frame)
    return frame


def _split(path: Path, frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    cells = columns.of(frame, "head")
    found = [layer_and_head(cell) for cell in cells]
    wrong = pd.Series([pair is None for pair in found], index=frame.index)
    given_files.refuse(path, cells, wrong, "names no layer and head, such as L0H3,")
    layers, heads = zip(*(pair for pair in found if pair), strict=True)
    _log.info(
        "'%s': %s names layer and head, such as %s for layer %s and head %s.",
        *(path, cells.name, cells.iloc[0], layers[0], heads[0]),
    )
    return frame.assign(layer=layers, head=heads)


def _refuse_grids_from_1(path: Path, frame: pd.DataFrame) -> None:
    for model, rows in frame.groupby(frame.get("model", pd.Series("", frame.index)), sort=False):
        heads = rows[["layer", "head"]].drop_duplicates()
        last = heads.max()
        if (
            heads.min().eq(1).all()
            and last.ge(_SMALLEST_GRID).all()
            and len(heads) == last["layer"] * last["head"]
        ):
            raise CircuitScalingError(
                f"'{path}': {model or 'the model'} has every head of layers 1 to {last['layer']} "
                f"from 1 to {last['head']}, and none of number 0. If they are counted from 1, say "
                "import.count_from=1."
            )
