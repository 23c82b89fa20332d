"""Scores of heads as detectors publish them: JSON of Wu et al. (2024) and of QRHead, QRHead's YAML.

Wu et al. (github.com/nightdessert/Retrieval_Head, ``head_score/*.json``) keep
``{"layer-head": [score of each sample, ...]}``, of which they take the mean. QRHead
(github.com/princeton-pli/QRHead) writes ``[["layer-head", score], ...]`` when it detects, and keeps
the best heads in configurations, ``attn_head_set: "layer-head,layer-head,..."``.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from circuit_scaling.analysis.import_tables.layouts import layer_and_head
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.given_files import LARGEST
from circuit_scaling.yaml_files import refuse_faulty

_EVERY_HEAD = "full_heads"
_FEW = 3  # as many heads are in the order of their layers by chance
_log = logging.getLogger(__name__)


def is_of_detector(path: Path) -> bool:
    """Whether a file has a format in which detectors keep their scores."""
    return path.suffix.lower() in _READERS


def read_scores(path: Path) -> pd.DataFrame:
    """``head`` as text, with ``score``, or with ``rank`` and ``model``, as the file has them.

    Raises:
        CircuitScalingError: the file has none of the three forms, or does not rank its heads.
    """
    return _READERS[path.suffix.lower()](path)


def _read_json(path: Path) -> pd.DataFrame:
    try:
        given = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list)
    except (ValueError, OSError, RecursionError) as error:
        raise CircuitScalingError(f"'{path}' cannot be read as JSON: {error}") from error
    pairs = given if isinstance(given, list) else []
    if not pairs or any(not isinstance(one, list | tuple) or len(one) != 2 for one in pairs):
        raise CircuitScalingError(
            f"'{path}' holds no scores of heads. It must be {{\"0-3\": [0.1, 0.2], ...}} or "
            '[["0-3", 0.1], ...]; a head is "layer-head".'
        )
    rows = [{"head": str(head), "score": _mean(path, head, score)} for head, score in pairs]
    return pd.DataFrame(rows)


def _mean(path: Path, head: object, given: Any) -> float:
    """The mean over the samples of a head; missing where there is none."""
    scores = given if isinstance(given, list) else [given]
    for score in scores:
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if not number or abs(score) > LARGEST:
            raise CircuitScalingError(
                f"'{path}': the score of {head} is no number up to {LARGEST:,} ({score!s:.40})."
            )
    return math.fsum(scores) / len(scores) if scores else math.nan


def _read_yaml(path: Path) -> pd.DataFrame:
    refuse_faulty([path])
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    listed = given.get("attn_head_set") if isinstance(given, Mapping) else None
    if not isinstance(listed, str):
        raise CircuitScalingError(
            f"'{path}' has no attn_head_set, such as \"14-22,13-16\", as QRHead writes it."
        )
    if listed == _EVERY_HEAD:
        raise CircuitScalingError(
            f"'{path}': attn_head_set is {_EVERY_HEAD}, which ranks none. Give the detector's JSON."
        )
    heads = [head.strip() for head in listed.split(",")]
    layers = [found[0] for head in heads if (found := layer_and_head(head))]
    if len(layers) > _FEW and layers == sorted(layers):
        raise CircuitScalingError(
            f"'{path}': attn_head_set is in the order of layers, which is no rank. Give the "
            "detector's JSON, or a table with a column rank."
        )
    _log.info("'%s' lists %d heads, taken as the best first.", path, len(heads))
    ranked = pd.DataFrame({"head": heads, "rank": range(1, len(heads) + 1)})
    model = given.get("model_name_or_path")
    return ranked.assign(model=model) if isinstance(model, str) else ranked


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".json": _read_json,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}
