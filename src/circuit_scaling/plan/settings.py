"""The settings that say how much work there is, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.prompts.spec import PromptSettings, Tasks

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Settings:
    """Of every stage that works on models; those of stages that are not asked for are not read."""

    parameters: Mapping[str, Any]

    @property
    def tasks(self) -> Tasks:
        """What is asked of models."""
        return self._block("tasks", Tasks)

    @property
    def prompts(self) -> PromptSettings:
        """How often."""
        return self._block("prompts", PromptSettings)

    @property
    def scan(self) -> ScanSettings:
        """How heads are ablated."""
        return self._block("scan", ScanSettings)

    @property
    def heroes(self) -> int:
        """Hero heads per category."""
        return self._block("classify", ClassifySettings).top_k

    @property
    def causal(self) -> CausalSettings:
        """What is traced."""
        return self._block("causal", CausalSettings)

    @property
    def ablation(self) -> AblationSettings:
        """Which sets are compared."""
        return self._block("ablation", AblationSettings)

    @property
    def retrieval(self) -> RetrievalSettings:
        """What is asked about documents."""
        return self._block("retrieval", RetrievalSettings)

    @property
    def masking(self) -> MaskingSettings:
        """Which sets are masked."""
        return self._block("masking", MaskingSettings)

    def _block(self, name: str, kind: type[_Kind]) -> _Kind:
        return TypeAdapter(kind).validate_python(self.parameters[name])
