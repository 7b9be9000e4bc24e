"""Decode the bytes of a text file: by its mark, as UTF-8, or in the encoding that the bytes suggest."""

import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from model.errors import DocumentError

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Byte order marks with their encodings, longer marks first."""
_EAST_ASIAN = ("shift_jis", "gb18030", "euc_kr", "big5", "euc_jp")
_SAMPLE_BYTES = 100_000
_RUN_SHARE = 0.3
"""Share of the bytes above 127 that stand in runs of at least four in a text of two bytes a letter."""
_HIGH_RUN = re.compile(rb"[\x80-\xff]{4,}")
_UNWANTED = re.compile("[\u00ad\u200b\u2060\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Soft hyphens, spaces without width, and control characters."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def has_mark(content: bytes) -> bool:
    """Return whether a file begins with a byte order mark."""
    return content.startswith(tuple(mark for mark, _ in _MARKS))


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file, and the encoding where it had to be guessed; empty for UTF-8 and where a mark names it."""

    text: str
    guessed_encoding: str = ""


def decode(content: bytes) -> DecodedText:
    """Return the text of a file.

    Args:
        content: The bytes of the file.

    Raises:
        DocumentError: The bytes are no text.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    if encoding:
        return DecodedText(content.decode(encoding, "replace"))
    if b"\0" in content:
        raise DocumentError("the file is not text (it contains null bytes)")
    try:
        return DecodedText(content.decode("utf-8"))
    except UnicodeDecodeError:
        encoding = guess_encoding(content)
        return DecodedText(content.decode(encoding, "replace"), encoding)


def guess_encoding(content: bytes) -> str:
    """Return the likely encoding of a text that is not UTF-8.

    The bytes above 127 of a Western text stand alone among letters of ASCII; those of an East Asian or Cyrillic one
    come in runs.
    """
    sample = content[:_SAMPLE_BYTES]
    high = sum(byte >= 0x80 for byte in sample)  # noqa: PLR2004 - the first byte beyond ASCII
    paired = sum(len(match[0]) for match in _HIGH_RUN.finditer(sample))
    ascii_letters = sum(chr(byte).isalpha() for byte in sample if byte < 0x80)  # noqa: PLR2004 - likewise
    if paired < _RUN_SHARE * high and ascii_letters > high:
        return "cp1252"
    candidates = [name for name in _EAST_ASIAN if _is_decodable(content, name)]
    best = from_bytes(sample, cp_isolation=[*candidates, "cp1252", "cp1250", "cp1251", "cp1253"]).best()
    return best.encoding if best else "cp1252"


def remove_unwanted_characters(text: str) -> str:
    """Return ``text`` with one kind of line end, and without soft hyphens, control and zero-width characters.

    A lone surrogate becomes the replacement character U+FFFD.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    return _SURROGATE.sub("\ufffd", _UNWANTED.sub("", lines))


def _is_decodable(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
