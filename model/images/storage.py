"""Store images in a folder or a Unity Catalog volume, and answer with their address instead of their bytes.

MULTICHAIN_PICTURES names the place. An image's name is the SHA-256 of its content, so that equal images are stored once
and a reader can check them.
"""

import io
import tempfile
from hashlib import sha256
from pathlib import Path

from ..config import environment
from ..errors import ImageStorageError
from ..transport.databricks_client import connect_workspace


def is_storage_set() -> bool:
    """Return whether images are stored instead of being part of the response."""
    return bool(environment.PICTURES.read())


def check_storage() -> None:
    """Check that the folder can be written, before an image is paid for.

    Raises:
        ImageStorageError: The folder cannot be written.
    """
    location = environment.PICTURES.read()
    if location and (Path(location).is_dir() or not location.startswith("/Volumes/")):
        try:
            Path(location).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=location):
                pass
        except OSError as error:
            raise _storage_error(error) from None


def store_image(content: bytes, mime_type: str) -> str:
    """Store the image where MULTICHAIN_PICTURES says.

    A mounted volume is a folder like any other. Where it is not mounted, as on a Model Serving endpoint, the file is
    written through Databricks' Files API.

    Args:
        content: The image file.
        mime_type: Its type.

    Returns:
        The address; "" when the variable is not set.

    Raises:
        ImageStorageError: The image cannot be stored.
    """
    location = environment.PICTURES.read()
    if not location:
        return ""
    name = f"{sha256(content).hexdigest()}.{mime_type.rpartition('/')[2]}"
    try:
        if location.startswith("/Volumes/") and not Path(location).is_dir():
            return _upload(content, f"{location.rstrip('/')}/{name}")
        return _write_file(content, Path(location).absolute() / name)
    except Exception as error:  # noqa: BLE001 - whatever a file system or an SDK raises
        raise _storage_error(error) from None


def _storage_error(error: Exception) -> ImageStorageError:
    return ImageStorageError(
        f"an image cannot be stored where {environment.PICTURES.name} says ({type(error).__name__}); "
        "check that the folder or volume exists and is writable"
    )


def _write_file(content: bytes, file: Path) -> str:
    """Write the file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as part:
            part.write(content)
        Path(part.name).chmod(0o644)
        Path(part.name).rename(file)
    return str(file) if str(file).startswith("/Volumes/") else file.as_uri()


def _upload(content: bytes, path: str) -> str:
    connect_workspace().files.upload(path, io.BytesIO(content), overwrite=True)
    return path
