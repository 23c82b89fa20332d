"""The report says what its tables say, escapes what it is given, and fetches nothing."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from circuit_scaling import figures
from circuit_scaling.analysis.causal.verdicts import causal_summary
from circuit_scaling.report import ReportContext, reading_order, render_report
from circuit_scaling.report.blocks import MISSING, Missing
from circuit_scaling.report.chapters import scan
from circuit_scaling.report.interactive import phase_space_json
from circuit_scaling.report.reading_order import CHAPTERS, all_sections, tables_of_the_page
from circuit_scaling.tables.causal import HERO_PAIRS, HERO_SIMILARITY
from circuit_scaling.tables.made_with import set_made_with
from circuit_scaling.tables.retrieval import KNOWN_RETRIEVAL_HEADS
from tests.helpers import synthetic_comparison as comparison
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables
from tests.helpers.audited import published_audit
from tests.helpers.causal_tables import classified_heads as planted_heads
from tests.helpers.causal_tables import head_traces, head_writes, hero_heads

MODELS = tuple(tables.MODELS[index] for index in (2, 0, 5, 8))
TAU = tables.TAU
SECTIONS = ("disagreement", "models", "competence", "phase-space", "categories", "sensitivity")
SECTIONS += (
    "name-order",
    "heroes",
    "known",
    "scaling",
    "transfer",
    "causal",
    "ablation",
    "retrieval",
    "masking",
    "comparison",
    "audit",
    "attribution",
)
SECTIONS += ("bos", "training", "provenance")
VOID = {"meta", "link", "img", "br", "hr", "input", "base", "source"}


class Page(HTMLParser):
    """The page taken apart: elements, text by section, and what it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {"": ""}
        self.scripts: list[str] = []
        self._open: list[str] = []
        self._section = ""
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._section = dict(attrs)["id"] or ""
            self.text[self._section] = ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "section":
            self._section = ""

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text[self._section] += data.replace("\u00a0", " ")

    def attributes(self, name: str) -> list[str]:
        return [
            value or "" for _, attrs in self.elements for key, value in attrs.items() if key == name
        ]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ReportContext:
    heads = tables.classified_heads(MODELS)
    summary = tables.head_category_summary(heads)
    compared = tables.transfer(MODELS)
    drawn = tables.stored(figures.category_counts(summary), tmp_path_factory.mktemp("figures"))
    traced = causal_summary(
        *(make() for make in (hero_heads, planted_heads, head_traces, head_writes)), 0.1
    )
    return ReportContext(
        roster=tables.roster(MODELS),
        figures={"category_counts": drawn},
        makers=tables.MAKERS,
        tau=TAU,
        project_version="1.2.3",
        commits={"abcdef0": ["competence", "run_log"]},
    ).with_tables(
        competence=tables.competence(MODELS),
        classified_heads=heads,
        head_category_summary=summary,
        category_sensitivity=tables.category_sensitivity(heads),
        prompts_needed=tables.prompts_needed(MODELS),
        name_order=tables.name_order(heads),
        bos_effects=tables.bos_effects(heads),
        hero_heads=tables.hero_heads(heads),
        known_heads=tables.known_heads(heads),
        transfer_summary=compared["transfer_summary"],
        head_matching=compared["head_matching"],
        head_divergence=compared["head_divergence"],
        corr_vs_scale=tables.corr_vs_scale(MODELS),
        scale_trend=tables.scale_trend(),
        layer_profile=tables.layer_profile(heads),
        control_models=tables.control_models(MODELS),
        ablation_summary=tables.ablation_summary(MODELS),
        causal_summary=traced,
        hero_pairs=HERO_PAIRS.empty(),
        hero_similarity=HERO_SIMILARITY.empty(),
        ablation_agreement=tables.ablation_agreement(MODELS),
        attribution_agreement=tables.attribution_agreement(MODELS),
        zoo_curves=tables.zoo_curves(MODELS),
        zoo_accuracy=tables.zoo_accuracy(MODELS),
        zoo_answers=retrieval.zoo_answers(),
        run_log=tables.run_log(MODELS),
        causal_log=tables.run_log(MODELS[:1]).assign(stage="causal", counted="patched runs"),
        ablation_log=tables.run_log(MODELS[:1]).assign(stage="ablation", counted="sets of heads"),
        head_rankings=retrieval.head_rankings(),
        known_retrieval_heads=KNOWN_RETRIEVAL_HEADS.empty(),
        question_counts=retrieval.question_counts(),
        masking_summary=retrieval.masking_summary(),
        **comparison.tables(comparison.Compared(lengths=(96,), shape=(2, 8), ks=(2,))),
        published_audit=published_audit(),
        detect_log=retrieval.log("retrieval_detect"),
        mask_log=retrieval.log("retrieval_mask"),
    )


@pytest.fixture(scope="module")
def html(context: ReportContext) -> str:
    return render_report(context)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def empty() -> Page:
    return Page(render_report(ReportContext(makers=tables.MAKERS)))


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
        assert not any("url(" in style or "@import" in style for style in styles)

    def test_plotly_is_there_exactly_once(self, page: Page) -> None:
        assert sum(len(script) > 1_000_000 for script in page.scripts) == 1
        assert (
            sum("Plotly.newPlot(" in script and len(script) < 1_000_000 for script in page.scripts)
            == 1
        )

    def test_without_heads_there_is_no_plotly(self, empty: Page) -> None:
        assert max(map(len, empty.scripts)) < 1000

    def test_the_same_context_gives_the_same_text(self, context: ReportContext, html: str) -> None:
        assert render_report(context) == html

    def test_ids_are_unique_and_every_link_has_a_target(self, page: Page) -> None:
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        assert {address[1:] for address in page.attributes("href")} <= set(ids)

    def test_sections_stand_in_order_and_disagreement_leads(self, page: Page) -> None:
        assert tuple(a["id"] for tag, a in page.elements if tag == "section") == SECTIONS

    def test_long_texts_are_cut_into_paragraphs_at_the_end_of_a_sentence(self, html: str) -> None:
        section = html[html.index('<section id="transfer"') :]
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
        [name for name in tables_of_the_page() if name != "import_findings"],
    )
    def test_any_table_may_be_empty(
        self, context: ReportContext, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        about = tuple(c for c in CHAPTERS if name in (*c.tables, *c.also))
        assert about
        monkeypatch.setattr(reading_order, "CHAPTERS", about)
        bare = dataclasses.replace(context, figures={}).with_tables(
            **{name: context.tables[name].head(0)}
        )
        Page(render_report(bare))

    def test_figures_are_shown_only_if_passed(self, context: ReportContext, page: Page) -> None:
        assert len(page.attributes("src")) == 1
        bare = dataclasses.replace(context, figures={})
        assert not Page(render_report(bare)).attributes("src")


class TestNumbers:
    def test_summary_counts_the_heads(self, context: ReportContext, page: Page) -> None:
        assert context.tables["classified_heads"] is not None
        count = len(context.tables["classified_heads"])
        assert f"Each of {count} attention heads of 4 models was removed" in page.text[""]

    def test_lead_names_the_pair_that_agrees_least(
        self, context: ReportContext, page: Page
    ) -> None:
        frame = context.tables["ablation_agreement"]
        assert frame is not None
        same = frame[frame["positions_a"] == frame["positions_b"]]
        worst = same.loc[same["spearman"].idxmin()]
        text = page.text["disagreement"]
        assert f"in {worst['model']}: {worst['ablation_a']} ({worst['positions_a']}" in text
        assert f"a Spearman correlation of {worst['spearman']:.2f}." in text

    def test_disagreement_flags_tasks_that_the_model_cannot_do(
        self, context: ReportContext
    ) -> None:
        frame = context.tables["ablation_agreement"]
        assert frame is not None
        forced = frame.copy()
        chosen = (frame["model"] == "control_ioi") & (frame["task"] == "anti_names")
        forced.loc[chosen, "spearman"] = 0.01
        text = Page(render_report(context.with_tables(ablation_agreement=forced))).text
        assert "control_ioinot competent" in text["disagreement"]

    def test_competence_is_printed_and_failures_are_flagged(
        self, context: ReportContext, page: Page
    ) -> None:
        assert context.tables["competence"] is not None
        row = context.tables["competence"].iloc[0]
        text = page.text["competence"]
        assert f"{row['clean_metric']:.2f}" in text
        assert f"[{row['low']:.2f}, {row['high']:.2f}]" in text
        assert "Not competent: control_ioi (anti-repetition, names)" in text
        assert text.count("not competent") == 2  # names and lists of the control

    def test_categories_are_counted(self, context: ReportContext, page: Page) -> None:
        assert context.tables["head_category_summary"] is not None
        total = context.tables["head_category_summary"]["n_heads_total"].sum()
        weak = context.tables["head_category_summary"]["n_weak"].sum()
        assert f"{100 * weak / total:.1f} % weak" in page.text["categories"]

    def test_weak_heads_are_listed_but_marked(self, context: ReportContext, page: Page) -> None:
        assert context.tables["hero_heads"] is not None
        weak = int((context.tables["hero_heads"]["category"] == "weak").sum())
        assert page.text["heroes"].count("not a hero") == weak
        assert sum(a.get("class") == "quiet" for tag, a in page.elements if tag == "tr") == weak

    def test_heroes_stand_in_category_and_rank_order(self, page: Page) -> None:
        block = page.text["heroes"].split("mini_gpt2_s")[-1].split("mini_gpt2_l")[0]
        found = re.findall(r"IOI only|anti-repetition only|shared|weak", block)
        assert found == sorted(
            found, key=["IOI only", "anti-repetition only", "shared", "weak"].index
        )

    def test_the_strongest_head_belongs_to_a_competent_model(
        self, context: ReportContext, page: Page
    ) -> None:
        heads = context.tables["classified_heads"]
        assert heads is not None
        top = (
            heads[heads["competent_ioi"] & heads["competent_anti_names"]]
            .nlargest(1, "strength")
            .iloc[0]
        )
        assert f"is L{top['layer']}H{top['head']} of {top['model']}" in page.text["phase-space"]

    def test_scaling_leads_with_the_corrected_correlations(
        self, context: ReportContext, page: Page
    ) -> None:
        frame = context.tables["corr_vs_scale"]
        assert frame is not None
        text = page.text["scaling"].replace("−", "-")
        able = frame[frame["competent_ioi"] & frame["competent_anti_names"]]
        for row in (able.nsmallest(1, "corr_true"), able.nlargest(1, "corr_true")):
            values = row[["corr_true", "corr_true_low", "corr_true_high"]].iloc[0]
            r, low, high = values
            assert f"{r:.2f} [{low:.2f}, {high:.2f}] in {row['model'].iloc[0]}" in text
        reason = "effects on ioi do not vary beyond noise"
        assert f"Not defined ({reason}): control_ioi." in text

    def test_scaling_says_how_wide_a_line_through_three_models_is(self, page: Page) -> None:
        text = page.text["scaling"].replace("−", "-")
        assert "three or four models say little: their intervals are 5.1 to 5.1 wide" in text
        assert "No slope of the correlation differs from 0." in text
        assert "[-2.14, 2.94]" in text

    def test_scaling_says_what_the_control_models_show(
        self, context: ReportContext, page: Page
    ) -> None:
        assert "None of them shows a head of the other job: control_" in page.text["scaling"]
        assert (
            "follow the order of the names show as well: control_ioi on anti-repetition, first"
            " name: 7 of 48 heads" in page.text["scaling"]
        )
        assert context.tables["control_models"] is not None
        more = context.tables["control_models"].assign(n_significant=30.0)
        text = Page(render_report(context.with_tables(control_models=more))).text
        assert (
            "Heads of the other job (q below 0.05) show in control_ioi on anti-repetition, names:"
            " 30 of 48 heads" in text["scaling"]
        )

    def test_a_family_without_a_line_is_said_to_have_none(self, context: ReportContext) -> None:
        assert context.tables["scale_trend"] is not None
        none = context.tables["scale_trend"].assign(
            slope=float("nan"), low=float("nan"), high=float("nan")
        )
        text = Page(render_report(context.with_tables(scale_trend=none))).text["scaling"]
        assert "no line against size can be drawn" in text

    def test_attribution_says_that_it_is_approximate_and_how_far_it_agrees(
        self, context: ReportContext, page: Page
    ) -> None:
        frame = context.tables["attribution_agreement"]
        assert frame is not None
        text = page.text["attribution"]
        assert "The scores are approximate. They enter no other table" in text
        primary = frame[(frame["ablation"] == "zero") & (frame["positions"] == "all")]
        on_ioi = primary.loc[primary["task"] == "ioi", "spearman"].median()
        assert f"between scores and exact effects is {on_ioi:.2f} on IOI, " in text
        worst = frame.loc[frame["spearman"].idxmin()]
        assert f"in {worst['model']} ({worst['ablation']}, {worst['positions']})" in text
        of_cell = frame[
            (frame["task"] == "ioi") & (frame["ablation"] == "mean") & (frame["positions"] == "end")
        ]
        found = 100 * of_cell["top_overlap"].median()
        assert f"{of_cell['spearman'].min():.2f}" in text
        assert f"found {found:.0f} %" in text

    def test_attribution_flags_tasks_that_the_model_cannot_do(self, context: ReportContext) -> None:
        frame = context.tables["attribution_agreement"]
        assert frame is not None
        chosen = (frame["model"] == "control_ioi") & (frame["task"] == "anti_names")
        forced = frame.assign(spearman=frame["spearman"].mask(chosen, 0.01))
        text = Page(render_report(context.with_tables(attribution_agreement=forced))).text
        assert "control_ioinot competent" in text["attribution"]

    def test_transfer_says_that_an_index_has_no_meaning_unless_it_has(
        self, context: ReportContext
    ) -> None:
        frame = context.tables["transfer_summary"]
        assert frame is not None
        able = frame["base_competent"] & frame["tgt_competent"]
        none = frame.assign(q_same_layer=0.5)
        text = Page(render_report(context.with_tables(transfer_summary=none))).text
        assert "an index has no meaning across trainings" in text["transfer"]
        assert "and random heads of the same layers in none." in text["transfer"]
        ioi = frame[able & (frame["task"] == "ioi")]
        median = ioi["mean_frac_rank"].median()
        assert f"median mean rank of {median:.2f} over {len(ioi)} pairs" in text["transfer"]
        left_out = f"Not counted here: {(~able).sum()} of {len(frame)} comparisons"
        assert left_out in text["transfer"]
        forced = none.copy()
        forced.loc[ioi.index[0], "q_same_layer"] = 0.01
        text = Page(render_report(context.with_tables(transfer_summary=forced))).text
        pair = f"{ioi.iloc[0]['base_model']} → {ioi.iloc[0]['tgt_model']}"
        expected = f"of the same layers in 1, against the expectation: {pair}."
        assert expected in text["transfer"]

    def test_transfer_counts_pairs_below_chance(self, context: ReportContext) -> None:
        frame = context.tables["transfer_summary"]
        assert frame is not None
        able = frame["base_competent"] & frame["tgt_competent"]
        forced = frame.assign(p=0.01, q=0.2)
        text = Page(render_report(context.with_tables(transfer_summary=forced))).text
        n = int((able & (frame["task"] == "ioi")).sum())
        assert f"{n} of {n}0 of {n}" in text["transfer"].replace("\n", "")

    def test_matching_that_is_not_available_says_why(self, context: ReportContext) -> None:
        matching = context.tables["head_matching"]
        assert matching is not None
        nothing = matching.assign(
            spearman=float("nan"), p_spearman=float("nan"), reason="no profiles of gpt2"
        )
        text = Page(render_report(context.with_tables(head_matching=nothing))).text
        assert "could be matched by function: no profiles of gpt2." in text["transfer"]

    def test_fates_are_given_beside_chance(self, context: ReportContext, page: Page) -> None:
        frame = context.tables["head_divergence"]
        assert frame is not None
        lost = f"{100 * (frame['divergence'] == 'lost').mean():.0f} % lost"
        by_chance = f"{100 * frame['chance_lost'].mean():.0f} % lost"
        sentence = page.text["transfer"].split("Of the IOI-like heads of 4 models")[1]
        assert lost in sentence.split("random heads")[0]
        assert by_chance in sentence.split("random heads")[1]

    def test_suspect_heads_are_announced(self, context: ReportContext) -> None:
        assert context.tables["classified_heads"] is not None
        heads = context.tables["classified_heads"].copy()
        heads.loc[:2, "suspect"] = "constant column"
        text = Page(render_report(context.with_tables(classified_heads=heads))).text
        assert "Suspect: 3 heads of mini_gpt2_l (constant column)." in text["phase-space"]

    def test_an_imported_table_leads_with_its_checks(self, context: ReportContext) -> None:
        assert context.tables["classified_heads"] is not None
        findings = tables.import_findings(MODELS)
        heads = context.tables["classified_heads"].copy()
        heads.loc[heads["model"] == "mini_gpt2_s", "suspect"] = "missing heads"
        only = ReportContext(makers=tables.MAKERS).with_tables(
            classified_heads=heads,
            head_category_summary=context.tables["head_category_summary"],
            category_sensitivity=context.tables["category_sensitivity"],
            hero_heads=context.tables["hero_heads"],
            known_heads=context.tables["known_heads"],
            corr_vs_scale=context.tables["corr_vs_scale"],
            scale_trend=context.tables["scale_trend"],
            layer_profile=context.tables["layer_profile"],
            transfer_summary=context.tables["transfer_summary"],
            head_matching=context.tables["head_matching"],
            head_divergence=context.tables["head_divergence"],
            published_audit=context.tables["published_audit"],
            import_findings=findings,
        )
        text = Page(render_report(only)).text
        assert list(text)[1] == "imported"
        assert not {"disagreement", "models", "competence", "attribution", "training"} & set(text)
        assert "1 finding in 1 model." in text["imported"]
        assert "4 of its 48 heads have no row" in text["imported"]
        assert "In no roster: mini_gpt2_l." in text["imported"]
        assert "not run" not in "".join(text.values())
        for section in ("imported", "categories", "sensitivity", "heroes", "scaling", "transfer"):
            assert "mini_gpt2_ssuspect" in text[section]
            assert "control_ioisuspect" not in text[section]
        assert "nothing is held out" in text["heroes"]
        without = only.with_tables(classified_heads=None)
        assert "1 finding" in Page(render_report(without)).text["imported"]

    def test_known_heads_are_listed_with_their_verdicts(
        self, context: ReportContext, page: Page
    ) -> None:
        text = page.text["known"]
        assert (
            "expected sign for 1 of the 2 published roles that predict one; by chance for 1.0."
            in text
        )
        assert "For 1 of them the whole interval has it." in text
        assert "The whole interval has the other sign for L0H1 of mini_gpt2_l (induction)." in text
        assert "Not measured: L9H9 of mini_gpt2_l (name mover)." in text
        assert context.tables["known_heads"] is not None
        row = context.tables["known_heads"].iloc[0]
        minus = f"{row['delta_ioi']:.3f}[{row['low']:.3f}, {row['high']:.3f}]".replace("-", "−")
        assert minus in text
        assert f"{row['rank']:.0f} of {row['n_heads_measured']}" in text
        assert all(source in text for source in context.tables["known_heads"]["source"])

    def test_known_heads_without_intervals_are_not_resolved(self, context: ReportContext) -> None:
        assert context.tables["known_heads"] is not None
        bare = context.tables["known_heads"].assign(low=float("nan"), high=float("nan"))
        bare["verdict"] = "not resolved"
        text = Page(render_report(context.with_tables(known_heads=bare))).text["known"]
        assert "There are no intervals, so that no sign is resolved." in text
        assert "the whole interval" not in text.lower()

    def test_models_without_published_heads_are_told_which_have_them(
        self, context: ReportContext
    ) -> None:
        assert context.tables["known_heads"] is not None
        none = context.with_tables(known_heads=context.tables["known_heads"].head(0))
        text = Page(render_report(none)).text["known"]
        assert "Not run: none of the models with published heads was scanned (gpt2, " in text
        assert "EleutherAI/pythia-160m" in text

    def test_provenance_holds_fingerprints_devices_and_versions(
        self, context: ReportContext, page: Page
    ) -> None:
        assert context.tables["classified_heads"] is not None
        text = page.text["provenance"]
        assert all(
            mark in text for mark in context.tables["classified_heads"]["fingerprint"].unique()
        )
        assert "torch 2.13.0" in text
        assert text.count("cpu") == len(MODELS) + 2 + 2 * len(retrieval.MODELS)
        for counted in ("heads", "patched runs", "sets of heads"):
            assert counted in text

    def test_versions_that_differ_are_all_named(self, context: ReportContext) -> None:
        assert context.tables["run_log"] is not None
        log = context.tables["run_log"].copy()
        log.loc[0, "versions"] = json.dumps({"torch": "2.12.1"})
        text = Page(render_report(context.with_tables(run_log=log))).text["provenance"]
        assert "torch 2.12.1 and 2.13.0" in text

    def test_the_parameters_are_those_that_the_tables_carry(self, context: ReportContext) -> None:
        heads = context.tables["classified_heads"].copy()
        set_made_with(heads, {"classify.tau": 0.07, "scan.primary": {"ablation": "mean"}})
        text = Page(render_report(context.with_tables(classified_heads=heads))).text["provenance"]
        assert "classify.tau0.07" in text.replace("\n", "")
        assert '{"ablation": "mean"}' in text
        assert "made with" not in Page(render_report(context)).text["provenance"]

    def test_what_was_not_measured_is_a_dash(self, context: ReportContext) -> None:
        assert context.tables["run_log"] is not None
        chunk = pd.array([pd.NA] * len(context.tables["run_log"]), dtype="Int64")
        log = context.tables["run_log"].assign(chunk=chunk, peak_memory_mb=float("nan"))
        alone = context.with_tables(run_log=log, causal_log=None, ablation_log=None)
        text = Page(render_report(alone)).text["provenance"]
        assert text.count("–") == 2 * len(log)
        assert "nan" not in text.lower()


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
        script = next(s for s in Page(hostile).scripts if "Plotly.newPlot(" in s and len(s) < 1e6)
        spec = json.loads(re.search(r"const plot = (\{.*\});", script).group(1))  # type: ignore[union-attr]
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
