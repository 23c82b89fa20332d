"""The report says what its tables say, escapes what it is given, and fetches nothing."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re

import pandas as pd
import pytest

from circuit_scaling.report import ReportContext, reading_order, render_report
from circuit_scaling.report.blocks import MISSING, Missing
from circuit_scaling.report.chapters import scan
from circuit_scaling.report.heads import tables_of_cards
from circuit_scaling.report.interactive import phase_space_json
from circuit_scaling.report.reading_order import (
    CHAPTERS,
    PARTS,
    Part,
    all_sections,
    tables_of_the_page,
)
from tests.helpers import synthetic_tables as tables
from tests.helpers.report_page import Page
from tests.unit.report.conftest import TAU

SECTIONS = ("disagreement", "competence", "phase-space", "categories", "sensitivity")
SECTIONS += (
    "name-order",
    "heroes",
    "known",
    "scaling",
    "transfer",
    "causal",
    "ablation",
    "attribution",
    "bos",
    "detection",
    "masking",
    "comparison",
)
IMPORTED = ("import_findings", "import_retrieval_checks", "ablation_results")
SECTIONS += ("audit", "methods", "models", "training", "provenance")


class TestOnePage:
    def test_nothing_is_fetched(self, page: Page) -> None:
        assert not any(tag in {"link", "iframe", "object", "base"} for tag, _ in page.elements)
        assert all(address.startswith("data:") for address in page.attributes("src"))
        assert all(address.startswith("#") for address in page.attributes("href"))
        policy = next(a for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
        assert "default-src 'none'" in str(policy["content"])

    def test_style_sheets_fetch_nothing(self, html: str) -> None:
        styles = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
        assert styles
        assert not any("@import" in style for style in styles)
        addresses = [found for style in styles for found in re.findall(r"url\(['\"]?(.{5})", style)]
        assert set(addresses) <= {"data:"}

    def test_plotly_is_there_exactly_once_and_packed(self, page: Page) -> None:
        packed = [script for script in page.scripts if len(script) > 1_000_000]
        assert len(packed) == 1
        source = gzip.decompress(base64.b64decode(packed[0])).decode()
        assert "plotly.js" in source[:200]
        assert page.attributes("id").count("plotly-packed") == 1

    def test_without_heads_there_is_no_plotly(self, empty: Page) -> None:
        assert "plotly-packed" not in empty.attributes("id")

    def test_the_same_context_gives_the_same_text(self, context: ReportContext, html: str) -> None:
        assert render_report(context) == html

    def test_ids_are_unique_and_every_link_has_a_target(self, page: Page) -> None:
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        assert {address[1:] for address in page.attributes("href")} <= set(ids)

    def test_sections_stand_in_order_and_disagreement_leads(self, page: Page) -> None:
        chapters = [a["id"] for tag, a in page.elements if a.get("class") == "chapter"]
        assert tuple(chapters) == SECTIONS
        parts = [a["id"] for tag, a in page.elements if tag == "section"]
        assert parts == ["heads", *(part.anchor for part in PARTS)]

    def test_long_texts_are_cut_into_paragraphs_at_the_end_of_a_sentence(self, html: str) -> None:
        section = html[html.index('class="chapter" id="transfer"') :]
        paragraphs = re.findall(r"<p>(.*?)</p>", section[: section.index("<figure>")])
        assert len(paragraphs) > 1
        assert all(text.endswith(".") and len(text) < 1200 for text in paragraphs)

    def test_facts_are_printed_as_far_as_they_are_known(self, page: Page) -> None:
        assert "version 1.2.3 · commit abcdef0" in page.text[""]
        assert "made on" not in page.text[""]

    def test_several_commits_are_all_listed_with_their_tables(self, context: ReportContext) -> None:
        commits = {"abcdef0": ["competence"], "1234567+changes": ["hero_heads", "run_log"]}
        text = Page(render_report(dataclasses.replace(context, commits=commits))).text
        assert "commits abcdef0, 1234567+changes" in text[""]
        assert "1234567+changeshero_heads, run_log" in text["provenance"]


class TestMissingParts:
    @pytest.mark.parametrize(
        ("section", "pipelines"),
        [
            ("disagreement", "scan,join"),
            ("competence", "scan,join"),
            ("phase-space", "classify"),
            ("categories", "classify"),
            ("sensitivity", "classify"),
            ("heroes", "classify"),
            ("known", "classify"),
            ("transfer", "transfer"),
            ("scaling", "scaling"),
            ("ablation", "ablation"),
            ("attribution", "scan,join"),
            ("training", "zoo"),
            ("provenance", "classify"),
            ("provenance", "scan,join"),
        ],
    )
    def test_a_missing_part_names_its_command(
        self, empty: Page, section: str, pipelines: str
    ) -> None:
        assert f"not run: kedro run --pipelines {pipelines}" in empty.text[section]

    def test_with_the_tables_that_it_asks_for_a_chapter_misses_nothing(
        self, context: ReportContext
    ) -> None:
        bare = ReportContext(makers=tables.MAKERS)
        asking = [
            (section.anchor, block.tables)
            for section in all_sections(bare)
            for block in section.blocks
            if isinstance(block, Missing)
        ]
        assert asking
        for anchor, names in asking:
            given = bare.with_tables(**{name: context.tables[name] for name in names})
            (section,) = (s for s in all_sections(given) if s.anchor == anchor)
            left = [block.tables for block in section.blocks if isinstance(block, Missing)]
            assert names not in left

    def test_a_chapter_of_tables_that_no_pipeline_makes_is_left_out(
        self, context: ReportContext
    ) -> None:
        makers = {t: names for t, names in context.makers.items() if not t.startswith("zoo_")}
        sections = all_sections(dataclasses.replace(context, makers=makers))
        assert {s.anchor for s in all_sections(context)} - {s.anchor for s in sections} == {
            "training"
        }

    def test_the_command_has_the_environment_of_the_run(self) -> None:
        text = Page(
            render_report(ReportContext(makers=tables.MAKERS, run="kedro run --env external"))
        ).text
        assert "not run: kedro run --env external --pipelines transfer" in text["transfer"]

    @pytest.mark.parametrize(
        ("chapter", "part"),
        [
            ("scaling", "corr_vs_scale"),
            ("causal", "causal_summary"),
            ("ablation", "ablation_summary"),
        ],
    )
    def test_tables_of_other_heads_are_said_to_be_left_out(
        self, context: ReportContext, empty: Page, chapter: str, part: str
    ) -> None:
        left_out = "was made from other heads than those of this page"
        assert left_out not in "".join(empty.text.values())
        without: ReportContext = dataclasses.replace(context, outdated={chapter}).with_tables(
            **{part: None}
        )
        text = Page(render_report(without)).text
        assert left_out in text[chapter]
        assert f"not run: kedro run --pipelines {chapter}" in text[chapter]
        assert left_out not in text["transfer"]

    def test_a_full_context_misses_nothing(self, page: Page) -> None:
        assert "not run" not in "".join(page.text.values())

    @pytest.mark.parametrize(
        "name",
        [name for name in tables_of_the_page() if name not in IMPORTED],
    )
    def test_any_table_may_be_empty(
        self, context: ReportContext, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        about = tuple(c for c in CHAPTERS if name in (*c.tables, *c.also))
        assert about or name in tables_of_cards()
        monkeypatch.setattr(reading_order, "PARTS", (Part("part", "Part", about),))
        bare = dataclasses.replace(context, figures={}).with_tables(
            **{name: context.tables[name].head(0)}
        )
        Page(render_report(bare))

    def test_figures_are_shown_only_if_passed(self, context: ReportContext, page: Page) -> None:
        assert len(page.attributes("src")) == 1
        bare = dataclasses.replace(context, figures={})
        assert not Page(render_report(bare)).attributes("src")


class TestEscaping:
    NAME = "<script>alert(1)</script> & \"co\" 'x'"

    @pytest.fixture(scope="class")
    def hostile(self, context: ReportContext) -> str:
        renamed = {
            name: table.replace({"model": {"mini_gpt2_s": self.NAME}})
            for name, table in context.tables.items()
        }
        roster = context.roster
        assert roster is not None
        roster = roster.replace({"model": {"mini_gpt2_s": self.NAME}})
        commits = {"<i>": ["<i>"], "<b>": []}
        return render_report(
            dataclasses.replace(context, roster=roster, commits=commits).with_tables(**renamed)
        )

    def test_names_are_text_and_never_markup(self, hostile: str) -> None:
        assert "<script>alert" not in hostile
        assert "<i>" not in hostile
        page = Page(hostile)
        assert all(self.NAME in page.text[section] for section in ("models", "heroes"))

    def test_names_are_text_in_the_plot_too(self, hostile: str) -> None:
        spec = next(json.loads(s) for s in Page(hostile).scripts if s.startswith('{"config"'))
        hover = [text for trace in spec["data"] for text in trace.get("text", [])]
        assert any("&lt;script&gt;alert(1)" in text for text in hover)
        assert not any("<script>" in text for text in hover)


class TestInteractive:
    @pytest.fixture(scope="class")
    def spec(self, context: ReportContext) -> dict:
        return json.loads(phase_space_json(context.tables["classified_heads"], TAU))

    def test_every_head_is_a_point_with_its_numbers(
        self, spec: dict, context: ReportContext
    ) -> None:
        heads = context.tables["classified_heads"]
        assert heads is not None
        hover = [text for trace in spec["data"] for text in trace.get("text", [])]
        assert len(hover) == len(heads)
        row = heads.iloc[0]
        (text,) = [t for t in hover if t.startswith(f"<b>{row['model']} L0H0</b>")]
        minus = f"{row['delta_ioi']:.3f} ± {row['se_ioi']:.3f}".replace("-", "−")
        assert minus in text
        assert f"stability {row['category_stability']:.2f}" in text

    def test_positions_keep_the_order_of_the_effects(
        self, spec: dict, context: ReportContext
    ) -> None:
        assert context.tables["classified_heads"] is not None
        drawn = sorted(x for trace in spec["data"] for x in trace["x"] if x is not None)
        inside = (context.tables["classified_heads"]["delta_ioi"].abs() <= TAU).sum()
        edge = dict(
            zip(*(spec["layout"]["xaxis"][k] for k in ("ticktext", "tickvals")), strict=True)
        )
        assert sum(abs(x) <= edge["0.05"] for x in drawn) == inside

    def test_the_menu_shows_one_model_and_keeps_the_legend(self, spec: dict) -> None:
        buttons = spec["layout"]["updatemenus"][0]["buttons"]
        assert [button["label"] for button in buttons] == [
            *("all models", "mini_gpt2_s", "mini_gpt2_l", "mini_pythia_l", "control_ioi")
        ]
        shown = buttons[1]["args"][0]["visible"]
        assert all(shown[:4])
        texts = [
            t
            for trace, on in zip(spec["data"], shown, strict=True)
            if on
            for t in trace.get("text", [])
        ]
        assert len(texts) == 48
        assert all("mini_gpt2_s" in text for text in texts)

    def test_models_that_are_not_competent_are_open(self, spec: dict) -> None:
        for trace in spec["data"]:
            for text in trace.get("text", []):
                is_open = trace["marker"]["symbol"].endswith("-open")
                assert is_open == ("control_ioi" in text) == ("not competent" in text)


class TestWhatModelsWereMeasuredWith:
    """The chapter of the models: BOS, and the commit of a model from a hub."""

    def rows(self, heads: pd.DataFrame | None) -> dict[str, str]:
        section = scan.CHAPTER.section(
            ReportContext(roster=tables.roster(tables.MODELS)).with_tables(classified_heads=heads)
        )
        (table,) = section.blocks
        (place,) = [i for i, name in enumerate(table.head) if name == "BOS"]
        return {row[0].text: row[place].text for row in table.rows}

    def test_whether_prompts_begin_with_bos(self) -> None:
        found = self.rows(tables.classified_heads(tables.MODELS))
        assert found == {m.slug: "yes" if m.slug == "mini_opt" else "no" for m in tables.MODELS}

    def test_what_was_not_measured_is_not_known(self) -> None:
        heads = tables.classified_heads(tables.MODELS[1:])
        assert self.rows(heads)[tables.MODELS[0].slug] == MISSING
        assert set(self.rows(None).values()) == {MISSING}

    def test_the_commit_of_a_hub_model_stands_below_its_source(self) -> None:
        heads = tables.classified_heads(tables.MODELS)
        heads.loc[heads["model"] == "mini_opt", "revision"] = "0123456789abcdef" * 2
        section = scan.CHAPTER.section(
            ReportContext(roster=tables.roster(tables.MODELS)).with_tables(classified_heads=heads)
        )
        notes = {row[0].text: row[5].note for row in section.blocks[0].rows}
        assert notes["mini_opt"] == "commit 0123456789ab"
        assert not any("commit" in note for model, note in notes.items() if model != "mini_opt")
