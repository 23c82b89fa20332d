"""The report: one self-contained HTML page made from tables and figures."""

from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.page import render_report

__all__ = ["ReportContext", "render_report"]
