"""Write into an image file what made it, without changing a pixel: an XMP packet (ISO 16684-1).

PNG, JPEG and WebP each hold the packet in a place of its own (XMP Specification, part 3). Whether a machine made the
image is said by IPTC's digital source types, which other programs show.
"""

import io
import re
import struct
import zlib
from html import escape

TRAINED_MODEL = "trainedAlgorithmicMedia"
"""IPTC's digital source type of media that a trained model made."""
ALGORITHM = "algorithmicMedia"
"""IPTC's digital source type of media that an algorithm without a trained model made."""

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmp:CreatorTool="{tool}"
 Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{origin}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
_MAX_DESCRIPTION = 8_000  # characters of a description: a JPEG's segment holds 64 KiB
_PNG, _JPEG, _WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF"
_HAS_XMP = 0x04


_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (section 2.2), such as control characters and single surrogates."""


def embed_provenance(content: bytes, made_by: str, description: str, origin: str) -> bytes:
    """Return the image file with an XMP packet that says what made it.

    Args:
        content: A PNG, JPEG or WebP file; any other file is returned as it is.
        made_by: Provider and model.
        description: The image in words.
        origin: IPTC digital source type.

    Returns:
        The file.
    """
    values = {"tool": f"multichain; {made_by}", "origin": origin, "description": description[:_MAX_DESCRIPTION]}
    packet = _PACKET.format(
        **{name: escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)) for name, text in values.items()}
    )
    return _insert_packet(content, packet.encode())


def _insert_packet(content: bytes, packet: bytes) -> bytes:
    if content.startswith(_PNG):
        return _insert_into_png(content, packet)
    if content.startswith(_JPEG):
        return _insert_into_jpeg(content, packet)
    return _insert_into_webp(content, packet) if content.startswith(_WEBP) and content[8:12] == b"WEBP" else content


def _insert_into_png(content: bytes, packet: bytes) -> bytes:
    """Insert the packet as an iTXt chunk after the header, which is the first chunk and 25 bytes long."""
    body = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end = len(_PNG) + 25
    return content[:end] + chunk + content[end:]


def _insert_into_jpeg(content: bytes, packet: bytes) -> bytes:
    """Insert the packet as an APP1 segment, after JFIF's own where there is one."""
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    end = 2 + (2 + int.from_bytes(content[4:6], "big") if content[2:4] == b"\xff\xe0" else 0)
    return content[:end] + segment + content[end:]


def _insert_into_webp(content: bytes, packet: bytes) -> bytes:
    """Append the packet as an XMP chunk, which the extended header announces; add that header where it is missing."""
    chunks = content[12:]
    if chunks[:4] == b"VP8X":
        chunks = chunks[:8] + bytes([chunks[8] | _HAS_XMP]) + chunks[9:]
    else:
        from PIL import Image  # where a picture is a WebP

        with Image.open(io.BytesIO(content)) as image:
            (width, height), alpha = image.size, 0x10 * image.has_transparency_data
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks = b"VP8X" + struct.pack("<I", 10) + bytes([_HAS_XMP | alpha, 0, 0, 0]) + sides + chunks
    chunks += b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2)
    return _WEBP + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
