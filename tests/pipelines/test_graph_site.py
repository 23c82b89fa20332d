"""The graph as a site, built after the study has run: previews, run status, and a browser on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro_viz.api.rest.responses import run_events
from kedro_viz.constants import PIPELINE_EVENTS_FILENAME, VIZ_METADATA_ARGS
from playwright.sync_api import Page, expect

from benchmarks.graph_pictures import SETTINGS, id_of, served
from benchmarks.graph_site import build_site
from circuit_scaling.resume import run_status
from tests.conftest import PROJECT
from tests.helpers import browser

WITHOUT_PREVIEW = {"haystack"}
MEGABYTES = 30
ONE_PREVIEW = 1_000_000  # bytes


@pytest.fixture(scope="module")
def site(study: DataCatalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The site of the test environment."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        written = PROJECT / run_status.FOLDER
        patch.setitem(VIZ_METADATA_ARGS, "path", str(run_status.FOLDER))
        patch.setattr(run_events, "PIPELINE_EVENT_FULL_PATH", written / PIPELINE_EVENTS_FILENAME)
        patch.chdir(PROJECT)
        build_site(folder, PROJECT, env="test")
    yield folder


def told(site: Path, *place: str) -> Any:
    return json.loads(site.joinpath("api", *place).read_text(encoding="utf-8"))


def nodes_of(site: Path, kind: str) -> dict[str, dict[str, Any]]:
    """What the panel of every node of the study shows, by the node's name."""
    return {
        node.get("full_name", node["name"]): told(site, "nodes", node["id"])
        for node in told(site, "pipelines", "__default__")["nodes"]
        if node["type"] == kind
    }


def test_nothing_else_is_removed_for_it(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClickException, match="something else"):
        build_site(tmp_path, PROJECT, env="test")
    assert (tmp_path / "thesis.tex").exists()


def test_every_result_has_a_preview_of_bounded_size(site: Path, study: DataCatalog) -> None:
    stored = {name: panel for name, panel in nodes_of(site, "data").items() if name in study}
    bare = {name for name, panel in stored.items() if not panel.get("preview")}
    assert bare == WITHOUT_PREVIEW
    assert {"joint_heads", "retrieval_compare_figures", "report_page"} <= stored.keys()
    not_made = {
        name for name, panel in stored.items() if "not made yet" in json.dumps(panel["preview"])
    }
    assert not_made == {"import_findings", "import_retrieval_checks"}
    assert all(len(json.dumps(panel)) < ONE_PREVIEW for panel in stored.values())
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    assert size < MEGABYTES * 1e6


def test_every_node_says_what_it_does(site: Path) -> None:
    for name, panel in nodes_of(site, "task").items():
        assert len(panel["preview"]["content"]) > 20, name


def test_the_run_is_shown_with_all_its_nodes_and_sizes(site: Path, study: DataCatalog) -> None:
    run = told(site, "run-status")
    graph = told(site, "pipelines", "__default__")["nodes"]
    assert {node["id"] for node in graph if node["type"] == "task"} <= run["nodes"].keys()
    heads = nodes_of(site, "data")["joint_heads"]["stats"]
    assert heads["rows"] == len(study.load("joint_heads"))
    assert run["datasets"][id_of("report_page")]["size"] > 1_000_000
    assert id_of("import_findings") not in run["datasets"], "nobody has imported anything"


def test_it_tells_nothing_of_the_disk_and_asks_nobody(site: Path) -> None:
    assert "https://" not in (site / "index.html").read_text()
    for file in filter(Path.is_file, (site / "api").rglob("*")):
        assert str(PROJECT) not in file.read_text(), file


def test_pipelines_are_offered_in_the_order_of_the_study(site: Path) -> None:
    offered = [pipeline["id"] for pipeline in told(site, "main")["pipelines"]]
    assert offered[:4] == ["overview", "__default__", "scan", "join"]
    assert offered == list(pipelines)


@pytest.fixture
def page(site: Path) -> Iterator[Page]:
    """The site, opened at the collapsed study; it must not complain."""
    try:
        with served(site) as address, browser.launched() as chromium:
            opened = chromium.new_page(viewport=browser.DESKTOP)
            problems: list[str] = []
            opened.on("pageerror", lambda error: problems.append(str(error)))
            opened.on(
                "console",
                lambda said: problems.append(said.text) if said.type == "error" else None,
            )
            opened.add_init_script(SETTINGS % "true")
            opened.goto(f"{address}/?pid=overview")
            yield opened
            assert problems == []
    except browser.NoBrowser as missing:
        pytest.skip(str(missing))


def test_boxes_open_tables_show_rows_and_the_run_its_status(page: Page) -> None:
    node = ".pipeline-node[data-id='{}']"
    expect(page.locator(node.format("causal"))).to_be_visible()
    assert page.locator(node.format("causal.mini_gpt2_s")).count() == 0
    page.locator(".pipeline-nodelist").get_by_text("classified_heads", exact=True).click()
    expect(page.locator(".pipeline-metadata .preview-table__row").first).to_be_visible()
    page.locator(node.format("causal")).dispatch_event("click")
    expect(page.locator(node.format("causal.mini_gpt2_s"))).to_be_attached()
    page.locator("[data-test*=workflow]").first.click()
    expect(page.locator(".run-status-notification--success")).to_be_visible()
