"""The report pipeline."""

from circuit_scaling.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
