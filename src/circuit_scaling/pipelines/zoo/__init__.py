"""The zoo pipeline."""

from circuit_scaling.pipelines.zoo.pipeline import create_pipeline

__all__ = ["create_pipeline"]
