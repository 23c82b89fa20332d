"""The chapters say what their tables say."""

from __future__ import annotations

import json
import re

import pandas as pd

from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables
from tests.helpers.report_page import Page
from tests.unit.report.conftest import MODELS


class TestNumbers:
    def test_summary_counts_the_heads(self, context: ReportContext, page: Page) -> None:
        assert context.tables["classified_heads"] is not None
        count = len(context.tables["classified_heads"])
        assert f"{count} attention heads of 4 models" in page.text[""]
        assert "were ablated one at a time (zero ablation at all positions)" in page.text[""]

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
        assert "Not shown: that the correlation changes with size" in text
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
