"""Names of any kind come through Markdown as they are."""

from __future__ import annotations

import dataclasses

import pytest

from circuit_scaling.report import ReportContext
from circuit_scaling.report.notes import render_notes
from circuit_scaling.report.notes.markdown import bullets, labelled, nested, plain, table


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("mini_gpt2_s", "mini_gpt2_s"),
        ("_private_", r"\_private\_"),
        ("a|b", r"a\|b"),
        ("*bold*", r"\*bold\*"),
        ("<script>", r"\<script>"),
        ("p < 0.05", "p < 0.05"),
        ("0.50 [0.40, 0.60] (x)", "0.50 [0.40, 0.60] (x)"),
        ("[a](b)", r"[a]\(b)"),
        ("two\nlines", "two lines"),
    ],
)
def test_names(name: str, escaped: str) -> None:
    assert plain(name) == escaped
    assert plain(plain(name)) == escaped


def test_a_bar_ends_no_cell() -> None:
    lines = table(["a", "b"], [("x|y", plain("x|y"))]).split("\n")
    assert lines == ["| a | b |", "| --- | --- |", r"| x\|y | x\|y |"]


def test_lists() -> None:
    assert bullets([nested("a", ["b", "c"]), "d"]) == "- a\n  - b\n  - c\n- d"
    assert labelled("Then:", ["a"]) == "Then:\n\n- a\n"
    assert labelled("Then:", []) == ""


def test_a_model_of_any_name_breaks_no_table(full: ReportContext) -> None:
    name = "my|model_*x*"
    renamed = {key: frame.replace({"mini_gpt2_s": name}) for key, frame in full.tables.items()}
    context = dataclasses.replace(full, roster=None).with_tables(**renamed)
    for text in render_notes(context).values():
        for block in text.split("\n\n"):
            lines = [line for line in block.split("\n") if line.startswith("|")]
            assert len({line.replace(r"\|", "").count("|") for line in lines}) <= 1
        assert "*x*" not in text
