"""Identify a saved version: fingerprints of its parts, and differences between its environment and this one."""

import json
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from commandline.version_manifest import CODE_PREFIX, list_packages
from model.retrieval.local import manifest

_DIGITS = 12


def list_fingerprints(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the fingerprint of code, prompts, index and embedding model of the version in ``folder``."""
    for name in list_packages(folder / "code"):
        yield "code", name.removeprefix(CODE_PREFIX)
        yield "prompts", _hash_files(sorted((folder / "code" / name / "prompts").glob("*.txt")))
    index = folder / "artifacts" / "index" / manifest.MANIFEST_FILE
    if index.is_file():
        entries = json.loads(index.read_text("utf-8"))
        yield "index", f"{_hash_files([index])}, {_describe_size(entries)}"
        yield from _describe_embedding(entries["embedding"])


def _describe_size(manifest: dict[str, Any]) -> str:
    if "documents" not in manifest:
        return f"{manifest['settings']['name']} in AI Search, of {manifest['rows']:,} rows when it was described"
    return f"{len(manifest['documents']):,} documents, {manifest['chunks']:,} chunks"


def _describe_embedding(embedding: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the embedding model, if the index has one; without a fingerprint where Databricks embeds."""
    if embedding:
        vector = (
            sha256(json.dumps(embedding["fingerprint"]).encode()).hexdigest()[:_DIGITS]
            if "fingerprint" in embedding
            else ""
        )
        yield "embedding model", ", ".join(filter(None, [f"{embedding['provider']}:{embedding['model']}", vector]))


def find_differences(folder: Path) -> Iterator[str]:
    """Yield each requirement of the version in ``folder`` that the packages installed here do not meet."""
    for line in (folder / "requirements.txt").read_text("utf-8").splitlines():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # an option of pip, such as an index
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            yield f"{line} (not installed)"
        else:
            if not requirement.specifier.contains(installed, prereleases=True):
                yield f"{line} (here {installed})"


def _hash_files(files: list[Path]) -> str:
    hasher = sha256()
    for file in files:
        hasher.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return hasher.hexdigest()[:_DIGITS]
