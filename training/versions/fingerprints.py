"""What a saved version is made of, in short: fingerprints of its parts, and whether this environment is its own."""

import json
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from model.retrieval.local import manifest

from ..packaging import code_snapshot

_SHORT = 12


def fingerprints(folder: Path) -> Iterator[tuple[str, str]]:
    """Code, prompts, index and embedding model of the version in ``folder``, each with twelve hexadecimal digits."""
    for name in code_snapshot.copies(folder / "code"):
        yield "code", name.removeprefix(code_snapshot.PREFIX)
        yield "prompts", _digest(sorted((folder / "code" / name / "prompts").glob("*.txt")))
    index = folder / "artifacts" / "index" / manifest.MANIFEST_FILE
    if index.is_file():
        told = json.loads(index.read_text("utf-8"))
        yield "index", f"{_digest([index])}, {_size(told)}"
        yield from _embedding(told["embedding"])


def _size(told: dict[str, Any]) -> str:
    if "documents" not in told:
        return f"{told['settings']['name']} in AI Search, of {told['rows']:,} rows when it was described"
    return f"{len(told['documents']):,} documents, {told['chunks']:,} chunks"


def _embedding(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The model that embeds, where one does; the fingerprint of one that Databricks asks is not known."""
    if told:
        vector = sha256(json.dumps(told["fingerprint"]).encode()).hexdigest()[:_SHORT] if "fingerprint" in told else ""
        yield "embedding model", ", ".join(filter(None, [f"{told['provider']}:{told['model']}", vector]))


def tampered(folder: Path) -> str:
    """What is wrong with the code of the version in ``folder``: it is named for a digest that it does not have."""
    for name in code_snapshot.copies(folder / "code"):
        found = code_snapshot.digest(folder / "code", name)
        if found != name.removeprefix(code_snapshot.PREFIX):
            return f"{name} holds other files than were logged; their digest is {found}"
    return ""


def environment(folder: Path) -> Iterator[str]:
    """How what is installed here differs from what the version was logged with."""
    for line in (folder / "requirements.txt").read_text("utf-8").splitlines():
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue  # an option of pip, such as an index
        try:
            here = version(wanted.name)
        except PackageNotFoundError:
            yield f"{line} (not installed)"
        else:
            if not wanted.specifier.contains(here, prereleases=True):
                yield f"{line} (here {here})"


def _digest(files: list[Path]) -> str:
    told = sha256()
    for file in files:
        told.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return told.hexdigest()[:_SHORT]
