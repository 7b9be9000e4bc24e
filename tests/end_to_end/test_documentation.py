"""The documentation: its generated parts are up to date, and its examples run (README.md by Sybil, conftest.py)."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.fixtures import ROOT

_SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _SPEC is not None
assert _SPEC.loader is not None
generate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generate)


@pytest.mark.parametrize("file", generate.FILES)
def test_generated_parts_are_what_make_docs_makes(file: str) -> None:
    assert (ROOT / file).read_text("utf-8") == generate.FILES[file]()


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name
)
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8")):
        assert target.startswith("https://") or (file.parent / target).exists(), target


def test_the_guide_is_a_dozen_short_pages() -> None:
    pages = {path.name: path.read_text("utf-8") for path in (ROOT / "documents" / "guide").glob("*.md")}
    assert 12 <= len(pages) <= 18
    assert all(text.startswith("# ") and 400 < len(text) < 2500 for text in pages.values())


@pytest.mark.parametrize(
    "file", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("documents/**/*.md")], ids=str
)
def test_commands_that_the_documentation_names_exist(file: Path) -> None:
    """Every ``python -m training …`` and ``python -m serving …`` names a command."""
    from serving.__main__ import serving
    from training.__main__ import training

    commands = {"training": training.commands, "serving": serving.commands}
    for module, command in re.findall(r"python -m (training|serving) ([a-z]+)", file.read_text("utf-8")):
        assert command in commands[module]
