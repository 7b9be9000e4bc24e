"""Pictures kept in a folder or a Unity Catalog volume, and answered by their address instead of their bytes.

MULTICHAIN_PICTURES names the place. A picture's name is the SHA-256 of its content, so that the same one is kept
once, and whoever reads it can check it.
"""

import io
import os
import tempfile
from hashlib import sha256
from pathlib import Path

from ..errors import ImageStorageError
from ..transport.databricks_client import connect_workspace

VARIABLE = "MULTICHAIN_PICTURES"


def is_storage_set() -> bool:
    """Whether pictures are kept somewhere, and not answered with."""
    return bool(os.environ.get(VARIABLE))


def check_storage() -> None:
    """Raises PictureError when a folder cannot be written, before a picture is paid for."""
    location = os.environ.get(VARIABLE)
    if location and (Path(location).is_dir() or not location.startswith("/Volumes/")):
        try:
            Path(location).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=location):
                pass
        except OSError as error:
            raise _storage_error(error) from None


def store_image(content: bytes, mime_type: str) -> str:
    """Keeps the picture where MULTICHAIN_PICTURES says, and gives its address; "" when it says nothing.

    A volume that is mounted is a folder like any other; where it is not, on a Model Serving endpoint say, it is
    written through Databricks' Files API. Raises PictureError when it cannot be kept.
    """
    location = os.environ.get(VARIABLE)
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
        f"a picture cannot be kept where {VARIABLE} says ({type(error).__name__}); "
        "check that the place is there and may be written"
    )


def _write_file(content: bytes, file: Path) -> str:
    """The file appears whole or not at all."""
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
