"""The pipeline ``retrieval_detect``."""

from circuit_scaling.pipelines.retrieval_detect.pipeline import create_pipeline

__all__ = ["create_pipeline"]
