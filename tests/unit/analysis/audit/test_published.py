"""The files of published findings: complete, well-formed, and true to what the studies printed."""

from __future__ import annotations

import inspect
import re
from collections import Counter

import pytest
import yaml

from circuit_scaling.analysis.audit.measures import MEASURES
from circuit_scaling.analysis.audit.published import (
    ANY,
    FOLDER,
    Printed,
    _Group,
    _Studies,
    all_checkpoints,
    published_findings,
)
from circuit_scaling.models.names import of_these_weights
from circuit_scaling.tables.audit import STUDIES
from circuit_scaling.tables.registry import ALL_TABLES
from tests.conftest import PROJECT

SEEDS = PROJECT.parent / "shared" / "seeds"
FILES = {
    "paper/notes/high_level_findings.md": "000",
    "paper/notes/results_outline.md": "001",
    "README.md": "002",
    "paper/notes/transfer_results.md": "003",
    "phase4/FINDINGS.md": "004",
}
"""Files of the studies -> how the name of the one that has their text begins."""

NUMBER = re.compile(r"(?<![\w.])[−–+-]?\d+(?:\.\d+)?(?![\w]|\.\d)")
NO_RESULTS = (
    r"τ\s*=\s*[\d.]+",  # the threshold
    r"^#+ .*",  # headings
    r"^\s*\d+\. ",  # numbered lists
    r"\(Use:.*|\*\*Figures?:.*|`[^`]*`|!\[.*|\[!\[.*",  # files and figures
    r"\*\*Generated:.*",
    r"(?<=\| )(5|10|20|30|40|50) heads",  # how many heads are masked
    r"@ 50 Heads|at 50 heads( ablated)?|top-?\s?\d+|Top 30|4×3|#1000\+|#1( and #2)?(?!\d)",
    r"\(\d numerical, \d categorical\)|4 question types|4 context lengths|2K-8K",
    r"^\| (2048|4096|6144|8192) (?=\|)",  # context lengths
    r"Out of 1024 attention heads|Layer 14 and Layer 16",
    r"^\| \*\*(Summed Attention|Wu24|QRHead)\*\* \| [\d, -]+(?=\| (Mid|Dist))",  # layers
    r"≈ 0\.(?!\d)|\(0, 0\)|Tier-1|Figure 8|Phase 2",
    r"K = 20|\(0 = strongest, 1 = weakest\)|\b\d+ parameters",
    r"Pythia-?\s?\d+\w?|pythia-[\d.]+\w|opt-[\d.]+\w|gpt-neo-[\d.]+\w|GPT-2|GPT2|gpt2\w*|OPT-125m",
    r"GPT[-–]Neo-?\d*M?|125M|355M|70M|160M|410M|1B|Llama-3-8B|Python \d|2025|2026\S*",
)
"""What is a number in the texts and no result: sizes, thresholds, headings, names."""


def text_of(file: str) -> str:
    return next(SEEDS.glob(f"{FILES[file]}_*")).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """Heading -> what stands below it, up to the next one of the same rank or a higher one."""
    lines, found = re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines(), {}
    for at, line in enumerate(lines):
        rank = len(line) - len(line.lstrip("#"))
        if not rank or rank > 4:
            continue
        end = next(
            (
                later
                for later in range(at + 1, len(lines))
                if lines[later].startswith("#")
                and len(lines[later]) - len(lines[later].lstrip("#")) <= rank
            ),
            len(lines),
        )
        found[line.lstrip("# ")] = "\n".join(lines[at:end])
    return found


def plain(number: str) -> str:
    """A printed number without its sign of approximation; a dash before it is a range's."""
    return number.replace("–", "").replace("−", "-").lstrip("+").lstrip("-")


def printed(published: str) -> list[str]:
    return [plain(part) for part in re.findall(r"[−+]?\d+(?:\.\d+)?", published)]


def results_in(text: str) -> Counter[str]:
    """The numbers of a text that are results, each as often as it stands there."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for pattern in NO_RESULTS:
        text = re.sub(pattern, " ", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=\d)[–-](?=\d)|#", " ", text)
    return Counter(plain(found) for found in NUMBER.findall(text))


def test_ids_are_unique_and_every_measure_exists_and_is_used():
    findings = published_findings()
    assert len({finding.id for finding in findings}) == len(findings)
    assert {finding.measure for finding in findings} == set(MEASURES)
    assert {finding.study for finding in findings} == set(STUDIES)


@pytest.mark.parametrize("finding", published_findings(), ids=lambda finding: finding.id)
def test_a_finding_can_be_computed(finding):
    measure = MEASURES[finding.measure]
    inspect.signature(measure.function).bind(None, (), **finding.arguments)
    if measure.gives == "number":
        Printed.of(finding.published)
    assert set(measure.needs) <= set(ALL_TABLES)
    assert finding.checkpoints
    assert not re.search(r"[{}\[\]]|  ", finding.claim + finding.definition)
    assert re.match(r"[A-Z\d]|pythia|gpt2", finding.claim)


def test_every_checkpoint_is_in_a_roster_of_its_study():
    rosters = yaml.safe_load((PROJECT / "conf/base/parameters_models.yml").read_text())["_rosters"]
    hubs = {
        study: [entry["hub"] for entry in rosters[name].values()]
        for study, name in zip(STUDIES, ("study", "retrieval"), strict=True)
    }
    for finding in published_findings():
        if finding.checkpoints != ANY:
            known = of_these_weights(finding.checkpoints, hubs[finding.study])
            assert len(known) == len(finding.checkpoints), finding.id
    assert len(all_checkpoints()) == 19


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"note": "mine"}, "note"),
        ({"findings": []}, "at least 1"),
        ({"sources": ["README.md"]}, "file § section"),
        ({"unit": "points"}, "unit"),
        ({"checkpoints": "gpt2"}, "no list 'gpt2'"),
    ],
)
def test_a_group_that_is_not_complete_is_refused(change, words):
    group = {
        "sources": ["README.md § Key Findings"],
        "claim": "It is so.",
        "definition": "as it says",
        "measure": "correlation",
        "checkpoints": ["gpt2"],
        "findings": [{"id": "one", "published": "0.10"}],
    }
    studies = _Studies(files={}, checkpoints={})
    with pytest.raises(ValueError, match=words):
        list(_Group.model_validate(group | change).expanded(STUDIES[0], studies))


def test_every_file_of_the_folder_is_read_once_and_every_list_used():
    studies = yaml.safe_load((FOLDER / "studies.yml").read_text(encoding="utf-8"))
    read = [file for files in studies["files"].values() for file in files]
    assert sorted([*read, "studies"]) == sorted(path.stem for path in FOLDER.iterdir())
    texts = [(FOLDER / f"{file}.yml").read_text(encoding="utf-8") for file in read]
    named = set(re.findall(r"checkpoints: (\w+)", "".join(texts)))
    assert named == {*studies["checkpoints"], ANY}


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("0.10", (0.095, 0.1, 0.105), (0.0949, 0.1051)),
        ("−0.22", (-0.225, -0.22), (-0.2149, 0.22)),
        ("+638", (637.6, 638.4), (637.4, 638.6)),
        ("0.15–0.38", (0.145, 0.2, 0.385), (0.144, 0.386)),
        ("42.6", (42.55, 42.649), (42.54, 42.66)),
        ("5", (4.5, 5.4), (4.4, 5.6)),
    ],
)
def test_what_rounds_to_a_printed_number(text, inside, outside):
    band = Printed.of(text)
    assert all(band.holds(value) for value in inside)
    assert not any(band.holds(value) for value in outside)


@pytest.mark.parametrize("text", ["", "many", "0.1.2", "−", "1 %", "0,5"])
def test_what_is_no_printed_number(text):
    with pytest.raises(ValueError, match="no printed number"):
        Printed.of(text)


def test_the_text_of_the_file_is_not_that_of_the_studies():
    """Claims are retold: no sentence of six words or more stands in a study as it stands here."""
    if not SEEDS.is_dir():
        pytest.skip("the optional folder shared/seeds is not beside the project")
    everything = " ".join(" ".join(map(text_of, FILES)).casefold().split())
    for finding in published_findings():
        words = finding.claim.casefold().rstrip(".").split()
        if len(words) >= 6:
            assert " ".join(words) not in everything, finding.id


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the optional folder shared/seeds is not there")
class TestTheSeeds:
    def test_every_source_has_its_section_and_in_it_what_was_printed(self):
        found = {file: sections(text_of(file)) for file in FILES}
        for finding in published_findings():
            for source in finding.sources:
                file, _, section = source.partition(" § ")
                texts = [
                    text
                    for heading, text in found[file].items()
                    if re.match(rf"{re.escape(section)}(?!\w)", heading)
                ]
                assert texts, f"{finding.id}: no section '{section}' in {file}"
                if finding.published and MEASURES[finding.measure].gives == "number":
                    numbers = {plain(n) for n in re.findall(r"[\d.]*\d", texts[0])}
                    assert set(printed(finding.published)) <= numbers, finding.id

    @pytest.mark.parametrize("file", FILES)
    def test_every_number_that_is_a_result_is_a_finding(self, file):
        covered: Counter[str] = Counter()
        for finding in published_findings():
            if finding.published and MEASURES[finding.measure].gives == "number":
                for source in finding.sources:
                    if source.partition(" § ")[0] == file:
                        covered.update(printed(finding.published))
        uncovered = results_in(text_of(file)) - covered
        assert not uncovered, f"{file}: {dict(uncovered)}"
