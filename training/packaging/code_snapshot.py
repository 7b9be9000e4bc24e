"""The code of a version, under a name of its own.

A loaded model imports its code by name, and Python keeps one module for each name: two versions that both called
their code ``model`` would run the same one. So each version's copy is called ``multichain_<fingerprint>``.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import model
from model.config import import_paths
from model.profile import Profile

CODE_FOLDER = Path(model.__file__).parent
CODE_PREFIX = "multichain_"
"""What the name of a version's code begins with, before its fingerprint."""


def compute_fingerprint(profile: str) -> str:
    """Twelve hexadecimal digits over the code, the prompts and the profile; not addresses, not keys."""
    return _hash_files(_own_files(profile, {}) | _user_files(profile))


def copy_code(profile: str, folder: Path, runnables: Mapping[str, Any]) -> tuple[str, Path, list[Path]]:
    """Copies the code into ``folder`` under a name of its own: the name, the entry file, all that is to be logged.

    ``profile`` is a name or the path of a file, which is copied too. Packages of one's own that it names go beside
    the code, the objects in ``runnables`` into it. Raises ProfileError.
    """
    own_files, user_files = _own_files(profile, runnables), _user_files(profile)
    name = CODE_PREFIX + _hash_files(own_files | user_files)
    for file, content in ({f"{name}/{file}": content for file, content in own_files.items()} | user_files).items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    entry = folder / "entry.py"
    entry.write_text(f"from {name}.pyfunc import serve\nserve({json.dumps(Path(profile).stem)})\n", "utf-8")
    return name, entry, [folder / name, *sorted({folder / file.split("/")[0] for file in user_files})]


def list_copies(code: Path) -> list[str]:
    """The names of versions' code in the folder ``code`` of a saved model; none when there is no such folder."""
    return sorted(path.name for path in code.glob(f"{CODE_PREFIX}*"))


def compute_digest(code: Path, name: str) -> str:
    """The fingerprint of what lies in the folder ``code`` of a saved model whose code is called ``name``."""
    files = {path.relative_to(code).as_posix(): path for path in code.rglob("*") if _is_logged(path)}
    return _hash_files({file.removeprefix(f"{name}/"): path.read_bytes() for file, path in files.items()})


def _is_logged(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _hash_files(files: Mapping[str, bytes]) -> str:
    hasher = sha256()
    for name, content in sorted(files.items()):
        hasher.update(name.encode() + b"\0" + content + b"\0")
    return hasher.hexdigest()[:12]


def _own_files(profile: str, runnables: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of the package itself, by path inside it."""
    files = {name.partition("/")[2]: content for name, content in import_paths.read_code(CODE_FOLDER).items()}
    if profile.endswith((".yaml", ".yml")):
        files[f"profiles/{Path(profile).stem}.yaml"] = Path(profile).read_bytes()
    return files | {f"runnables/{name}.cloudpickle": content for name, content in _pickle_runnables(runnables)}


def _user_files(profile: str) -> dict[str, bytes]:
    """The files of the packages that the profile names and no distribution brings, by path beside the code."""
    packages = [
        import_paths.locate_package(path)
        for path in Profile.read(profile).import_paths
        if import_paths.is_own_package(path)
    ]
    return {name: content for package in packages for name, content in import_paths.read_code(package).items()}


def _pickle_runnables(runnables: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Each object by value: a notebook's own definitions, and those of modules beside it, go with it."""
    if not runnables:
        return
    import cloudpickle

    beside = [module for module in list(sys.modules.values()) if _is_in_current_folder(module)]
    for module in beside:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield from [(name, cloudpickle.dumps(runnable)) for name, runnable in runnables.items()]
    finally:
        for module in beside:
            cloudpickle.unregister_pickle_by_value(module)


def _is_in_current_folder(module: ModuleType) -> bool:
    """Whether it is a module of the current folder, which no distribution brings."""
    file = Path(getattr(module, "__file__", None) or "/")
    return file.is_relative_to(Path.cwd()) and module.__name__ != "__main__" and not _is_installed(file)


def _is_installed(file: Path) -> bool:
    return "site-packages" in file.parts or file.is_relative_to(CODE_FOLDER.parent)
