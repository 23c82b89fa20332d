"""The transfer pipeline."""

from circuit_scaling.pipelines.transfer.pipeline import create_pipeline

__all__ = ["create_pipeline"]
