"""The classify pipeline."""

from circuit_scaling.pipelines.classify.pipeline import create_pipeline

__all__ = ["create_pipeline"]
