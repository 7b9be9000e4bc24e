"""XMP packets: where each format holds them, and what they say."""

import io
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.images.provenance import ALGORITHM, TRAINED_MODEL, embed_provenance

RDF, DC = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}", "{http://purl.org/dc/elements/1.1/}"
XMP, IPTC = "{http://ns.adobe.com/xap/1.0/}", "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
JFIF_SIZE = 18
"""Bytes of JFIF's segment, with its marker."""


def encode(kind: str, mode: str = "RGB", size: tuple[int, int] = (5, 3), **settings: Any) -> bytes:
    out = io.BytesIO()
    shape = (size[1], size[0], len(mode))
    Image.fromarray(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape), mode).save(out, kind, **settings)
    return out.getvalue()


def embed(content: bytes, description: str = "A city", made_by: str = "openai:x", origin: str = ALGORITHM) -> bytes:
    return embed_provenance(content, made_by, description, origin)


def read_packet(content: bytes) -> bytes:
    start = content.index(b"<?xpacket begin=")
    return content[start : content.index(b'<?xpacket end="w"?>') + 19]


def read_description(content: bytes) -> ET.Element:
    """Return the element of the packet that describes the image."""
    (element,) = ET.fromstring(read_packet(content).decode("utf-8-sig")).iter(f"{RDF}Description")  # noqa: S314 - ours
    return element


def list_webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk."""
    position = 12
    while position < len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        yield content[position : position + 4], content[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    assert position == len(content)


def test_packet_says_tool_origin_and_description() -> None:
    element = read_description(embed(encode("PNG"), 'A <city> & "more"', 'x"y', TRAINED_MODEL))
    assert element.get(f"{XMP}CreatorTool") == 'multichain; x"y'
    assert element.get(f"{IPTC}DigitalSourceType") == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    (text,) = element.findall(f"{DC}description/{RDF}Alt/{RDF}li")
    assert (text.text, text.attrib) == (
        'A <city> & "more"',
        {"{http://www.w3.org/XML/1998/namespace}lang": "x-default"},
    )


def test_origins_are_those_of_iptc() -> None:
    assert (TRAINED_MODEL, ALGORITHM) == ("trainedAlgorithmicMedia", "algorithmicMedia")


def test_packet_begins_with_mark_and_id_of_xmp() -> None:
    packet = read_packet(embed(encode("PNG")))
    assert packet.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta ')


@pytest.mark.parametrize(("length", "expected"), [(0, 0), (7999, 7999), (8000, 8000), (8001, 8000)])
def test_description_is_cut_at_8000_characters(length: int, expected: int) -> None:
    (text,) = read_description(embed(encode("PNG"), "ü" * length)).iter(f"{RDF}li")
    assert len(text.text or "") == expected


def test_long_description_fits_into_a_jpeg_segment() -> None:
    content = embed(encode("JPEG"), '"' * 9000)
    assert len(read_packet(content)) > 48_000
    assert Image.open(io.BytesIO(content)).getxmp()


@given(st.text(st.characters(min_codepoint=32, blacklist_categories=["Cs", "Cc", "Cn"]), max_size=60))
def test_any_printable_description_is_read_back(description: str) -> None:
    (text,) = read_description(embed(encode("PNG"), description)).iter(f"{RDF}li")
    assert (text.text or "") == description


def test_png_holds_the_packet_in_a_chunk_after_its_header() -> None:
    plain = encode("PNG")
    content = embed(plain)
    end = 8 + 25
    body = b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + read_packet(content)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert content == plain[:end] + chunk + plain[end:]


@pytest.mark.parametrize(("is_jfif", "end"), [(True, 2 + JFIF_SIZE), (False, 2)])
def test_jpeg_holds_the_packet_in_a_segment_after_jfif(is_jfif: bool, end: int) -> None:
    plain = encode("JPEG")
    assert plain[2:4] == b"\xff\xe0"
    plain = plain if is_jfif else plain[:2] + plain[2 + JFIF_SIZE :]
    content = embed(plain)
    body = b"http://ns.adobe.com/xap/1.0/\0" + read_packet(content)
    assert content == plain[:end] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[end:]


@pytest.mark.parametrize(("mode", "flags"), [("RGB", 0x04), ("RGBA", 0x14)])
def test_simple_webp_receives_an_extended_header(mode: str, flags: int) -> None:
    plain = encode("WEBP", mode, (300, 2), lossless=True)
    content = embed(plain)
    sides = (299).to_bytes(3, "little") + (1).to_bytes(3, "little")
    assert [*list_webp_chunks(content)] == [
        (b"VP8X", bytes([flags, 0, 0, 0]) + sides),
        *list_webp_chunks(plain),
        (b"XMP ", read_packet(content)),
    ]


def test_extended_webp_keeps_its_header_but_for_the_flag() -> None:
    plain = encode("WEBP", "RGBA", icc_profile=b"icc", lossless=True)
    content = embed(plain)
    (_, before), *chunks = list_webp_chunks(plain)
    (name, after), *chunks_with_packet = list_webp_chunks(content)
    assert (name, before[0], after) == (b"VP8X", 0x30, bytes([0x34]) + before[1:])
    assert chunks_with_packet == [*chunks, (b"XMP ", read_packet(content))]


@pytest.mark.parametrize("description", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_has_even_chunks_and_names_its_size(mode: str, description: str) -> None:
    content = embed(encode("WEBP", mode), description)
    assert content[:4] + content[8:12] == b"RIFFWEBP"
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    assert len(content) % 2 == 0
    assert dict(list_webp_chunks(content))[b"XMP "] == read_packet(content)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"RIFF\x04\0\0\0WAVE", b"RIFF", b"\x89PNG", b"\xffx", b"<svg/>"])
def test_file_of_another_format_stays_as_it_is(content: bytes) -> None:
    assert embed(content) == content
