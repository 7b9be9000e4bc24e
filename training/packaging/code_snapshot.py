"""Copy the code of a version into a package with a unique name.

A loaded model imports its code by name, and Python keeps one module for each name: two versions whose code were both
called ``model`` would run the same code. So each version's copy is called ``multichain_<fingerprint>``.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import model
from commandline.version_manifest import CODE_PREFIX, hash_contents, make_entry
from model.config import import_paths
from model.profile import Profile

CODE_FOLDER = Path(model.__file__).parent


def compute_fingerprint(profile: str) -> str:
    """Return twelve hexadecimal digits over code, prompts and profile; addresses and keys have no effect.

    Args:
        profile: Name of a profile, or path of its file.

    Raises:
        ProfileError: The profile cannot be read, or a package that it names is missing.
    """
    return hash_contents(_own_files(profile, {}) | _user_files(profile))


def copy_code(profile: str, folder: Path, runnables: Mapping[str, Any]) -> tuple[str, Path, list[Path]]:
    """Copy the code of a version into ``folder``.

    A profile that is given as a file is copied into the package, and so are the ``runnables``. Users' own packages
    that the profile names are copied beside the package.

    Args:
        profile: Name of a profile, or path of its file.
        folder: Folder for the copies.
        runnables: Objects for stages that name them by ``cloudpickle``, by name.

    Returns:
        The package's name, the file that MLflow runs to load the model, and the files and folders to log.

    Raises:
        ProfileError: The profile cannot be read, or a package that it names is missing.
    """
    own_files, user_files = _own_files(profile, runnables), _user_files(profile)
    name = CODE_PREFIX + hash_contents(own_files | user_files)
    for file, content in ({f"{name}/{file}": content for file, content in own_files.items()} | user_files).items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    entry = folder / "entry.py"
    entry.write_text(make_entry(name, Path(profile).stem), "utf-8")
    return name, entry, [folder / name, *sorted({folder / file.split("/")[0] for file in user_files})]


def _own_files(profile: str, runnables: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of the package's files by path inside the package."""
    files = {name.partition("/")[2]: content for name, content in import_paths.read_code(CODE_FOLDER).items()}
    if profile.endswith((".yaml", ".yml")):
        files[f"profiles/{Path(profile).stem}.yaml"] = Path(profile).read_bytes()
    return files | {f"runnables/{name}.cloudpickle": content for name, content in _pickle_runnables(runnables)}


def _user_files(profile: str) -> dict[str, bytes]:
    """Return the content of the files of users' own packages that the profile names, by path beside the package."""
    packages = [
        import_paths.locate_package(path)
        for path in Profile.read(profile).import_paths
        if import_paths.is_own_package(path)
    ]
    return {name: content for package in packages for name, content in import_paths.read_code(package).items()}


def _pickle_runnables(runnables: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield each object pickled by value, with the definitions of the notebook and of modules in the current folder."""
    if not runnables:
        return
    import cloudpickle

    local_modules = [module for module in list(sys.modules.values()) if _is_in_current_folder(module)]
    for module in local_modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield from [(name, cloudpickle.dumps(runnable)) for name, runnable in runnables.items()]
    finally:
        for module in local_modules:
            cloudpickle.unregister_pickle_by_value(module)


def _is_in_current_folder(module: ModuleType) -> bool:
    """Return whether a module lies in the current folder and belongs to no distribution and not to this project."""
    file = Path(getattr(module, "__file__", None) or "/")
    return file.is_relative_to(Path.cwd()) and module.__name__ != "__main__" and not _is_installed(file)


def _is_installed(file: Path) -> bool:
    return "site-packages" in file.parts or file.is_relative_to(CODE_FOLDER.parent)
