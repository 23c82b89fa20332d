"""Every number of a note comes from the tables, and is the one that stands there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import yaml

from circuit_scaling.report import ReportContext
from circuit_scaling.report import notes as room
from circuit_scaling.report.notes import NOTES, render_notes
from circuit_scaling.report.notes.retrieval_figures import FIGURES
from tests.conftest import PROJECT

TASKS = ("ioi", "anti_names")


def written(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}f}"
    return (text[1:] if float(text) == 0 and text[0] == "-" else text).replace("-", "−")


def bounded(row: pd.Series, name: str, low: str, high: str, digits: int = 2) -> str:
    value, *ends = (written(row[column], digits) for column in (name, low, high))
    return f"{value} [{ends[0]}, {ends[1]}]"


def note(context: ReportContext, name: str) -> str:
    return render_notes(context)[f"{name}.md"]


class TestHighLevelFindings:
    def test_correlations(self, full: ReportContext) -> None:
        frame = full.tables["corr_vs_scale"].copy()
        name = frame["model"].iloc[0]
        frame.loc[frame["model"] == name, ["corr_true", "corr_true_low", "corr_true_high"]] = [
            *(0.4321, 0.1234, 0.5678)
        ]
        text = note(full.with_tables(corr_vs_scale=frame), "high_level_findings")
        row = frame.iloc[0]
        words = bounded(row, "corr_true", "corr_true_low", "corr_true_high")
        assert words == "0.43 [0.12, 0.57]"
        assert re.search(rf"  - {name}\b.*: {re.escape(words)} without noise;", text)
        assert f"Pearson {written(row['corr'])}" in text
        assert words not in note(full, "high_level_findings")

    def test_strong_heads(self, full: ReportContext) -> None:
        strong = full.tables["strong_head_scaling"]
        row = strong[strong["tau"] == full.tau].iloc[0]
        text = note(full, "high_level_findings")
        assert (
            f"{row['n_strong']} of {row['n_heads_total']} ({100 * row['frac_strong']:.0f} %)"
            in text
        )

    def test_parts_of_the_phase_space(self, full: ReportContext) -> None:
        heads = full.tables["classified_heads"].copy()
        heads.loc[heads.index[:40], "category"] = "anti_only"
        text = note(full.with_tables(classified_heads=heads), "high_level_findings")
        for category, label in (("anti_only", "anti-repetition only"), ("weak", "weak")):
            n = int((heads["category"] == category).sum())
            assert f"  - {label}: {n} ({100 * n / len(heads):.1f} %)" in text
        shared = heads[heads["category"] == "shared"]
        both = int(((shared["delta_ioi"] < 0) & (shared["delta_anti_names"] < 0)).sum())
        assert f"both effects negative in {both}," in text

    def test_layers(self, full: ReportContext) -> None:
        heads, profile = full.tables["classified_heads"], full.tables["layer_profile"]
        name = heads["model"].iloc[0]
        own = heads[(heads["model"] == name) & (heads["category"] == "shared")]
        depth = profile[(profile["model"] == name) & (profile["category"] == "shared")].iloc[0]
        where = bounded(depth, "mean_depth", "mean_depth_low", "mean_depth_high")
        commonest = own["layer"].value_counts().max()
        text = note(full, "high_level_findings").split("## 4.")[1].split("## 5.")[0]
        (line,) = re.findall(rf"\| {name} \|.*\|", text)
        assert f"{len(own)} at {where}: L" in line
        assert f"({commonest})" in line

    def test_first_heroes(self, full: ReportContext) -> None:
        heroes = full.tables["hero_heads"]
        row = heroes[(heroes["category"] == "shared") & (heroes["rank"] == 1)].iloc[0]
        effects = ", ".join(
            f"{written(row[f'delta_{task}'])} ± {written(row[f'se_{task}'])}" for task in TASKS
        )
        text = note(full, "high_level_findings")
        assert f"**L{row['layer']}H{row['head']}**: {effects}" in text

    def test_effects_have_intervals_where_the_heads_have_them(self, full: ReportContext) -> None:
        heads = full.tables["classified_heads"].copy()
        for task in TASKS:
            heads[f"low_{task}"] = heads[f"delta_{task}"] - 0.1234
            heads[f"high_{task}"] = heads[f"delta_{task}"] + 0.4321
        row = full.tables["hero_heads"].query("category == 'shared' and rank == 1").iloc[0]
        told = render_notes(full.with_tables(classified_heads=heads))
        delta = row["delta_ioi"]
        words = f"{written(delta, 3)} [{written(delta - 0.1234, 3)}, {written(delta + 0.4321, 3)}]"
        assert (
            f"Effects: IOI {words}, held out {written(row['delta_ioi_test'], 3)};"
            in told["hero_heads.md"]
        )


class TestHeroHeads:
    def test_reads_writes_and_verdicts(self, full: ReportContext) -> None:
        text = note(full, "hero_heads")
        reads = full.tables["head_reads"].query("task == 'ioi'").iloc[0]
        roles = ["first_name", "second_name", "repeated_name", "first_token", "rest"]
        most = max(roles, key=lambda role: reads[role])
        assert f"({bounded(reads, most, f'{most}_low', f'{most}_high')})" in text
        writes = full.tables["head_writes"].query("task == 'ioi'")
        logits = writes[writes["destination"] == "logits"].iloc[0]
        path = bounded(logits, "effect", "low", "high")
        share = bounded(logits, "share", "share_low", "share_high")
        assert f"  - IOI: the logits {path}, a share of {share};" in text
        unsure = writes[writes["receiver_category"] == "weak"].iloc[0]
        assert bounded(unsure, "effect", "low", "high") not in text
        summary = full.tables["causal_summary"]
        row = summary[(summary["verdict"] == "routes") & (summary["task"] == "anti_names")].iloc[0]
        ways = [
            bounded(row, *(f"{way}_normalised{end}" for end in ("", "_low", "_high")))
            for way in ("denoising", "noising")
        ]
        assert (
            f"*routes into shared heads*; carries {ways[0]} (denoising) and {ways[1]} (noising)"
            in text
        )

    def test_sets(self, full: ReportContext) -> None:
        summary = full.tables["ablation_summary"]
        rows = summary[
            (summary["hero_set"] == "hero_joint") & summary["primary"] & (summary["reason"] == "")
        ]
        rows = rows[rows["task"] == "ioi"]
        row = rows.loc[rows["k"].idxmax()]
        cells = (
            f"{row['k']} of all categories",
            "IOI",
            bounded(row, "mean_diff", "low", "high"),
            bounded(row, "matched_mean_diff", "matched_from", "matched_to"),
            written(row["matched_p"], 3),
        )
        assert f"| {' | '.join(cells)} |" in note(full, "hero_heads")


class TestResultsOutline:
    def test_counts_and_settings(self, full: ReportContext) -> None:
        text = note(full, "results_outline")
        heads, competence = full.tables["classified_heads"], full.tables["competence"]
        for name, label in (("ioi_only", "IOI only"), ("shared", "shared")):
            assert f"{100 * (heads['category'] == name).mean():.1f} % {label}" in text
        prompts = competence.query("task == 'ioi'")[["n_prompts", "n_clusters"]].median()
        assert f"IOI {prompts.iloc[0]:.0f} prompts of {prompts.iloc[1]:.0f} pairs of names" in text
        counts = full.tables["category_sensitivity"].query("basis == 'delta'")
        tau = counts["tau"].max()
        sums = counts[counts["tau"] == tau][
            ["n_ioi_only", "n_anti_only", "n_shared", "n_weak"]
        ].sum()
        assert f"| {tau:g} | {' | '.join(f'{n:.0f}' for n in sums)} |" in text

    def test_a_changed_table_changes_the_outline(self, full: ReportContext) -> None:
        summary = full.tables["head_category_summary"].copy()
        summary.loc[summary.index[0], "frac_resolved"] = 0.0123
        text = note(full.with_tables(head_category_summary=summary), "results_outline")
        assert f"is settled goes from 1 % in {summary['model'].iloc[0]} to" in text


class TestTransferResults:
    def test_every_step_of_a_ladder(self, full: ReportContext) -> None:
        frame = full.tables["transfer_summary"].query("task == 'ioi'")
        text = note(full, "transfer_results")
        row = frame[(frame["base_model"] == "mini_gpt2_s") & (frame["tgt_model"] == "mini_gpt2_l")]
        row = row.iloc[0]
        mean = written(row["mean_frac_rank"])
        if not pd.isna(row["low"]):
            mean = bounded(row, "mean_frac_rank", "low", "high")
        chance = bounded(row, "expected", "null_low", "null_high")
        (line,) = re.findall(r"  - mini_gpt2_s .*→ mini_gpt2_l .*", text)
        assert f": mean rank {mean} ({chance} at random)" in line
        assert f"missing {100 * row['frac_missing']:.0f} %" in line
        assert line.endswith(f"p = {written(row['p_same_layer'], 3)}")
        assert "the 20 strongest IOI-like heads" in text

    def test_a_changed_rank_changes_the_line(self, full: ReportContext) -> None:
        frame = full.tables["transfer_summary"].copy()
        frame[["mean_frac_rank", "low", "high"]] = [0.1234, 0.0987, 0.4567]
        assert "mean rank 0.12 [0.10, 0.46]" in note(
            full.with_tables(transfer_summary=frame), "transfer_results"
        )

    def test_fates(self, full: ReportContext) -> None:
        frame = full.tables["head_divergence"]
        lost = 100 * (frame["divergence"] == "lost").mean()
        assert f"{lost:.0f} % lost" in note(full, "transfer_results")


class TestRetrievalFindings:
    def value(self, full: ReportContext, finding: str, group: str) -> pd.Series:
        frame = full.tables["retrieval_findings"]
        return frame[(frame["finding"] == finding) & (frame["group"] == group)].iloc[0]

    def test_questions(self, full: ReportContext) -> None:
        text = note(full, "retrieval_findings")
        row = 100 * self.value(full, "q1_mean_drop", "inc_state|12")[["value", "ci_low", "ci_high"]]
        assert f"| 12 | {bounded(row, 'value', 'ci_low', 'ci_high', 0)} |" in text
        kinds = {
            name: 100
            * self.value(full, "q2_jaccard_of_unions", name)[["value", "ci_low", "ci_high"]]
            for name in ("between", "within_numerical")
        }
        for name, label in (("between", "between the two kinds"),):
            cell = bounded(kinds[name], "value", "ci_low", "ci_high", 0).replace(" [", " % [")
            assert f"| {label} | {cell} |" in text

    def test_a_changed_finding_changes_the_words(self, full: ReportContext) -> None:
        frame = full.tables["retrieval_findings"].copy()
        at = (frame["finding"] == "q1_mean_drop") & frame["group"].str.endswith("|12")
        frame.loc[at, ["value", "ci_low", "ci_high"]] = [0.2, 0.15, 0.25]
        best = at & (frame["group"] == "hq_state|12")
        frame.loc[best, ["value", "ci_low", "ci_high"]] = [0.61, 0.52, 0.71]
        text = note(full.with_tables(retrieval_findings=frame), "retrieval_findings")
        assert (
            "**Some questions lose more answers than others.** With 12 heads masked, state of"
            " headquarters loses most (61 [52, 71] percentage points)" in text
        )
        frame.loc[best, "ci_low"] = 0.2
        text = note(full.with_tables(retrieval_findings=frame), "retrieval_findings")
        assert "*Not shown: that some questions lose more answers than others.*" in text

    def test_ranks_and_overlaps(self, full: ReportContext) -> None:
        text = note(full, "retrieval_findings")
        row = self.value(full, "f7_overlap_mean", "method")[["value", "ci_low", "ci_high"]] * 100
        spread = self.value(full, "f7_overlap_sd", "method")["value"]
        cell = bounded(row, "value", "ci_low", "ci_high", 0).replace(" [", " % [")
        assert f"| the method | {cell} | {written(spread)} |" in text
        frame = full.tables["retrieval_findings"]
        spreads = frame[
            (frame["finding"] == "f5_rank_sd") & frame["group"].str.startswith("qrhead|")
        ]
        most = spreads.loc[spreads["value"].idxmax()]
        head = most["group"].split("|")[1]
        names = (f"f5_rank_{end}" for end in ("min", "max"))
        ends = [self.value(full, name, most["group"])["value"] for name in names]
        moved = bounded(most, "value", "ci_low", "ci_high", 1)
        assert f"| QRHead | most | **{head}** | {ends[0]:.0f} to {ends[1]:.0f} | {moved} |" in text

    def test_models_and_lengths(self, full: ReportContext) -> None:
        text = note(full, "retrieval_findings")
        for finding, group, label in (
            ("drop_at_k_by_model", "mini_llama|12", "mini_llama"),
            ("drop_at_k_by_length", "256|12", "256 tokens"),
        ):
            row = self.value(full, finding, group)[["value", "ci_low", "ci_high"]] * 100
            assert f"| {label} | {bounded(row, 'value', 'ci_low', 'ci_high', 0)} |" in text


class TestWhereNumbersComeFrom:
    """No number is typed: none stands in the code, and every decimal follows the tables."""

    # What has a number by definition: headings, intervals, names of models and of formats.
    TYPED = {"1.", "2.", "3.", "4.", "5.", "6.", "7.", "3.1", "3.2", "3.3"}
    TYPED |= {f"4.{n}" for n in range(1, 7)} | {f"Q{n}:" for n in range(1, 5)}
    TYPED |= {f"{n}:" for n in range(1, 8)} | {"95", "GPT-2", "0", "1"}
    TYPED |= {"A-Za-z0-9"}  # of a pattern

    def test_no_number_stands_in_the_texts_of_the_code(self) -> None:
        found = {
            (path.name, word)
            for path in sorted(Path(room.__file__).parent.glob("*.py"))
            for text in literals(path)
            for word in re.findall(r"[\w.:±-]*\d[\w.:]*", text)
            if word not in self.TYPED and not is_name(word)
        }
        assert found == set()

    def test_every_decimal_is_that_of_the_tables(self, full: ReportContext) -> None:
        """All measured values are made one number; no other one is left in the notes."""
        one = 0.7531
        told = render_notes(
            full.with_tables(**{name: made_one(table, one) for name, table in full.tables.items()})
        )
        allowed = {f"{one:.{digits}f}" for digits in (1, 2, 3, 4)} | {"75.3", "0.05", "1.00"}
        allowed |= {f"{tau:g}" for tau in full.tables["category_sensitivity"]["tau"]}
        allowed |= {f"{size:.2f}" for size in full.tables["classified_heads"]["params_m"]}
        for name, text in told.items():
            plain = COUNTED.sub(_headings, text)
            decimals = set(re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", plain))
            assert decimals <= allowed, name


COUNTED = re.compile(
    r"[\d.]+ (models )?expected by chance|by chance [\d.]+|version \S+|[\d.]+ %|\d\.\d"
)


def _headings(found: re.Match[str]) -> str:
    """What is counted, and numbers of chapters: those with one digit behind the point."""
    text = found[0]
    if "by chance" in text or text.endswith("%") or text.startswith("version"):
        return ""
    start, string = found.start(), found.string
    line = string[string.rfind("\n", 0, start) + 1 : start]
    return "" if line.startswith("#") else text


def made_one(frame: pd.DataFrame, value: float) -> pd.DataFrame:
    """Every float that was measured is ``value``; thresholds, sizes and counts stay."""
    kept = {"tau", "params_m", "n_layers", "n_heads", "receiver_layer", "receiver_head"}
    frame = frame.copy()
    for name in map(str, frame.columns):
        counts = name.startswith(("n_", "prompts_")) and name != "n_heads_effective"
        if pd.api.types.is_float_dtype(frame[name]) and name not in kept and not counts:
            frame[name] = frame[name].where(frame[name].isna(), value)
    return frame


def literals(path: Path) -> Iterator[str]:
    """The texts in a module that may be printed: neither docstrings nor formats of numbers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    quiet: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            quiet |= {id(part) for part in ast.walk(node.format_spec)}
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr):
                quiet.add(id(first.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            yield node.value


def is_name(word: str) -> bool:
    """A finding, a figure, a column: words with an underscore."""
    return "_" in word or word in {"wu24", "q_ioi"}


class TestReferences:
    """Figures and tables that are named are those of the catalogue."""

    def test_every_file_that_is_named_is_written(self, notes: dict[str, str]) -> None:
        catalogue = yaml.safe_load(
            (PROJECT / "conf" / "base" / "catalog_08_reporting.yml").read_text(encoding="utf-8")
        )
        written_names = {
            kind: [
                name
                for entry, spec in catalogue.items()
                if entry.endswith(kind) and not entry.startswith("_")
                for name in spec["names"]
            ]
            for kind in ("exports", "figures")
        }
        assert sorted(catalogue["report_notes"]["names"]) == sorted(notes)
        for kind, folder, ending in (("exports", "tables", "csv"), ("figures", "figures", "png")):
            named = {
                name
                for text in notes.values()
                for name in re.findall(rf"{folder}/([\w*]+)\.{ending}", text)
            }
            assert len(named) > 3
            for name in named:
                assert any(
                    fnmatchcase(name, wanted) or name == wanted for wanted in written_names[kind]
                ), name

    def test_all_figures_of_the_comparison_are_listed(self) -> None:
        catalogue = yaml.safe_load(
            (PROJECT / "conf" / "base" / "catalog_08_reporting.yml").read_text(encoding="utf-8")
        )
        listed = [name for figures in FIGURES.values() for name in figures]
        assert listed == catalogue["retrieval_compare_figures"]["names"]

    def test_links_lead_from_the_folder_of_the_notes(self, notes: dict[str, str]) -> None:
        links = {link for text in notes.values() for link in re.findall(r"\]\(([^)]*)\)", text)}
        assert links
        for link in links:
            assert link in notes or link.startswith(("../figures/", "../tables/"))

    def test_the_same_tables_give_the_same_text(
        self, full: ReportContext, notes: dict[str, str]
    ) -> None:
        assert render_notes(full) == notes
        assert len(notes) == len(NOTES)
