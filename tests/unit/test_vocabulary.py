"""Words that several rooms share are written once; what lists looks for them has all of them."""

from __future__ import annotations

import re
from pathlib import Path

import circuit_scaling
from circuit_scaling.figures import style
from circuit_scaling.figures.join.attribution import _ABLATIONS
from circuit_scaling.vocabulary import ABLATION_MODES, CATEGORIES, POSITIONS, STUDY_TASKS

SOURCES = Path(circuit_scaling.__file__).parent


def test_every_category_task_and_ablation_has_a_look() -> None:
    assert tuple(style.CATEGORIES) == CATEGORIES
    assert set(STUDY_TASKS) <= set(style.TASKS)
    assert tuple(_ABLATIONS) == ABLATION_MODES


def test_no_list_of_them_is_written_out_a_second_time() -> None:
    for words in (CATEGORIES, ABLATION_MODES, POSITIONS, STUDY_TASKS):
        listed = re.compile(r",\s*".join(f'"{word}"' for word in words) + r",?\s*[)\]}]")
        found = [path for path in SOURCES.rglob("*.py") if listed.search(path.read_text())]
        assert found == [SOURCES / "vocabulary.py"], words
