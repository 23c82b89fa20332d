"""The causal pipeline."""

from circuit_scaling.pipelines.causal.pipeline import create_pipeline

__all__ = ["create_pipeline"]
