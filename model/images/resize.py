"""Encode an image in fewer bytes: as WebP, at a lower quality, and then with fewer pixels."""

import io
from collections.abc import Iterator

from PIL import Image

MIME_TYPE = "image/webp"
_QUALITIES = (90, 80, 65, 50)
_SCALE_STEP, _MIN_SIDE = 0.75, 128


def shrink_image(content: bytes, max_bytes: int) -> bytes:
    """Return the image as WebP in at most ``max_bytes`` bytes, as good as that allows; empty when that is impossible.

    The XMP packet stays in the file.
    """
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return next((encoded for encoded in _encode_smaller(image) if len(encoded) <= max_bytes), b"")


def _encode_smaller(image: Image.Image) -> Iterator[bytes]:
    for quality in _QUALITIES:
        yield _encode(image, quality)
    side = min(image.size) * _SCALE_STEP
    while side >= _MIN_SIDE:
        scale = side / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        yield _encode(image.resize(size, Image.Resampling.LANCZOS), _QUALITIES[-2], image.info.get("xmp", b""))
        side *= _SCALE_STEP


def _encode(image: Image.Image, quality: int, packet: bytes = b"") -> bytes:
    out = io.BytesIO()
    packet = packet or image.info.get("xmp", b"")
    image.save(out, "WEBP", quality=quality, method=4, xmp=packet)
    return out.getvalue()
