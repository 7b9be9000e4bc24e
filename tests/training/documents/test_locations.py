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
    return [location.source for location in find_locations(names, private=False).locations]


def test_folder_gives_its_files_by_path_without_hidden_ones(folder: Path) -> None:
    assert find_locations(["docs"], private=False).locations == [
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
    (location,) = find_locations([name], private=False).locations
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
    matches = find_locations([pattern], private=False).locations
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
    (location,) = find_locations(["table:main.docs.pages"], private=False).locations
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
    (location,) = find_locations([address], private=private).locations
    assert location == DocumentLocation(
        "https://example.org/final", ".html", "https://example.org/final", None, b"<p>Text.</p>", is_explicit=True
    )
    assert (location.read(), calls) == (b"<p>Text.</p>", [(address, private)])


def test_locations_keep_the_order_of_their_names(folder: Path) -> None:
    assert folder.is_dir()
    assert find_sources("f.txt", "docs/b.md", "table:t", "docs/a") == ["f.txt", "b.md", "t", "c.TXT", "deep/d.txt"]


def test_folder_after_a_folder_inside_it_keeps_the_order_and_the_names(folder: Path) -> None:
    (folder / "docs" / "c.TXT").write_text("x", "utf-8")
    sources = find_sources("docs/a", "docs")
    assert sources == ["a/c.TXT", "deep/d.txt", "a/c.TXT", "a/deep/d.txt", "b.md", "docs/c.TXT"]


def test_links_are_followed_once_and_only_inside_the_folder(folder: Path) -> None:
    (folder / "outside").mkdir()
    (folder / "outside" / "o.txt").write_text("o", "utf-8")
    (folder / "docs" / "loop").symlink_to(folder / "docs")
    (folder / "docs" / "out").symlink_to(folder / "outside")
    (folder / "docs" / "o.txt").symlink_to(folder / "outside" / "o.txt")
    (folder / "docs" / "broken.txt").symlink_to(folder / "nowhere.txt")
    (folder / "docs" / "same.md").symlink_to(folder / "docs" / "b.md")
    places = find_locations(["docs"], private=False)
    assert [location.source for location in places.locations] == ["a/c.TXT", "a/deep/d.txt", "b.md", "same.md"]
    out = "the link leads out of the folder; name its target as well"
    assert sorted(places.skipped) == [
        (f"{folder}/docs/broken.txt", "the link leads to no file"),
        (f"{folder}/docs/o.txt", out),
        (f"{folder}/docs/out", out),
    ]


def test_pattern_finds_each_file_once_despite_a_loop(folder: Path) -> None:
    (folder / "docs" / "loop").symlink_to(folder / "docs")
    assert find_sources("docs/**/*.md") == ["b.md"]


@pytest.mark.parametrize(
    ("exclude", "sources"),
    [
        ([], ["a/c.TXT", "a/deep/d.txt", "b.md"]),
        (["*.md"], ["a/c.TXT", "a/deep/d.txt"]),
        (["a/deep"], ["a/c.TXT", "b.md"]),
        (["a/*"], ["b.md"]),
        (["B.md"], ["a/c.TXT", "a/deep/d.txt", "b.md"]),
    ],
)
def test_excluded_patterns_are_left_out_of_a_folder(exclude: list[str], sources: list[str], folder: Path) -> None:
    for name in ("node_modules/pkg/r.md", "~$lock.docx", "__pycache__/x.txt"):
        (folder / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "docs" / name).write_text("x", "utf-8")
    places = find_locations(["docs"], private=False, exclude=exclude)
    assert [location.source for location in places.locations] == sources


def test_equal_paths_of_two_folders_begin_with_their_folder(folder: Path) -> None:
    for name in ("x/same.md", "y/same.md", "y/own.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x", "utf-8")
    assert find_sources("x", "y") == ["x/same.md", "own.md", "y/same.md"]


def test_name_that_is_not_utf_8_is_shown_with_its_bytes(folder: Path) -> None:
    try:
        (folder / "docs" / b"gr\xfcn.md".decode("utf-8", "surrogateescape")).write_text("x", "utf-8")
    except OSError:
        pytest.skip("the file system takes UTF-8 alone")
    assert "gr%FCn.md" in find_sources("docs")


def test_name_in_decomposed_form_is_composed(folder: Path) -> None:
    (folder / "docs" / "u\u0308.md").write_text("x", "utf-8")
    assert "\u00fc.md" in find_sources("docs")
