"""The audit pipeline."""

from circuit_scaling.pipelines.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
