"""Progress is a line at times in a log, quiet under continuous integration."""

from __future__ import annotations

import logging

import pytest

from circuit_scaling.measuring.shared import progress
from circuit_scaling.measuring.shared.progress import scan_progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds; set ``clock[0]`` to change it."""
    time = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: time[0])
    return time


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_log_gets_heads_rate_and_time_left(clock, caplog, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    caplog.set_level(logging.INFO)
    with scan_progress("gpt2", total=100, what="heads") as advance:
        for second in (10, 20, 31, 40, 65):
            clock[0] = second
            advance("ioi", 10)
    assert _lines(caplog) == [
        "gpt2: ioi, 30 of 100 heads, 1.0/s, about 72 s left",
        "gpt2: ioi, 50 of 100 heads, 0.8/s, about 65 s left",
        "gpt2: 50 heads in 65.0 s, 0.8/s",
    ]


def test_under_continuous_integration_only_the_end_is_told(clock, caplog, monkeypatch):
    monkeypatch.setenv("CI", "true")
    caplog.set_level(logging.INFO)
    with scan_progress("gpt2", total=20, what="sets of heads") as advance:
        clock[0] = 100
        advance("ioi", 20)
    assert _lines(caplog) == ["gpt2: 20 sets of heads in 100.0 s, 0.2/s"]
