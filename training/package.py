"""The code of a version, under a name of its own.

A loaded model imports its code by name, and Python keeps one module for each name: two versions that both called
their code ``model`` would run the same one. So each version's copy is called ``multichain_<fingerprint>``.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import model

CODE = Path(model.__file__).parent


def fingerprint(profile: str) -> str:
    """Twelve hexadecimal digits over the code, the prompts and the profile; not addresses, not keys."""
    told = sha256()
    for name, content in _files(profile):
        told.update(name.encode() + b"\0" + content + b"\0")
    return told.hexdigest()[:12]


def copy(profile: str, folder: Path) -> tuple[str, Path]:
    """Copies the code into ``folder`` under its own name, with the entry file beside it: the name, the entry.

    ``profile`` is a name or the path of a file, which is copied too.
    """
    name = f"multichain_{fingerprint(profile)}"
    for file, content in _files(profile):
        target = folder / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    entry = folder / "entry.py"
    entry.write_text(f'from {name}.pyfunc import serve\nserve("{Path(profile).stem}")\n', "utf-8")
    return name, entry


def _files(profile: str) -> Iterator[tuple[str, bytes]]:
    """The files that make a version: their paths inside the package, sorted, and contents."""
    own = {f"profiles/{Path(profile).name}": Path(profile)} if profile.endswith(".yaml") else {}
    ours = {path.relative_to(CODE).as_posix(): path for path in CODE.rglob("*") if _belongs(path)}
    yield from ((name, path.read_bytes()) for name, path in sorted((ours | own).items()))


def _belongs(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc" and not any(part.startswith(".") for part in path.parts[-2:])
