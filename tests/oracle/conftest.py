"""Tiny models with their hook-loop results, computed once per session and shared by all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from circuit_scaling.interventions.replay.pairs import Pairs
from circuit_scaling.interventions.replay.replacements import donor_indices
from tests.helpers.engine_scan import anatomy_of_copy, batch_of
from tests.helpers.hook_oracle import HookOracle
from tests.helpers.patching_oracle import PatchingOracle
from tests.helpers.tiny_models import tiny_model, tiny_pairs, tiny_prompts, tiny_tokenizer

DRAWS = 2
SEED = 5


class Study:
    """One tiny model, a batch of prompts, the engine's view of it and the oracle's results."""

    def __init__(self, architecture: str, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = tiny_model(architecture)
        self.prompts = tiny_prompts(self.model)
        self.tokenizer = tokenizer
        self.effects = cache(self._effects)

    @cached_property
    def anatomy(self) -> Any:
        """The engine's view of a copy of the model."""
        return anatomy_of_copy(self.model)

    @cached_property
    def oracle(self) -> HookOracle:
        """The hook loop over another copy of the model."""
        return HookOracle(self.model, self.tokenizer)

    @cached_property
    def pairs(self) -> Pairs:
        """The prompts beside corrupt versions of them."""
        return tiny_pairs(self.prompts)

    @cached_property
    def patching(self) -> PatchingOracle:
        """The oracle of everything that is not the ablation of one head."""
        return PatchingOracle(self.model, self.tokenizer)

    def _effects(self, mode: str, positions: str) -> dict[str, NDArray[np.float64]]:
        donors = donor_indices(batch_of(self.prompts), DRAWS, SEED) if mode == "resample" else None
        return self.oracle.effects(self.prompts, mode, positions, donors)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    return tiny_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def study(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], Study]:
    """`study(architecture)`: the shared study of that architecture."""
    return cache(lambda architecture: Study(architecture, tokenizer))
