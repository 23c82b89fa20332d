"""The pipeline ``ablation``."""

from circuit_scaling.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
