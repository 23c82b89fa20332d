"""The import_tables pipeline."""

from circuit_scaling.pipelines.import_tables.pipeline import create_pipeline

__all__ = ["create_pipeline"]
