"""The documentation: generated parts, links and commands. Its examples run by Sybil (conftest.py)."""

import re
from pathlib import Path

import pytest

from docs import generate
from tests.fixtures import ROOT


@pytest.mark.parametrize("file", generate.FILES)
def test_generated_parts_equal_the_output_of_make_docs(file: str) -> None:
    assert (ROOT / file).read_text("utf-8") == generate.FILES[file]()


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name
)
def test_links_are_https_addresses_or_existing_files(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8")):
        assert target.startswith("https://") or (file.parent / target).exists(), target


def test_guide_consists_of_a_dozen_or_more_short_pages() -> None:
    pages = {path.name: path.read_text("utf-8") for path in (ROOT / "documents" / "guide").glob("*.md")}
    assert 12 <= len(pages) <= 18
    assert all(text.startswith("# ") and 400 < len(text) < 2500 for text in pages.values())


@pytest.mark.parametrize(
    "file", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("documents/**/*.md")], ids=str
)
def test_commands_in_the_documentation_exist(file: Path) -> None:
    """The subcommands of ``python -m training`` and ``python -m serving`` are meant."""
    from serving.__main__ import serving
    from training.__main__ import training

    commands = {"training": training.commands, "serving": serving.commands}
    for module, command in re.findall(r"python -m (training|serving) ([a-z]+)", file.read_text("utf-8")):
        assert command in commands[module]
