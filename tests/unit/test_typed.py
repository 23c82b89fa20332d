"""Numbers that are none, and seeds that nothing can start from, are refused where they are read."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.settings import ReaderSettings, ZooSettings
from circuit_scaling.prompts.spec import PromptSettings, TaskSpec
from circuit_scaling.typed import Block

DRAWS = {"n_boot": 200, "seed": 0}
BLOCKS: list[tuple[type[Block], dict[str, Any]]] = [
    (PromptSettings, {"n_prompts": 40, "data_seeds": 5, "seed": 0}),
    (TaskSpec, {"build": "names", "reference": "x", "n_prompts": 40, "length": 9}),
    (
        ScanSettings,
        {
            "primary": {"ablation": "zero", "positions": "all"},
            "ablations": [],
            "positions": [],
            "draws": 1,
            "chunk": 64,
            "max_memory": 2**30,
            "seed": 0,
        },
    ),
    (ClassifySettings, {"tau": 0.05, "taus": [0.01, 0.05], "top_k": 3, **DRAWS}),
    (
        ScalingSettings,
        {"n_permutations": 9, "n_splits": 9, "depth_bins": 4, **DRAWS},
    ),
    (TransferSettings, {"k": 20, "pairs": "all", "n_null": 99, **DRAWS}),
    (
        CausalSettings,
        {
            "corruption": {"ioi": "subject", "anti_names": "names"},
            "max_prompts": 40,
            "max_receivers": 4,
            "min_share": 0.1,
            "n_permutations": 99,
            "seed": 0,
        },
    ),
    (AblationSettings, {"tasks": ["ioi"], "n_random": 20, "ks": [1, 3], "seed": 0}),
    (
        ZooSettings,
        {
            "steps": 2,
            "batch_size": 8,
            "learning_rate": 0.005,
            "rows": {"ioi": 0.5},
            "log_every": 1,
            "test_prompts": 40,
            "shapes": {"mini": {"architecture": "gpt2", "d_head": 8, "steps": 2}},
            "seed": 0,
        },
    ),
    (
        ReaderSettings,
        {
            "batch_size": 8,
            "n_repeated": 3,
            "n_text": 2,
            "matrix_rate": 0.02,
            "other_rate": 0.003,
            "decay": 0.5,
            "n_filings": 40,
            "log_every": 1,
            "lengths": [96],
            "test_filings": 4,
            "seed": 0,
            "models": {
                "mini": {
                    "shape": {"architecture": "llama", "d_head": 8, "d_model": 16},
                    "forms": ["cue"],
                    "stages": [{"rows": "asked", "steps": 2, "haystack": 9}],
                }
            },
        },
    ),
    (
        RosterEntry,
        {"family": "x", "hub": "x", "params_m": 1.0, "n_layers": 2, "n_heads": 2, "d_model": 8},
    ),
]


def numbers(given: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the numbers of nested dictionaries and lists are."""
    if isinstance(given, (int, float)):
        return [path]
    inside = given.items() if isinstance(given, dict) else enumerate(given)
    inner = [(key, value) for key, value in inside if not isinstance(value, str)]
    return [found for key, value in inner for found in numbers(value, (*path, key))]


def with_value(given: dict[str, Any], path: tuple[Any, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(given)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


CASES = [(block, given, path) for block, given in BLOCKS for path in numbers(given)]


@pytest.mark.parametrize(
    ("block", "given", "path"), CASES, ids=[f"{b.__name__}-{p}" for b, _, p in CASES]
)
@pytest.mark.parametrize("wrong", [-1, float("inf"), float("nan"), "inf", "nan"], ids=repr)
def test_no_number_may_be_negative_or_not_finite(block, given, path, wrong) -> None:
    assert block.model_validate(given)
    with pytest.raises(ValidationError) as caught:
        block.model_validate(with_value(given, path, wrong))
    assert path[0] in str(caught.value)


@pytest.mark.parametrize("steps", [0, 1])
def test_training_has_steps_after_its_warm_up(steps: int) -> None:
    block, given = next(pair for pair in BLOCKS if pair[0] is ZooSettings)
    with pytest.raises(ValidationError, match="steps"):
        block.model_validate(given | {"steps": steps})


def test_a_seed_fits_every_generator() -> None:
    largest = 2**32 - 1
    assert PromptSettings(seed=largest).seed == largest
    with pytest.raises(ValidationError, match="seed"):
        PromptSettings(seed=largest + 1)
