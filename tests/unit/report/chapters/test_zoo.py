"""The chapter and the page of the embedded models say what their tables say."""

from __future__ import annotations

from benchmarks.zoo_page import write_page
from circuit_scaling.report.blocks import Table
from circuit_scaling.report.chapters import zoo
from circuit_scaling.report.context import ReportContext
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables

MODELS = tables.MODELS[:1]
TRAINED = {"zoo_curves": tables.zoo_curves(MODELS), "zoo_accuracy": tables.zoo_accuracy(MODELS)}


def test_the_chapter_names_the_question_least_often_right() -> None:
    context = ReportContext().with_tables(**TRAINED)
    told = zoo.CHAPTER.section(context.with_tables(zoo_answers=retrieval.zoo_answers()))
    assert "hq_state of mini_reader at 256 tokens, form cue: 91.0 %" in " ".join(told.sentences)
    asked = [block for block in told.blocks if isinstance(block, Table)][-1]
    assert len(asked.rows) == len(retrieval.zoo_answers())
    without = zoo.CHAPTER.section(context)
    assert "documents" not in " ".join(without.sentences)
    assert len(without.blocks) == len(told.blocks) - 1


def test_the_page_has_a_row_per_question_and_a_column_per_length(tmp_path) -> None:
    TRAINED["zoo_accuracy"].to_parquet(tmp_path / "training_accuracy.parquet")
    retrieval.zoo_answers().to_parquet(tmp_path / "training_answers.parquet")
    write_page(tmp_path, tmp_path / "zoo.md")
    text = (tmp_path / "zoo.md").read_text(encoding="utf-8")
    assert "| model | form | question | 96 tokens | 256 tokens |" in text
    assert "| mini_reader | cue | hq_state | 99.0% [95%, 100%] | 91.0% [84%, 95%] |" in text
