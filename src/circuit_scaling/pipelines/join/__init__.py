"""The join pipeline."""

from circuit_scaling.pipelines.join.pipeline import create_pipeline

__all__ = ["create_pipeline"]
