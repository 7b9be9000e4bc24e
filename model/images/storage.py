"""Pictures kept in a folder or a Unity Catalog volume, and answered by their address instead of their bytes.

MULTICHAIN_PICTURES names the place. A picture's name is the SHA-256 of its content, so that the same one is kept
once, and whoever reads it can check it.
"""

import io
import os
import tempfile
from hashlib import sha256
from pathlib import Path

from ..errors import PictureError
from ..transport.databricks_client import workspace

VARIABLE = "MULTICHAIN_PICTURES"


def stored() -> bool:
    """Whether pictures are kept somewhere, and not answered with."""
    return bool(os.environ.get(VARIABLE))


def check() -> None:
    """Raises PictureError when a folder cannot be written, before a picture is paid for."""
    place = os.environ.get(VARIABLE)
    if place and (Path(place).is_dir() or not place.startswith("/Volumes/")):
        try:
            Path(place).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise _unkept(error) from None


def store(content: bytes, mime_type: str) -> str:
    """Keeps the picture where MULTICHAIN_PICTURES says, and gives its address; "" when it says nothing.

    A volume that is mounted is a folder like any other; where it is not, on a Model Serving endpoint say, it is
    written through Databricks' Files API. Raises PictureError when it cannot be kept.
    """
    place = os.environ.get(VARIABLE)
    if not place:
        return ""
    name = f"{sha256(content).hexdigest()}.{mime_type.rpartition('/')[2]}"
    try:
        if place.startswith("/Volumes/") and not Path(place).is_dir():
            return _uploaded(content, f"{place.rstrip('/')}/{name}")
        return _written(content, Path(place).absolute() / name)
    except Exception as error:  # noqa: BLE001 - whatever a file system or an SDK raises
        raise _unkept(error) from None


def _unkept(error: Exception) -> PictureError:
    return PictureError(
        f"a picture cannot be kept where {VARIABLE} says ({type(error).__name__}); "
        "check that the place is there and may be written"
    )


def _written(content: bytes, file: Path) -> str:
    """The file appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as part:
            part.write(content)
        Path(part.name).chmod(0o644)
        Path(part.name).rename(file)
    return str(file) if str(file).startswith("/Volumes/") else file.as_uri()


def _uploaded(content: bytes, path: str) -> str:
    workspace().files.upload(path, io.BytesIO(content), overwrite=True)
    return path
