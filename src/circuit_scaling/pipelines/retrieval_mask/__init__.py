"""The pipeline ``retrieval_mask``."""

from circuit_scaling.pipelines.retrieval_mask.pipeline import create_pipeline

__all__ = ["create_pipeline"]
