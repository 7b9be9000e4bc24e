"""Fingerprints of a saved version's parts, and its differences from this environment."""

import json
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from commandline.version_manifest import compute_code_digest
from training.versions.fingerprints import find_differences, list_fingerprints

PROMPTS = {"answer.txt": "Answer.", "draw.txt": "Draw."}
LOCAL_MANIFEST = {
    "documents": {"a.txt": "1", "b.txt": "2"},
    "chunks": 1234,
    "embedding": {"provider": "openai", "model": "ada", "fingerprint": [0.5, -0.25]},
}


def save_version(folder: Path, manifest: dict[str, Any] | None = None) -> str:
    """Write the code of a version, named by its digest, and its index; return the name of the code's package."""
    draft = folder / "code" / "multichain_draft"
    (draft / "prompts").mkdir(parents=True)
    (draft / "pyfunc.py").write_text("serve = 1\n", "utf-8")
    for name, text in PROMPTS.items():
        (draft / "prompts" / name).write_text(text, "utf-8")
    (draft / "prompts" / "notes.md").write_text("no prompt", "utf-8")
    name = f"multichain_{compute_code_digest(folder / 'code', draft.name)}"
    draft.rename(folder / "code" / name)
    if manifest is not None:
        (folder / "artifacts" / "index").mkdir(parents=True)
        (folder / "artifacts" / "index" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return name


def hash_files(**files: bytes) -> str:
    """Return the first twelve digits over names and contents."""
    content = b"".join(name.replace("_", ".").encode() + b"\0" + text + b"\0" for name, text in files.items())
    return sha256(content).hexdigest()[:12]


def write_requirements(folder: Path, *lines: str) -> Path:
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


def test_version_without_index_has_code_and_prompts(tmp_path: Path) -> None:
    name = save_version(tmp_path)
    assert list(list_fingerprints(tmp_path)) == [
        ("code", name.removeprefix("multichain_")),
        ("prompts", hash_files(answer_txt=b"Answer.", draw_txt=b"Draw.")),
    ]


def test_fingerprint_of_prompts_differs_by_text_and_by_name(tmp_path: Path) -> None:
    prompts = tmp_path / "code" / save_version(tmp_path) / "prompts"
    fingerprints = [dict(list_fingerprints(tmp_path))["prompts"]]
    (prompts / "notes.md").unlink()
    assert dict(list_fingerprints(tmp_path))["prompts"] == fingerprints[0]
    (prompts / "draw.txt").rename(prompts / "paint.txt")
    fingerprints.append(dict(list_fingerprints(tmp_path))["prompts"])
    (prompts / "paint.txt").write_text("Paint.", "utf-8")
    fingerprints.append(dict(list_fingerprints(tmp_path))["prompts"])
    assert len(set(fingerprints)) == 3


def test_local_index_has_a_fingerprint_with_its_size(tmp_path: Path) -> None:
    save_version(tmp_path, LOCAL_MANIFEST)
    digits = hash_files(manifest_json=json.dumps(LOCAL_MANIFEST).encode())
    vector = sha256(b"[0.5, -0.25]").hexdigest()[:12]
    assert list(list_fingerprints(tmp_path))[2:] == [
        ("index", f"{digits}, 2 documents, 1,234 chunks"),
        ("embedding model", f"openai:ada, {vector}"),
    ]


@pytest.mark.parametrize(
    ("embedding", "lines"),
    [
        ({}, []),
        ({"provider": "databricks", "model": "gte"}, [("embedding model", "databricks:gte")]),
    ],
)
def test_remote_index_is_described_by_name_and_rows(
    embedding: dict[str, str], lines: list[tuple[str, str]], tmp_path: Path
) -> None:
    manifest = {"settings": {"name": "c.s.i"}, "rows": 12345, "embedding": embedding}
    save_version(tmp_path, manifest)
    digits = hash_files(manifest_json=json.dumps(manifest).encode())
    assert list(list_fingerprints(tmp_path))[2:] == [
        ("index", f"{digits}, c.s.i in AI Search, of 12,345 rows when it was described"),
        *lines,
    ]


def test_folder_without_code_has_no_fingerprint(tmp_path: Path) -> None:
    assert list(list_fingerprints(tmp_path)) == []


def test_requirements_that_are_met_or_no_requirements_are_no_difference(tmp_path: Path) -> None:
    installed = version("click")
    lines = ("--index-url https://example.org/simple", "", "# a comment", f"click=={installed}", "click", "click<99")
    assert list(find_differences(write_requirements(tmp_path, *lines))) == []


def test_differences_are_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = ("no-such-package==1", "click==0.1", f"click=={version('click')}", "no-such-package")
    assert list(find_differences(write_requirements(tmp_path, *lines))) == [
        "no-such-package==1 (not installed)",
        f"click==0.1 (here {version('click')})",
        "no-such-package (not installed)",
    ]


def test_installed_prerelease_meets_a_lower_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.versions.fingerprints.version", lambda _name: "2.0rc1")
    write_requirements(tmp_path, "click>=1.0", "click==2.0rc1", "click>=2.0")
    assert list(find_differences(tmp_path)) == ["click>=2.0 (here 2.0rc1)"]
