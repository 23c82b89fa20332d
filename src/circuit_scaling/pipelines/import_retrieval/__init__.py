"""The import_retrieval pipeline."""

from circuit_scaling.pipelines.import_retrieval.pipeline import create_pipeline

__all__ = ["create_pipeline"]
