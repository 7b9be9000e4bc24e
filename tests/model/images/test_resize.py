"""Images are encoded as well as their number of bytes allows: by quality, and then by size."""

import io

import numpy as np
import pytest
from PIL import Image

from model.images.resize import MIME_TYPE, shrink_image

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def make_noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    random = np.random.default_rng(3)
    return Image.fromarray(random.integers(0, 255, (height, width, len(mode)), dtype=np.uint8), mode)


def encode(image: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


def encode_as_webp(image: Image.Image, quality: int) -> bytes:
    return encode(image, "WEBP", quality=quality, method=4)


def read_size(content: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(content)).size


NOISE = make_noise(320, 240)
SHRUNK_SIZES = [(240, 180), (180, 135)]
"""Of the noise; the next height, 101, is less than 128."""
QUALITIES = (90, 80, 65, 50)


@pytest.mark.parametrize("quality", QUALITIES)
def test_best_quality_that_fits_is_used(quality: int) -> None:
    expected = encode_as_webp(NOISE, quality)
    assert shrink_image(encode(NOISE), len(expected)) == expected


@pytest.mark.parametrize(("quality", "next_quality"), [(90, 80), (80, 65), (65, 50)])
def test_byte_too_many_lowers_the_quality(quality: int, next_quality: int) -> None:
    too_large = encode_as_webp(NOISE, quality)
    assert shrink_image(encode(NOISE), len(too_large) - 1) == encode_as_webp(NOISE, next_quality)


def test_quality_is_lowered_before_pixels_are_removed() -> None:
    lowest_quality = len(encode_as_webp(NOISE, 50))
    assert read_size(shrink_image(encode(NOISE), lowest_quality)) == (320, 240)
    assert read_size(shrink_image(encode(NOISE), lowest_quality - 1)) in SHRUNK_SIZES


@pytest.mark.parametrize("size", SHRUNK_SIZES)
def test_smaller_image_is_resampled_with_quality_65(size: tuple[int, int]) -> None:
    expected = encode_as_webp(NOISE.resize(size, Image.Resampling.LANCZOS), 65)
    assert len(expected) < len(encode_as_webp(NOISE, 50))
    assert shrink_image(encode(NOISE), len(expected)) == expected


def test_image_is_empty_when_the_smallest_does_not_fit() -> None:
    smallest = encode_as_webp(NOISE.resize((180, 135), Image.Resampling.LANCZOS), 65)
    assert shrink_image(encode(NOISE), len(smallest) - 1) == b""
    assert shrink_image(encode(NOISE), 0) == b""


@pytest.mark.parametrize(
    ("size", "shrunk_size"),
    [((171, 171), (128, 128)), ((170, 170), None), ((171, 400), (128, 300)), ((400, 170), None), ((64, 64), None)],
)
def test_shorter_side_keeps_at_least_128_pixels(size: tuple[int, int], shrunk_size: tuple[int, int] | None) -> None:
    image = make_noise(*size)
    content = shrink_image(encode(image), len(encode_as_webp(image, 50)) - 1)
    assert (read_size(content) if content else None) == shrunk_size


LIMITS = range(0, 70_000, 10_000)


def test_more_bytes_never_give_a_smaller_file() -> None:
    sizes = [len(shrink_image(encode(NOISE), limit)) for limit in LIMITS]
    assert sizes == sorted(sizes)
    assert all(size <= limit for size, limit in zip(sizes, LIMITS, strict=True))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_transparency_stays_at_any_size(mode: str, share: float) -> None:
    image = make_noise(320, 240, mode)
    content = shrink_image(encode(image), round(len(encode_as_webp(image, 90)) * share))
    assert Image.open(io.BytesIO(content)).mode == mode


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK"])
def test_image_of_any_mode_is_encoded(mode: str) -> None:
    image = NOISE.convert(mode)
    content = encode(image, "TIFF" if mode == "CMYK" else "PNG")
    assert read_size(shrink_image(content, 10**6)) == (320, 240)
    assert read_size(shrink_image(content, len(encode_as_webp(image, 50)) - 1)) in SHRUNK_SIZES


@pytest.mark.parametrize("limit", [60_000, 18_000])
def test_xmp_packet_stays_at_any_size(limit: int) -> None:
    content = shrink_image(encode(NOISE, "WEBP", lossless=True, xmp=XMP), limit)
    assert Image.open(io.BytesIO(content)).info["xmp"] == XMP


def test_shrunk_image_is_webp() -> None:
    image = Image.open(io.BytesIO(shrink_image(encode(NOISE, "JPEG"), 60_000)))
    assert (MIME_TYPE, image.format) == ("image/webp", "WEBP")
