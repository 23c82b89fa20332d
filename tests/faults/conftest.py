"""What the tests of disturbed runs share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def runs_can_be_interrupted() -> Iterator[None]:
    """A process inherits that SIGINT is ignored, as by pytest in the background, but no handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
