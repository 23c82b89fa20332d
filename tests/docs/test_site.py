"""The site builds without a warning, and needs no network to be read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

pytest.importorskip("sphinx")
from docs._extensions.project_pages import rewritten  # noqa: E402 - needs Sphinx

_FETCHED = re.compile(r"""(?:src|href)=["'](https?:)?//[^"']+\.(?:js|css|woff2?|png|svg)["']""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    given = ["-b", "html", "-W", "--keep-going", "-q", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *given, "docs", str(folder / "html")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "doctrees")
    return folder / "html"


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        assert not _FETCHED.search(page.read_text(encoding="utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"@import|url\(['\"]?https?:", style.read_text(encoding="utf-8"))


def test_formulas_are_mathml(site: Path) -> None:
    concepts = (site / "concepts.html").read_text(encoding="utf-8")
    assert concepts.count("<math") > 5
    assert "\\mathrm" not in concepts


def test_python_and_tables_are_there(site: Path) -> None:
    assert "Ablate every head of a model" in (site / "reference" / "python.html").read_text(
        encoding="utf-8"
    )
    tables = (site / "reference" / "tables.html").read_text(encoding="utf-8")
    assert 'id="head-effects"' in tables or 'id="head_effects"' in tables


@pytest.mark.parametrize(
    ("page", "text", "in_site"),
    [
        ("docs/how_to/a.md", "[x](../../notebooks/heads.ipynb)", "[x](../notebooks/heads.ipynb)"),
        ("notebooks/a.ipynb", "[x](../docs/method.md#scale)", "[x](../method.md#scale)"),
        ("notebooks/a.ipynb", "[x](../README.md)", "[x](../index.md)"),
        ("docs/a.md", "[x](../CONTRIBUTING.md)", "[x](contributing.md)"),
        ("docs/a.md", "the [folder](../tests) of", "the folder of"),
        ("docs/a.md", "[x](method.md) [y](https://example.org) [z](#here)", None),
        ("docs/a.md", "[x](../LICENSE) [y](nowhere.md)", None),
    ],
)
def test_links_of_the_project_lead_to_pages_of_the_site(
    page: str, text: str, in_site: str | None
) -> None:
    folder = (PROJECT / page).parent
    site = PROJECT / "docs" / "notebooks" if folder.name == "notebooks" else folder
    assert rewritten(text, folder, site) == (in_site or text)
