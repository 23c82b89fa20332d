"""The scaling pipeline."""

from circuit_scaling.pipelines.scaling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
