"""Pictures and numbers of the pages that are drawn and counted from the shipped prompts."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from docs.generate.architecture import architecture_svg
from docs.generate.prompt_figure import prompts_svg
from docs.generate.prompts import answer_is_first
from docs.generate.tokenizers import COUNTS, FILES, embedded_word, shipped_prompts, study_counts

_SVG = "{http://www.w3.org/2000/svg}"
_WIDE = 0.62  # of the size of letters: what a letter takes at most, on average


@pytest.mark.parametrize("drawn", [architecture_svg, prompts_svg], ids=lambda draw: draw.__name__)
def test_pictures_are_small_and_words_stay_inside(drawn) -> None:
    text = drawn()
    assert len(text) < 60_000
    picture = ElementTree.fromstring(text)
    *_, width, height = map(int, picture.attrib["viewBox"].split())
    words = picture.findall(f".//{_SVG}text")
    assert len(words) > 15
    for word in words:
        length = len(word.text or "") * float(word.attrib["font-size"]) * _WIDE
        shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[word.attrib["text-anchor"]]
        left = float(word.attrib["x"]) - shift * length
        assert 0 <= left <= left + length <= width, word.text
        assert 0 < float(word.attrib["y"]) < height


def test_words_of_the_architecture_stay_in_their_boxes() -> None:
    picture = ElementTree.fromstring(architecture_svg())
    boxes = [
        tuple(float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        for box in picture.findall(f"{_SVG}rect")
        if "x" in box.attrib and float(box.attrib["height"]) > 20
    ]
    inside = 0
    for word in picture.findall(f"{_SVG}text"):
        if word.attrib["text-anchor"] != "middle":
            continue
        x, y, size = (float(word.attrib[name]) for name in ("x", "y", "font-size"))
        half = len(word.text or "") * size * 0.56 / 2
        held = [b for b in boxes if b[0] < x < b[0] + b[2] and b[1] < y < b[1] + b[3]]
        assert held, word.text
        narrowest = min(held, key=lambda box: box[2])
        assert narrowest[0] <= x - half and x + half <= narrowest[0] + narrowest[2], word.text
        inside += 1
    assert inside > 30


@pytest.mark.parametrize("task", ["ioi", "anti_names", "anti_names_first"])
def test_which_name_is_first_is_read_off_the_text_too(task: str) -> None:
    rows = shipped_prompts()[0].query("task == @task")
    first = answer_is_first(rows)
    assert first is not None
    for row, is_first in zip(rows.to_dict("records"), first, strict=True):
        right, wrong = (embedded_word(row[side][0]) for side in ("answer", "distractor"))
        words = [word.strip(".,") for word in row["text"].split()]
        assert (words.index(right) < words.index(wrong)) == is_first


@pytest.mark.skipif(not FILES.is_dir(), reason="the study's tokenizers are not beside the project")
def test_counts_of_the_study_s_tokenizers_are_current() -> None:
    assert json.loads(COUNTS.read_text(encoding="utf-8")) == study_counts()
