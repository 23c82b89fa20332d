"""Sentences about prompts that are needed: of what is resolved, and not of how it was measured."""

from __future__ import annotations

import pytest

from circuit_scaling.report.chapters.classify.categories import _power_sentences
from tests.helpers.synthetic_tables.classify import prompts_needed


@pytest.mark.parametrize(("resolved", "told"), [(0.4, True), (0.81, False)])
def test_few_are_resolved_where_few_are(resolved: float, told: bool) -> None:
    """Heads that were settled may need more prompts than all heads have in common."""
    needed = prompts_needed().assign(n_prompts=64, prompts_50=100.0, frac_resolved=resolved)
    said = " ".join(_power_sentences(needed))
    assert ("fewer than half" in said) is told
