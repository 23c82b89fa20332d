"""What the pages are made from is read in the process of the tests, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kedro.framework.project import pipelines

from circuit_scaling import pipeline_registry
from circuit_scaling.configuration import ProjectConfigLoader


@pytest.fixture(autouse=True, scope="module")
def _own_configuration() -> Iterator[None]:
    """Pipelines are built from ``conf/base`` here, and afterwards from what they were before."""
    before = ProjectConfigLoader._present
    yield
    ProjectConfigLoader._present = before
    pipelines.configure(pipeline_registry.__name__)
