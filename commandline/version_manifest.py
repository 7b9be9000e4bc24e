"""The manifest of a saved version: names and checksums of what was logged, and the signature of a team's own key.

The signature is of Ed25519 (RFC 8032), since whoever can write all files of a version can also write its manifest.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from model.errors import CommandError

CODE_PREFIX = "multichain_"
"""Prefix of the name of a version's package; the fingerprint follows."""
MANIFEST_ARTIFACT = "manifest"
"""Name of the artifact with the manifest, its signature and the bill of materials."""
MANIFEST_PATH = Path("artifacts", MANIFEST_ARTIFACT, "version.json")
SIGNATURE_PATH = MANIFEST_PATH.with_name("version.sig")
"""Paths of the manifest and of its signature in a version's folder."""
_MAKE_PRIVATE, _MAKE_PUBLIC = "genpkey -algorithm ed25519 -out FILE", "pkey -in KEY -pubout -out FILE"


@dataclass(frozen=True, slots=True)
class VersionManifest:
    """The files that were logged as a version.

    Attributes:
        package: Name of the version's package.
        requirements: Pinned distributions.
        files: SHA-256 of each file by its path in the version's folder, besides those that MLflow writes.
        format: Number of the manifest's format.
    """

    package: str
    requirements: list[str]
    files: dict[str, str]
    format: int = 1

    def write(self, folder: Path, private_key: Path | None = None) -> str:
        """Write the manifest and, with a key, its signature.

        Args:
            folder: Folder for both files.
            private_key: PEM file of an Ed25519 key; None for no signature.

        Returns:
            The SHA-256 of the manifest, in hexadecimal.

        Raises:
            CommandError: The key cannot be read, or is of another kind.
        """
        content = json.dumps(asdict(self), indent=1, sort_keys=True).encode()
        if private_key is not None:
            signature = read_private_key(private_key).sign(content)
            (folder / SIGNATURE_PATH.name).write_text(signature.hex() + "\n", "ascii")
        (folder / MANIFEST_PATH.name).write_bytes(content)
        return sha256(content).hexdigest()

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the manifest of the version in ``folder``; None when it is missing, or not of this format."""
        try:
            manifest = cls(**json.loads((folder / MANIFEST_PATH).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        is_right = isinstance(manifest.files, dict) and isinstance(manifest.requirements, list) and manifest.format == 1
        return manifest if is_right else None


def explain_signature(folder: Path, public_key: Path) -> str:
    """Return a sentence when a version is not signed by a key; empty when it is.

    Args:
        folder: Folder of the saved version.
        public_key: PEM file of the key.

    Raises:
        CommandError: The key cannot be read, or is of another kind.
    """
    key = _read_public_key(public_key)
    if not (folder / SIGNATURE_PATH).is_file():
        return "it is not signed; training log --sign KEY signs a version"
    try:
        key.verify(bytes.fromhex((folder / SIGNATURE_PATH).read_text("ascii")), (folder / MANIFEST_PATH).read_bytes())
    except (InvalidSignature, ValueError, OSError):
        return f"its signature is not by the key of {public_key}"
    return ""


def list_packages(code: Path) -> list[str]:
    """Return the names of the version packages in the folder ``code`` of a saved model, sorted; [] without a folder."""
    return sorted(path.name for path in code.glob(f"{CODE_PREFIX}*"))


def compute_code_digest(code: Path, name: str) -> str:
    """Return the fingerprint of the code in a saved model.

    Args:
        code: Folder ``code`` of the saved model.
        name: Name of the version's package.

    Returns:
        Twelve hexadecimal digits; equal to those in ``name`` if no file changed.
    """
    files = {path.relative_to(code).as_posix(): path for path in code.rglob("*") if is_logged(path)}
    return hash_contents({file.removeprefix(f"{name}/"): path.read_bytes() for file, path in files.items()})


def hash_contents(files: Mapping[str, bytes]) -> str:
    """Return twelve hexadecimal digits over the names and contents of files.

    Args:
        files: Contents by name.
    """
    hasher = sha256()
    for name, content in sorted(files.items()):
        hasher.update(name.encode() + b"\0" + content + b"\0")
    return hasher.hexdigest()[:12]


def hash_folder(folder: Path, prefix: str) -> dict[str, str]:
    """Return the SHA-256 of each file below ``folder``, or of the file ``folder``, by path with ``prefix`` before it.

    Args:
        folder: A folder, or a file.
        prefix: Path in a version's folder at which ``folder`` lies.
    """
    if folder.is_file():
        return {prefix: hash_file(folder)}
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}": hash_file(path)
        for path in sorted(folder.rglob("*"))
        if is_logged(path)
    }


def make_entry(package: str, profile: str) -> str:
    """Return the content of the file that MLflow runs to load a version.

    Args:
        package: Name of the version's package.
        profile: Name of the profile in that package.
    """
    return f"from {package}.pyfunc import serve\nserve({json.dumps(profile)})\n"


def is_logged(path: Path) -> bool:
    """Return whether a path is a file that belongs to a version: any but those that Python compiled."""
    return path.is_file() and "__pycache__" not in path.parts


def hash_file(file: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def read_private_key(file: Path) -> Ed25519PrivateKey:
    """Return the key of a PEM file.

    Raises:
        CommandError: The file cannot be read, or is no Ed25519 key without a password.
    """
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CommandError(_explain_key(file, error, _MAKE_PRIVATE)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandError(_explain_key(file, None, _MAKE_PRIVATE))
    return key


def _read_public_key(file: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CommandError(_explain_key(file, error, _MAKE_PUBLIC)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise CommandError(_explain_key(file, None, _MAKE_PUBLIC))
    return key


def _explain_key(file: Path, error: Exception | None, command: str) -> str:
    reason = (error.strerror or "cannot be read") if isinstance(error, OSError) else "no Ed25519 key in PEM"
    return f"{file}: {reason}; openssl {command} makes one, without a password"
