"""The scan pipeline."""

from circuit_scaling.pipelines.scan.pipeline import create_pipeline

__all__ = ["create_pipeline"]
