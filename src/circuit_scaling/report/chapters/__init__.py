"""The chapters of the page, by the pipeline that makes their tables."""
