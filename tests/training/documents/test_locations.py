"""Folders, files, patterns, addresses and tables become locations with their sources."""

from pathlib import Path

import pytest

from model.errors import DocumentError
from training.documents import locations
from training.documents.locations import DocumentLocation, find_locations
from training.documents.web import WebPage


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current folder with files, hidden ones among them."""
    monkeypatch.chdir(tmp_path)
    for name in ("docs/b.md", "docs/a/c.TXT", "docs/a/deep/d.txt", "docs/.hidden.txt", "docs/.git/e.txt", "f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, "utf-8")
    return tmp_path


def find_sources(*names: str) -> list[str]:
    return [location.source for location in find_locations(names, private=False)]


def test_folder_gives_its_files_by_path_without_hidden_ones(folder: Path) -> None:
    assert list(find_locations(["docs"], private=False)) == [
        DocumentLocation("a/c.TXT", ".txt", f"{folder}/docs/a/c.TXT", Path("docs/a/c.TXT"), is_explicit=False),
        DocumentLocation(
            "a/deep/d.txt", ".txt", f"{folder}/docs/a/deep/d.txt", Path("docs/a/deep/d.txt"), is_explicit=False
        ),
        DocumentLocation("b.md", ".md", f"{folder}/docs/b.md", Path("docs/b.md"), is_explicit=False),
    ]


def test_hidden_folder_that_is_named_is_read(folder: Path) -> None:
    assert (folder / "docs" / ".git").is_dir()
    assert find_sources("docs/.git") == ["e.txt"]


def test_empty_folder_gives_no_location(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert find_sources("empty") == []


@pytest.mark.parametrize("name", ["docs/a/c.TXT", "docs/.hidden.txt", "f.txt"])
def test_file_that_is_named_is_explicit(name: str, folder: Path) -> None:
    file = Path(name)
    (location,) = find_locations([name], private=False)
    assert location == DocumentLocation(file.name, ".txt", str(folder / name), file, is_explicit=True)
    assert location.read() == name.encode()


@pytest.mark.parametrize(
    ("pattern", "sources"),
    [
        ("docs/*", ["b.md"]),
        ("docs/**/*.txt", ["a/deep/d.txt"]),
        ("docs/*/*/*.txt", ["a/deep/d.txt"]),
        ("*.txt", ["f.txt"]),
        ("docs/[ab].md", ["b.md"]),
        ("docs/?/*.TXT", ["a/c.TXT"]),
        ("docs/**", ["a/c.TXT", "a/deep/d.txt", "b.md"]),
        ("doc*/[b].*", ["docs/b.md"]),
    ],
)
def test_pattern_gives_sources_relative_to_its_plain_part(pattern: str, sources: list[str], folder: Path) -> None:
    matches = list(find_locations([pattern], private=False))
    assert [location.source for location in matches] == sources
    assert {location.is_explicit for location in matches} == {True}


def test_absolute_pattern_gives_the_same_sources(folder: Path) -> None:
    assert find_sources(f"{folder}/docs/**/*.txt") == ["a/deep/d.txt"]
    assert find_sources(f"{folder}/docs/*.md") == ["b.md"]


def test_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "[b].md").write_text("B", "utf-8")
    (folder / "b.md").write_text("b", "utf-8")
    assert find_sources("[b].md") == ["[b].md"]


@pytest.mark.parametrize("name", ["nope", "*.pdf", "docs/a/*/nope.txt"])
def test_name_that_matches_nothing_is_refused_with_its_path(name: str, folder: Path) -> None:
    with pytest.raises(DocumentError) as refusal:
        find_sources(name)
    assert str(refusal.value) == (
        f"no file or folder matches {folder / name}; check the path, or name a table as table:NAME"
    )


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_blank_name_is_refused(name: str, folder: Path) -> None:
    with pytest.raises(DocumentError) as refusal:
        find_sources("f.txt", name)
    assert str(refusal.value) == "--documents is empty; expected a folder, file, pattern, address or table"
    assert folder.is_dir()


def test_table_is_named_by_its_prefix(folder: Path) -> None:
    (location,) = find_locations(["table:main.docs.pages"], private=False)
    assert location == DocumentLocation("main.docs.pages", ".table", "the table main.docs.pages")
    assert location.read() == b""
    assert folder.is_dir()


@pytest.mark.parametrize(("address", "private"), [("http://example.org/a", True), ("https://example.org/a", False)])
def test_address_is_fetched_and_cited_by_its_page(address: str, private: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, bool]] = []

    def fetch(source: str, *, private: bool) -> WebPage:
        calls.append((source, private))
        return WebPage("https://example.org/final", ".html", b"<p>Text.</p>")

    monkeypatch.setattr(locations, "fetch_page", fetch)
    (location,) = find_locations([address], private=private)
    assert location == DocumentLocation(
        "https://example.org/final", ".html", "https://example.org/final", None, b"<p>Text.</p>", is_explicit=True
    )
    assert (location.read(), calls) == (b"<p>Text.</p>", [(address, private)])


def test_locations_keep_the_order_of_their_names(folder: Path) -> None:
    assert folder.is_dir()
    assert find_sources("f.txt", "docs/b.md", "table:t", "docs/a") == ["f.txt", "b.md", "t", "c.TXT", "deep/d.txt"]


def test_locations_are_found_one_after_the_other(folder: Path) -> None:
    """Fetch no address before the locations in front of it have been read."""
    found_locations = find_locations(["f.txt", "nope"], private=False)
    assert next(found_locations).source == "f.txt"
    with pytest.raises(DocumentError, match="no file or folder matches"):
        next(found_locations)
    assert folder.is_dir()
