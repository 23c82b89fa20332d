"""Read rankings and masked accuracies from files; what is no such table is refused in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from circuit_scaling import given_files
from circuit_scaling.analysis.import_retrieval.score_files import is_of_detector, read_scores
from circuit_scaling.analysis.import_tables.layouts import (
    heads_name_layers,
    with_indices,
    with_said,
)
from circuit_scaling.analysis.import_tables.settings import GivenFile
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.retrieval import ABLATION_RESULTS, HEAD_RANKINGS
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import CONFIGURATION, EVERY_QUESTION, MASKED_SETS

UNNAMED = "unnamed"
"""The one method or model of a file that has no column for them."""
AXES = list(CONFIGURATION)
_MISSING_AXES = {
    "method": UNNAMED,
    "model": UNNAMED,
    "question": EVERY_QUESTION,
    "token_length": 0,
}
_LONGEST = 10**9
# What the project's own tables have besides. Of `answered` and of masked heads a file may hold
# texts, or truths and lists.
_RANKED_NUMBERS = (
    *("score_study", "rank_study", "n_samples", "n_asked"),
    *("accuracy", "accuracy_low", "accuracy_high", "floor", "n_layers", "n_heads"),
)
_MASKED_NUMBERS = (
    *("draw", "accuracy_study", "baseline_accuracy_study"),
    *("answer_logprob", "baseline_answer_logprob", "n_samples"),
)
RANKING_COLUMNS = given_files.Columns(
    texts=(*AXES[:3], "family", "answered", "head"),  # a head's column may name its layer as well
    numbers=(AXES[3], "layer", "score", "rank", *_RANKED_NUMBERS),
    needed=("layer", "head"),
)
ABLATION_COLUMNS = given_files.Columns(
    texts=(*AXES[:3], "set_type", "family", "ablation", "heads", "reason"),
    numbers=(AXES[3], "n_heads", "accuracy", "baseline_accuracy", "layers", *_MASKED_NUMBERS),
    needed=("n_heads", "set_type", "accuracy"),
)
# Other columns of the project's own tables keep their names: n_heads is another in each.
_NAMED_IN_RANKINGS = (*AXES, "family", "layer", "head", "score", "rank")
_NAMED_IN_ACCURACIES = (
    *(*AXES, "family"),
    *("n_heads", "set_type", "accuracy", "baseline_accuracy"),
)
_HEAD = re.compile(r"L(\d+)H(\d+)")
_BETWEEN_HEADS = re.compile(r"[\s,;\[\]'\"]*")
_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_log = logging.getLogger(__name__)


def read_rankings(given: GivenFile) -> pd.DataFrame:
    """The rankings of a table, or of a detector's file: ``head_rankings`` as far as it is told.

    All of the axes, layer, head, ``score`` (NaN where it is not told), ``rank`` and ``family``
    (empty where it is not told); of the further columns of the project's own table those that the
    file has. ``rank`` is a float and may be anything: checks look at it. Where there is no such
    column, it is made of the scores: from 1 for the highest, of equal ones the lower layer and
    then the lower head first, heads without a score last.

    Raises:
        CircuitScalingError: the file cannot be taken (:func:`given_files.read_file`); a layer, head
            or length is no whole number, a score or rank no number; there is neither score nor
            rank; or a model is in two families.
    """
    path = given_files.existing_file(given.file)
    if is_of_detector(path):
        columns = RANKING_COLUMNS
        frame = read_scores(path).drop(columns=list(given.said), errors="ignore")
    else:
        columns = _as_called(RANKING_COLUMNS, given, _NAMED_IN_RANKINGS)
        frame = _ranked_rows(path, columns)
    frame = _with_axes(path, with_said(path, frame, given, columns), columns)
    frame = with_indices(path, frame, given, columns)
    if "score" not in frame and "rank" not in frame:
        raise CircuitScalingError(
            f"'{path}' has neither a column score nor a column rank. It must have one of them."
        )
    if "score" in frame:
        frame["score"] = given_files.numbers(path, columns.of(frame, "score"))
        infinite = np.isinf(frame["score"])
        given_files.refuse(path, columns.of(frame, "score"), infinite, "is infinite")
    else:
        frame["score"] = np.nan
    if "rank" in frame:
        frame["rank"] = given_files.numbers(path, columns.of(frame, "rank"))
        missing = ~np.isfinite(frame["rank"])
        given_files.refuse(path, columns.of(frame, "rank"), missing, "is missing")
    else:
        missing = frame["score"].isna().groupby(_keys(frame)).transform("all")
        what = "is missing, and there is no column rank,"
        given_files.refuse(path, columns.of(frame, "score"), missing, what)
        frame["rank"] = _ranks(frame)
    further = (*_RANKED_NUMBERS, "answered")
    return _families(path, _further(path, frame, HEAD_RANKINGS, further))


def read_ablations(given: GivenFile) -> pd.DataFrame:
    """The masked accuracies of a file: the columns of ``ablation_results`` as far as they are told.

    All of the axes, ``n_heads``, ``set_type``, ``accuracy``, ``baseline_accuracy`` (both NaN where
    they are not told) and ``family``; of the further columns of the project's own table those that
    the file has, with the masked heads as lists of ``layers`` and ``heads``. A row with 0 heads is
    one of the baseline. Of a baseline row ``method`` and ``n_heads`` may be empty.

    Raises:
        CircuitScalingError: the file cannot be taken (:func:`given_files.read_file`); a length or a
            number of heads is no whole number, an accuracy no number, a kind of set unknown; there
            is neither a column of baselines nor a row with one; or a model is in two families.
    """
    path = given_files.existing_file(given.file)
    columns = _as_called(ABLATION_COLUMNS, given, _NAMED_IN_ACCURACIES)
    frame = with_said(path, given_files.read_file(path, columns), given, columns)
    kinds = columns.of(frame, "set_type").astype(str).str.strip()
    unknown = ~kinds.isin(MASKED_SETS)
    given_files.refuse(path, kinds, unknown, f"is none of {', '.join(MASKED_SETS)}")
    counts = given_files.numbers(path, columns.of(frame, "n_heads"))
    no_count = counts.isna() & (kinds == "baseline")
    frame["n_heads"] = given_files.whole_numbers(path, counts.mask(no_count, 0), _LONGEST)
    frame["set_type"] = kinds.mask(frame["n_heads"] == 0, "baseline")
    baseline = frame["set_type"] == "baseline"
    frame = _with_axes(path, frame, columns, may_be_nameless=baseline)
    if "baseline_accuracy" not in frame:
        if not baseline.any():
            raise CircuitScalingError(
                f"'{path}' has neither a column baseline_accuracy nor a row with the set_type "
                "baseline. Without the accuracy with all heads there is nothing to compare with."
            )
        frame["baseline_accuracy"] = np.nan
    for name in ("accuracy", "baseline_accuracy"):
        frame[name] = given_files.numbers(path, columns.of(frame, name))
    frame = _with_heads(path, frame, given.count_from or 0)
    further = ("ablation", "reason", *_MASKED_NUMBERS)
    return _families(path, _further(path, frame, ABLATION_RESULTS, further))


def _as_called(
    columns: given_files.Columns, given: GivenFile, names: Sequence[str]
) -> given_files.Columns:
    """The columns, of which ``names`` may have others in the file; those must be there."""
    called = {name: theirs for name, theirs in given.called.items() if name in names}
    needed = tuple(dict.fromkeys((*columns.needed, *called)))
    return replace(columns, called=called, needed=needed)


def _ranked_rows(path: Path, columns: given_files.Columns) -> pd.DataFrame:
    """The rows of a table of rankings, in which the column of heads may name layers as well."""
    frame = given_files.parsed(path, columns)
    if "layer" not in columns.called and heads_name_layers(frame, columns):
        columns = replace(columns, needed=tuple(n for n in columns.needed if n != "layer"))
    return given_files.taken(path, frame, columns)


def _with_axes(
    path: Path,
    frame: pd.DataFrame,
    columns: given_files.Columns,
    may_be_nameless: pd.Series | None = None,
) -> pd.DataFrame:
    """All axes; one that the file does not have is one value, and logged.

    Args:
        may_be_nameless: rows whose method may be empty, as that of a baseline, which has none.
    """
    for name, value in _MISSING_AXES.items():
        if name not in frame:
            frame[name] = pd.Series([value] * len(frame), index=frame.index)
            _log.info("'%s' has no column %s: all is %r.", path, name, value)
        elif name == "token_length":
            frame[name] = given_files.whole_numbers(path, columns.of(frame, name), _LONGEST)
        elif name == "method" and may_be_nameless is not None:
            told = frame[name].notna() & (frame[name].astype(str).str.strip() != "")
            checked = told | ~may_be_nameless
            names = _named(path, columns.of(frame, name).where(checked, UNNAMED))
            frame[name] = names.where(checked, "")
        else:
            frame[name] = _named(path, columns.of(frame, name))
    return frame


def _named(path: Path, column: pd.Series) -> pd.Series:
    """A column of names that can be keys of findings, which a bar joins."""
    names = given_files.named(path, column)
    barred = names.str.contains("|", regex=False)
    given_files.refuse(path, names, barred, "holds a bar (|), as stands between names in findings,")
    return names


def _keys(frame: pd.DataFrame) -> pd.Series:
    """A number for each ranking."""
    return frame.groupby(AXES, sort=False).ngroup()


def _ranks(frame: pd.DataFrame) -> pd.Series:
    order = frame.sort_values(
        ["score", "layer", "head"], ascending=[False, True, True], na_position="last", kind="stable"
    )
    return (order.groupby(AXES).cumcount() + 1).reindex(frame.index).astype(float)


def _with_heads(path: Path, frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """``layers`` and ``heads`` as lists, from texts such as ``L3H5 L4H1`` or from both lists.

    Args:
        first: the number of the first layer and head in the file.
    """
    given = frame.pop("heads") if "heads" in frame else pd.Series("", index=frame.index)
    layers = frame.pop("layers") if "layers" in frame else pd.Series(None, index=frame.index)
    found = [_from_0(_pairs(*cells), first) for cells in zip(layers, given, strict=True)]
    if None in found:
        what = f"row {found.index(None) + 1} is no list such as L3H5 L4H1"
        _left_out(path, "heads", what)
        found = [([], [])] * len(found)
    for place, name in enumerate(("layers", "heads")):
        frame[name] = pd.Series(
            [list(pair[place]) for pair in found if pair is not None],
            index=frame.index,
            dtype=object,
        )
    return frame


def _from_0(
    pair: tuple[list[int], list[int]] | None, first: int
) -> tuple[list[int], list[int]] | None:
    """Layers and heads that the file counts from ``first`` on; None where one is before it."""
    if pair is None or any(at < first for side in pair for at in side):
        return None
    layers, heads = ([at - first for at in side] for side in pair)
    return layers, heads


def _pairs(layers: object, heads: object) -> tuple[list[int], list[int]] | None:
    """Layers and heads of one set; None where the cells are no such thing."""
    if isinstance(heads, list | tuple | np.ndarray) and isinstance(layers, type(heads)):
        pair = [int(at) for at in layers], [int(at) for at in heads]
        return pair if len(pair[0]) == len(pair[1]) else None
    text = heads if isinstance(heads, str) else "" if heads in (None, pd.NA) else repr(heads)
    if not _BETWEEN_HEADS.fullmatch(_HEAD.sub("", text)):
        return None
    found = [(int(layer), int(head)) for layer, head in _HEAD.findall(text)]
    if any(max(place) > given_files.LAST_INDEX for place in found):
        return None
    return [layer for layer, _ in found], [head for _, head in found]


def _further(path: Path, frame: pd.DataFrame, table: Table, names: tuple[str, ...]) -> pd.DataFrame:
    """Columns that the project's own table has; one that holds something else is left out."""
    for name in names:
        if name not in frame:
            continue
        found = _of_kind(frame[name], str(table.columns[name].dtype))
        if found is not None and table.takes(found.rename(name)):
            frame[name] = found
        else:
            _left_out(path, name, "it does not hold what the project's column of this name does")
            frame = frame.drop(columns=name)
    return frame


def _of_kind(cells: pd.Series, kind: str) -> pd.Series | None:
    """Cells of a file as a column of that type; None where some would be lost."""
    if kind.startswith("str"):
        return cells.astype(object).where(cells.notna(), "").astype(str)
    if kind == "boolean":
        words = cells.astype(object).where(cells.notna(), "").astype(str).str.strip().str.lower()
        known = words.isin([*_TRUTHS, ""]).all()
        return words.map(_TRUTHS).astype("boolean") if known else None
    found = given_files.as_numbers(cells)
    if (found.isna() & cells.notna()).any() or (found.abs() > given_files.LARGEST).any():
        return None
    whole = kind == "int64" and (found % 1 == 0).all()
    return found.astype(int) if whole else found


def _families(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """With a family for each row, empty where it is not told."""
    told = frame["family"] if "family" in frame else pd.Series("", index=frame.index)
    frame["family"] = told.fillna("").astype(str).str.strip()
    given_files.one_family_each(path, frame)
    return frame


def _left_out(path: Path, name: str, why: str) -> None:
    _log.warning("Column %s of '%s' is left out: %s.", name, path, why)
