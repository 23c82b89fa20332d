"""The pipeline ``retrieval_compare``."""

from circuit_scaling.pipelines.retrieval_compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
