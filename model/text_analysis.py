"""Split text into words, stems, character n-grams and sentences, and correct spelling.

A word that the corpus does not contain is read as a word of the corpus that is one edit away: a letter too many, one
too few, another letter, or two letters swapped (Damerau, 1964). All such words are tried, as in Norvig's spelling
corrector, so no further index is needed.
"""

import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import ascii_lowercase

import Stemmer

NGRAM_LENGTH = 4
"""Characters of an n-gram. Lengths 3 to 5 together found no more in our measurements, and take three times the space.
"""

_MARKS = "".join(
    character for character in map(chr, range(0x0300, 0xFE30)) if unicodedata.category(character).startswith("M")
)
"""Marks that are part of a word, such as the vowel signs of Hindi, which are no letters to a regular expression."""
_TOKEN = re.compile(rf"\bc\+\+|\b[cf]#|[\w{_MARKS}]+(?:[-./:,'’][\w{_MARKS}]+)*")
_CONNECTOR = re.compile(r"[-./:,'’_]")
_LETTERS_OR_DIGITS = re.compile(r"\d+|[^\W\d_]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,'’])\d{3})(?:\1\d{3})*")
_DECIMAL = re.compile(r"(\d+)[.,](\d+)")
_UNSPACED = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f]+"  # Chinese and Japanese
    "|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+"  # Thai, Lao, Burmese, Khmer
    "|[\uac00-\ud7af]+"  # Korean, whose words have endings
)
"""Runs of letters whose words no spaces separate, or which are parts of what spaces separate."""
_QUESTION_WORDS = re.compile(
    "为什么|什么|有?多少[天个年月人元次]?|几[天个年月人次]|哪里|哪儿|哪个|哪些|怎么|如何|谁|吗|呢"  # Chinese
    "|どこ|いつ|なに|なぜ|どう|どの|誰|何|ですか|ますか"  # Japanese
    "|ที่ไหน|อย่างไร|เมื่อไหร่|เมื่อไร|เท่าไหร่|เท่าไร|อะไร|ใคร|หรือไม่|ไหม|กี่"  # Thai
    "|어디에|어디서|어디|무엇|언제|누구|얼마|어떻게|있습니까|합니까|입니까|습니까"  # Korean
)
"""Words of questions in languages without spaces; they say nothing about a text's subject."""
_NUMBER_WITH_UNIT = re.compile(r"[\d.,]*\d[^\W\d_]*\.?")
"""A number alone, with a unit, or an ordinal."""
_MIN_IDENTIFIER_DIGITS = 3
_CAPITALS = re.compile(r"\b[A-Z]{2,5}\b")
_PAIR, _TRIPLE = 2, 3
_CACHED_TEXTS = 16
"""Texts whose words are kept for a moment: one question is split for each kind of score."""
_FIRST_SOUTHEAST_ASIAN, _LAST_SOUTHEAST_ASIAN, _FIRST_HANGUL = "\u0e00", "\u17ff", "\uac00"
_ABBREVIATIONS = [
    "St.",
    "Dr.",
    "Mr.",
    "Mrs.",
    "Ms.",
    "No.",
    "Nos.",
    "vs.",
    "e.g.",
    "i.e.",
    "cf.",
    "ca.",
    "approx.",
    "Prof.",
    "Jr.",
    "Sr.",
    "Sec.",
    "Sect.",
    "Art.",
    "Fig.",
    "Figs.",
    "Tab.",
    "Eq.",
    "Ch.",
    "Vol.",
    "pp.",
    "p.",
    "Ref.",
    "Nr.",
    "Abs.",
    "Abb.",
    "bzw.",
    "z.B.",
    "d.h.",
    "u.a.",
    "vgl.",
    "inkl.",
    "exkl.",
    "ggf.",
    "evtl.",
    "Tel.",
    "Ing.",
    "Mag.",
    "Str.",
    "Bd.",
    "al.",
    "max.",
    "min.",
    "Inc.",
    "Ltd.",
    "Co.",
    "Corp.",
    "Jan.",
    "Feb.",
    "Mar.",
    "Apr.",
    "Jun.",
    "Jul.",
    "Aug.",
    "Sep.",
    "Sept.",
    "Oct.",
    "Nov.",
    "Dec.",
]
"""Abbreviations that end in a full stop within a sentence; a single letter does, too (an initial, or one of U.S.)."""
_MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_STARTERS = "The|It|This|These|They|We|You|If|When|For|Der|Die|Das|Es|Sie"
"""Words that begin a sentence even after a single letter."""
_BREAK = re.compile(
    r"(?:(?<=[.!?؟۔])|(?<=[.!?][\"')\]”»]))"  # the end of a sentence
    + "".join(rf"(?<!\b{re.escape(short)})" for short in _ABBREVIATIONS)
    + rf"(?:(?<!\b[^\W\d_]\.)|(?=\s+(?:{_STARTERS})\b))"
    + rf"\s+(?!(?:{_MONTHS})\b)(?=[\"'(\[„“«]*[^\W_a-z])"  # and the next one does not begin with a small letter
    r"|(?<=[。！？｡])\s*(?=\S)|(?<=[।॥])\s*(?=\S)"  # of a sentence in Chinese, Japanese, Hindi
    r"|(?<=[\u0e00-\u0e7f])[ ]+(?=[\u0e00-\u0e7f])"  # of a sentence or clause in Thai
    r"|\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)]|#{1,6}|>|\|)\s)"  # of a paragraph, of a line of a list or table
)
_SPACE = re.compile(r"\s+")
_MARKER = re.compile(r"(?:[-*+>]|\d+[.)])\s+")
_TWO_WORDS = re.compile(r"\w\W+\w")


def _read_lists(folder: str) -> dict[str, frozenset[str]]:
    files = sorted((Path(__file__).parent / folder).glob("*.txt"))
    return {file.stem: frozenset(file.read_text("utf-8").split()) for file in files}


_STOP_WORDS = _read_lists("stopwords")
"""By language, the words that say nothing about a text's subject. In a language without such a list every word counts.
"""
_LIGHT_WORDS = _read_lists("lightwords")
"""By language, common verbs and nouns such as "get" and "kind". In a question they say little about its subject, and a
corpus that lacks them would take them for its rarest words.
"""
STEMMED_LANGUAGES = frozenset(Stemmer.algorithms())
"""The languages whose words are cut to stems, by their English names; in others a word is its own stem."""


class Analyser:
    """Convert text into lower-case stems without stop words. Not safe for use by two threads at once."""

    def __init__(self, language: str = "english") -> None:
        self._stem = Stemmer.Stemmer(language).stemWords if language in STEMMED_LANGUAGES else list
        self._stop_words = _STOP_WORDS.get(language, frozenset())
        self._light_words = _LIGHT_WORDS.get(language, frozenset())

    def stems(self, text: str) -> list[str]:
        """Return the stems of the content words of ``text``, in order."""
        return self.stem_words(self.content_words(text))

    def content_words(self, text: str) -> list[str]:
        """Return the words of ``text`` without stop words, in order; all words when each is a stop word."""
        all_words = split_words(text)
        names = [word for word in _CAPITALS.findall(text) if word.lower() in self._stop_words]  # IT, WHO, US
        return [*(word for word in all_words if word not in self._stop_words), *names] or all_words

    def question_words(self, question: str) -> list[str]:
        """Return the words of a question that say what it is about: content words but the light ones, if any."""
        words = self.content_words(question)
        return [word for word in words if word not in self._light_words] or words

    def stem_words(self, words_to_stem: Sequence[str]) -> list[str]:
        """Return the stem of each word."""
        return list(self._stem(words_to_stem))


def split_words(text: str) -> list[str]:
    """Return all words of ``text`` in lower case and in compatibility form.

    A number has one form, whatever its separators: ``1,200`` and ``1.200`` are ``1200``, ``12,50`` is ``12.5``. An
    identifier such as ``ERR-4031`` is one word without its separators, beside its parts. Text whose words no spaces
    separate gives pairs of letters, or triples for the scripts of South-East Asia.
    """
    return list(_split_words(text))


@lru_cache(_CACHED_TEXTS)
def _split_words(text: str) -> tuple[str, ...]:
    normalized = text if text.isascii() else unicodedata.normalize("NFKC", text)
    words: list[str] = []
    for token in _TOKEN.findall(normalized.lower()):
        if token.isalpha() and token.isascii():
            words.append(token)
        else:
            words.extend(_split_token(token))
    return tuple(words)


def find_identifiers(text: str) -> list[str]:
    """Return the words of ``text`` that name one thing exactly: years, long numbers, codes and version numbers.

    An ordinal, a number of one or two digits and a number with its unit are none.
    """
    normalized = unicodedata.normalize("NFKC", text).lower()
    return [_split_token(token)[0] for token in _TOKEN.findall(normalized) if _is_identifier(token)]


def _is_identifier(token: str) -> bool:
    digits = sum(character.isdigit() for character in token)
    return digits >= _MIN_IDENTIFIER_DIGITS or (digits > 0 and _NUMBER_WITH_UNIT.fullmatch(token) is None)


def _split_token(token: str) -> list[str]:
    """Return the words of a token that is more than letters of ASCII."""
    if not token.isascii() and _UNSPACED.search(token):
        return _split_unspaced(token)
    if not any(character.isdigit() for character in token):
        return [part for part in _CONNECTOR.split(token) if part]
    if _THOUSANDS.fullmatch(token):
        return [_CONNECTOR.sub("", token)]
    decimal = _DECIMAL.fullmatch(token)
    if decimal:
        return [f"{decimal[1]}.{decimal[2].rstrip('0')}".rstrip(".")]
    parts = _LETTERS_OR_DIGITS.findall(token)
    joined = _CONNECTOR.sub("", token)
    return [joined, *parts] if len(parts) > 1 else [joined]


def _split_unspaced(token: str) -> list[str]:
    """Return overlapping pairs or triples of the letters, the whole words of Korean, and what stands between."""
    words: list[str] = []
    position = 0
    token = _QUESTION_WORDS.sub(" ", token)
    for run in _UNSPACED.finditer(token):
        words += _LETTERS_OR_DIGITS.findall(token[position : run.start()])
        letters, position = run[0], run.end()
        is_southeast_asian = _FIRST_SOUTHEAST_ASIAN <= letters[0] <= _LAST_SOUTHEAST_ASIAN
        length = _TRIPLE if is_southeast_asian else _PAIR
        words += [letters] if letters[0] >= _FIRST_HANGUL and len(letters) > length else []
        words += [letters[start : start + length] for start in range(max(1, len(letters) - length + 1))]
    return words + _LETTERS_OR_DIGITS.findall(token[position:])


def is_content_word(word: str, language: str = "english") -> bool:
    """Return whether a word says something about a text's subject; any does in a language without stop words."""
    return word not in _STOP_WORDS.get(language, frozenset())


_INTENT = re.compile(
    r"^\s*(?:please\s+)?(?:define|explain|meaning of|what (?:do we|does one) mean by|what is meant by"
    r"|was versteht man unter|was bedeutet|was heißt|que signifie|qu'est-ce que|qué significa)\b"
    r"|\bhow (?:much|many|long|high|far|often|big|large|old|heavy|wide|tall|fast|expensive|deep)\b"
    r"|\bwie (?:viele?|hoch|lange|oft|groß|weit|schwer|teuer|alt|breit|tief)\b"
    r"|\b(?:means?|stands? for|meaning)\s*\??\s*$|\baccording to\b|\b(?:laut|selon|según)\b"
    r"|(?<=\bthe )(?:current|latest|newest)\b"
    r"|\b(?:currently|at the moment|derzeit|aktuell\w*|actuellement|actualmente)\b",
    re.IGNORECASE,
)


def remove_intent(question: str) -> str:
    """Return a question without the words that say which kind of answer is wanted, and nothing about its subject."""
    return _INTENT.sub(" ", question).strip() or question


def count_stop_words(text: str, language: str) -> int:
    """Return how many words of ``text`` are stop words of a language."""
    return sum(word in _STOP_WORDS.get(language, ()) for word in re.findall(r"[^\W\d_]+", text.lower()))


def collapse_space(text: str) -> str:
    """Return ``text`` with each run of white space as one space, or as one line break where the run holds one."""
    return _SPACE.sub(lambda space: "\n" if "\n" in space[0] else " ", text)


def split_ngrams(word: str) -> list[str]:
    """Return the n-grams of four characters of ``word``, with a space at each end; a shorter word is returned whole."""
    edged = f" {word} "
    return [edged[start : start + NGRAM_LENGTH] for start in range(max(1, len(edged) - NGRAM_LENGTH + 1))]


def split_into_ngrams(text: str) -> list[str]:
    """Return the n-grams of the words of ``text``, in order."""
    return [ngram for word in split_words(text) for ngram in split_ngrams(word)]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the position of its first character in the text that it was cut from."""

    text: str
    start: int


def split_sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of plain or Markdown text without list markers.

    Headings, tables, code and single words are left out.
    """
    start = 0
    for end, following in [*(match.span() for match in _BREAK.finditer(text)), (len(text), len(text))]:
        piece = text[start:end].lstrip()  # edges are stripped, since a pattern for them tries each inner space as one
        marker = _MARKER.match(piece)
        body = piece[marker.end() if marker else 0 :]
        position, body = end - len(body), body.rstrip()
        if (_TWO_WORDS.search(body) or _is_unspaced(body)) and not body.startswith(("#", "```", "|")):
            yield Sentence(body, position)
        start = following


def _is_unspaced(text: str) -> bool:
    """Return whether ``text`` holds several letters of a script without spaces."""
    run = _UNSPACED.search(text)
    return run is not None and len(run[0]) > _PAIR


_MIN_WORD, _MAX_WORD, _MIN_STEM = 5, 30, 4
"""Shortest and longest word that is corrected, and shortest stem that it becomes. Short words have too many neighbours.
The neighbours of a long word, its letters times those of the alphabet, take longer than the search itself.
"""


def correct_spelling(
    word: str,
    stem: Callable[[Sequence[str]], Sequence[str]],
    known_stems: Container[str],
    rarity: Callable[[str], float],
    letters: AbstractSet[str],
) -> str:
    """Return the most frequent known stem that is one edit away from ``word``.

    Args:
        word: A word that the corpus does not contain.
        stem: Returns the stem of each word of a list.
        known_stems: The stems of the corpus.
        rarity: Returns the inverse document frequency of a known stem.
        letters: The letters of the corpus; a word with another letter is unknown.

    Returns:
        The stem; empty when no known stem is near, or ``word`` is too short, too long or no word of letters.
    """
    if not _MIN_WORD <= len(word) <= _MAX_WORD or not word.isalpha():
        return ""
    near = {
        stem_of_slip
        for stem_of_slip in stem(sorted(set(_one_slip_away(word, letters))))
        if len(stem_of_slip) >= _MIN_STEM and stem_of_slip in known_stems
    }
    return min(near, key=lambda stem_of_slip: (rarity(stem_of_slip), stem_of_slip), default="")


def _one_slip_away(word: str, corpus_letters: AbstractSet[str]) -> Iterator[str]:
    """Yield every word that is one edit away from ``word``, with letters of the corpus."""
    parts = [(word[:position], word[position:]) for position in range(len(word) + 1)]
    letters = {*ascii_lowercase, *word} & corpus_letters
    yield from (head + tail[1:] for head, tail in parts[:-1])
    yield from (head + tail[1] + tail[0] + tail[2:] for head, tail in parts[:-2])
    for letter in letters:
        yield from (head + letter + tail[1:] for head, tail in parts[:-1])
        yield from (head + letter + tail for head, tail in parts)
