"""The encoding of a text file is recognised, and characters that nobody sees are removed."""

import pytest

from model.errors import DocumentError
from training.documents.decoding import decode, has_mark, remove_unwanted_characters

JAPANESE = "図書館は午前九時に開きます。本は二週間借りることができます。返却が遅れた場合は料金がかかります。"
CHINESE = "本公司的年假为十五天。病假需要医生证明。员工食堂在三楼，早上七点开门。停车场位于大楼后面。"
GERMAN = "Größe und Übermaß: fünf Öffnungen, süße Äpfel für 12 €."
RUSSIAN = "Библиотека открывается в девять часов утра. Книги выдаются на две недели."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_without_a_guess(encoding: str) -> None:
    decoded = decode(GERMAN.encode(encoding))
    assert (decoded.text.removeprefix("\ufeff"), decoded.guessed_encoding) == (GERMAN, "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(GERMAN, "cp1252"), (JAPANESE, "shift_jis"), (CHINESE, "gb18030"), (RUSSIAN, "cp1251")],
)
def test_other_encodings_are_guessed(text: str, encoding: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert decoded.guessed_encoding


def test_bytes_with_a_null_are_no_text() -> None:
    with pytest.raises(DocumentError, match="the file is not text"):
        decode(b"PK\x00")


def test_mark_is_recognised() -> None:
    assert has_mark(b"\xef\xbb\xbfa")
    assert not has_mark(b"a\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\fd", "a\nb\nc\nd"),
        ("Donau\u00addampf\u200bschiff", "Donaudampfschiff"),
        ("a\x00b\x07c\ufeff", "abc"),
        ("a\ud800b", "a\ufffdb"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_unwanted_characters_are_removed(text: str, clean: str) -> None:
    assert remove_unwanted_characters(text) == clean
