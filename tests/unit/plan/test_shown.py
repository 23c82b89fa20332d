"""Numbers of a plan in words."""

from __future__ import annotations

import pytest

from circuit_scaling.plan.shown import size_in_words, time_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.4, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (9000, "2.5 h"),
        (3e5, "3.5 d"),
        (1e8, "1,157 d"),
    ],
)
def test_times(seconds: float, words: str) -> None:
    assert time_in_words(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(2e5, "0 MB"), (3e6, "3 MB"), (1.21e9, "1.2 GB"), (3.5e11, "350 GB")]
)
def test_sizes(size: float, words: str) -> None:
    assert size_in_words(size) == words
