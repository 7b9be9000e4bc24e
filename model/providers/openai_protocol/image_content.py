"""Read the image in a response, in whatever form a server sends it: base64, a data URI, or an address."""

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable, Mapping

from ...errors import RejectedCallError

Fetch = Callable[[str], Awaitable[bytes]]
"""Returns the content at an address; raises OSError where there is none."""
MAX_BYTES = 64_000_000
"""Largest image that is read."""
_LARGE_BASE64 = 1_000_000  # characters of base64 beyond which a thread decodes them
_LARGE_IMAGE = 1_000_000  # bytes of an image beyond which a thread reads its format
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


async def read_image(name: str, content: str | None, url: str | None, fetch: Fetch) -> tuple[bytes, str]:
    """Return the bytes of an image and its MIME type, as the bytes tell it.

    Args:
        name: Provider and model, for messages.
        content: The image in base64, or as a data URI; None where the server sent an address.
        url: The address of the image, or a data URI.
        fetch: Reads an address.

    Raises:
        RejectedCallError: There is no image, or it cannot be read or fetched.
    """
    if not content and url and url.startswith(("http://", "https://")):
        image = await _fetch_image(name, url, fetch)
    else:
        encoded = content or url
        if not encoded:
            raise RejectedCallError(f"{name} returned no image; use a model that generates images")
        image = await _decode_image(name, encoded)
    is_large = len(image) > _LARGE_IMAGE
    kind = await asyncio.to_thread(_find_format, image) if is_large else _find_format(image)
    if not kind:
        raise RejectedCallError(f"{name} returned something that is no image; try again, or use another model")
    return image, f"image/{kind.lower()}"


async def _fetch_image(name: str, url: str, fetch: Fetch) -> bytes:
    try:
        return await fetch(url)
    except OSError:
        raise RejectedCallError(
            f"{name} returned the address of an image, which cannot be fetched from here; let the server return base64"
        ) from None


async def _decode_image(name: str, encoded: str) -> bytes:
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        if len(encoded) > _LARGE_BASE64:
            return await asyncio.to_thread(_decode_base64, encoded)
        return _decode_base64(encoded)
    except ValueError:
        raise RejectedCallError(f"{name} returned an image that is not valid base64; try again") from None


def _decode_base64(encoded: str) -> bytes:
    """Return the content of base64 that may have line ends and lack its padding."""
    compact = "".join(encoded.split())
    return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)


def _find_format(content: bytes) -> str:
    """Return Pillow's name of an image's format; empty for what is no image."""
    from PIL import Image, UnidentifiedImageError  # where an image model draws

    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            return image.format or ""
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError):
        return ""


def read_count(counts: object, name: str) -> int | None:
    """Return a number of tokens that a server counted, or None where it counted none.

    Args:
        counts: The server's object of counts, or whatever it sent instead.
        name: The name of the number.
    """
    count = counts.get(name) if isinstance(counts, Mapping) else None
    return int(count) if isinstance(count, int | float) else None
