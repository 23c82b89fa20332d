"""The pipeline graph as a folder of files that any web server shows, with previews of all results.

``kedro viz build`` does the same for the default environment, but leaves out a file that its page
asks for, has the page ask another server for a font, and tells where the project lies on this disk.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import fsspec
from kedro_viz.api.rest.responses.metadata import MetadataAPIResponse, get_metadata_response
from kedro_viz.api.rest.responses.save_responses import write_api_response_to_fs
from kedro_viz.data_access import data_access_manager
from kedro_viz.integrations.deployment.base_deployer import BaseDeployer
from kedro_viz.server import load_and_populate_data

_ROOT = Path(__file__).parents[1]
SITE = _ROOT / "build" / "graph"
"""Where ``make site`` writes it."""
_LINK_TO_FONTS = re.compile(r"<link\b[^>]*https://fonts\.[^>]*>\s*")


class _Site(BaseDeployer):
    """kedro-viz's way of writing its page, into any folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path, self._fs = folder, fsspec.filesystem("file")


def build_site(folder: Path, project: Path = _ROOT, env: str | None = None) -> None:
    """Write the site, in place of one that was there.

    Args:
        env: the environment whose pipelines and tables it shows.

    Raises:
        ClickException: there is something else in the folder.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "api" / "main").is_file():
            raise click.ClickException(f"'{folder}' holds something else: name another folder.")
        shutil.rmtree(folder)
    data_access_manager.reset_fields()
    load_and_populate_data(project, env=env, package_name="circuit_scaling")
    site = _Site(folder)
    site.deploy(is_all_previews_enabled=True)
    metadata = MetadataAPIResponse.model_validate(get_metadata_response(), from_attributes=True)
    write_api_response_to_fs(f"{folder}/api/metadata", metadata, site._fs)
    _rewrite(folder / "index.html", lambda page: _LINK_TO_FONTS.sub("", page))
    here = re.compile(f'{re.escape(str(project))}/|(?<="){re.escape(project.name)}/(?=src/)')
    for file in filter(Path.is_file, (folder / "api").rglob("*")):
        _rewrite(file, lambda told: here.sub("", told))


def _rewrite(file: Path, rewritten: Callable[[str], str]) -> None:
    file.write_text(rewritten(file.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> None:
    """Write the site of this project, and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graph_site", description=__doc__)
    parser.add_argument("--env", help="the environment whose results are shown")
    parser.add_argument("--out", type=Path, default=SITE)
    given = parser.parse_args()
    try:
        build_site(given.out, env=given.env)
    except click.ClickException as error:
        parser.error(error.message)
    size = sum(file.stat().st_size for file in given.out.rglob("*") if file.is_file())
    print(f"The graph is in {given.out} ({size / 1e6:.0f} MB). To look at it:")
    print(f"  python -m http.server --directory {given.out} 4142   # http://localhost:4142")


if __name__ == "__main__":
    main()
