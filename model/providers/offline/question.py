"""Read what a question asks for: the kind of its answer, its subject, and what it compares.

The rules are regular expressions over the question words of English, German, French and Spanish. A question in another
language has the kind ``other``, which any excerpt may answer.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ...text_analysis import count_stop_words, find_identifiers, is_content_word, remove_intent, split_words

AnswerKind = Literal[
    "number", "date", "person", "place", "procedure", "definition", "reason", "yes_no", "comparison", "other"
]
LANGUAGES = ("english", "german", "french", "spanish")
"""Languages whose questions are read; an earlier one wins where the words say nothing."""

_MONTHS = (
    r"jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[ée]vr(?:ier)?|mar(?:ch|s|zo)?|märz|a[pv]r(?:il)?|abril|ma[iy](?:o)?"
    r"|jun[ei]?|juin|junio|jul[iy]?|juillet|julio|aug(?:ust)?|août|agosto|sep(?:t(?:ember|embre|iembre)?)?"
    r"|o[ck]t(?:ober|obre|ubre)?|nov(?:ember|embre|iembre)?|de[czé]c?(?:ember|embre|iembre)?|enero|febrero"
)
_WEEKDAYS = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:mon|diens|donners|frei|sams|sonn)tags?|mittwochs?"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
)
_NUMBER_WORDS = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|hundred|half|twice|once"
    r"|eine?[nm]?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig|hundert|einmal"
    r"|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|vingt|trente|cent"
    r"|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|veinte|treinta|cien"
)
_QUESTION_PATTERNS: tuple[tuple[AnswerKind, str], ...] = (
    ("reason", r"\b(?:why|what caused|warum|wieso|weshalb|pourquoi|por qué)\b"),
    (
        "number",
        (
            r"\bhow (?:much|many|long|high|far|often|big|large|old|heavy|wide|tall|fast|expensive|deep)\b"
            r"|\bwie (?:viele?|hoch|lange|oft|groß|weit|schwer|teuer|alt|breit|tief)\b|\bcombien\b|\bcuánt[oa]s?\b"
            r"|\b(?:cost|costs|price|fee|rate|amount|budget|deposit|penalty|kostet|kosten|preis|betrag|gebühr|prix|precio)\b"
            r"|\b(?:highest|lowest|maximum|minimum|largest|smallest|höchste\w*|niedrigste\w*|maximal\w*|minimal\w*)\b"
            r"|\bwhat (?:percentage|number|size|interval|pressure|temperature|voltage)\b"
        ),
    ),
    (
        "date",
        (
            r"\bwhen\b|\bwhat (?:date|day|year|month|time)\b|\b(?:which|what) (?:day|date|year|month)\b|\bwann\b"
            r"|\bwelche[nmrs]? (?:jahr|tag|datum|monat)\b|\bquand\b|\bquelle (?:date|année)\b|\bcuándo\b"
            r"|\bqué (?:día|fecha|año)\b|\bdate\b|\bdatum\b"
        ),
    ),
    ("person", r"\b(?:who|whom|whose|wer|wem|wen|wessen|qui|quién(?:es)?)\b"),
    ("place", r"\b(?:where|wo|wohin|woher|où|dónde|adónde)\b"),
    (
        "definition",
        (
            r"^\s*(?:define|explain)\b|\bmean(?:s|ing)?\b|\bstands? for\b|\bversteht man\b|\bbedeutet\b|\bheißt\b"
            r"|\bsignifie\b|\bsignifica\b|^\s*(?:what (?:is|are|was|were)|was (?:ist|sind))\b"
            r"|^\s*(?:qu'est-ce que|qué (?:es|son))\b"
        ),
    ),
    (
        "procedure",
        (
            r"\bhow (?:do|does|can|should|to|is|are|did|must)\b|\b(?:steps?|procedure|what now|what do i do)\b"
            r"|\bwie\b|\bwas muss ich\b|\bcomment\b|\bcómo\b"
        ),
    ),
    (
        "yes_no",
        (
            r"^\s*(?:is|are|was|were|do|does|did|can|could|may|must|has|have|will|should"
            r"|ist|sind|war|darf|kann|muss|hat|haben|wird|gibt|est-ce que|peut-on|hay|puedo|es)\b"
        ),
    ),
)
_EXPECTED: dict[AnswerKind, re.Pattern[str]] = {
    "number": re.compile(rf"\d|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE),
    "date": re.compile(
        rf"\b(?:{_MONTHS})\b|\b(?:{_WEEKDAYS})\b|\b(?:19|20)\d\d\b|\d\d?[.:]\d\d|\b\d\d? ?(?:am|pm|Uhr|h)\b",
        re.IGNORECASE,
    ),
    "person": re.compile(
        r"\b[A-ZÀ-Ý][\w'’-]+ (?:[a-z]{2,3} )?[A-ZÀ-Ý][\w'’-]+|\b(?:Mr|Mrs|Ms|Dr|Herr|Frau|Mme|Sra?)\b\.?"
        r"|\b(?:team|manager|head|officer|department|Abteilung|Leiter(?:in)?)\b"
    ),
    "place": re.compile(
        r"\b(?:in|at|on|near|im|am|bei|beim|auf|à|au|en|dans|behind|next to|room|hall|floor|shelf|building|street)\b"
    ),
    "reason": re.compile(
        r"\b(?:because|since|due to|caused?|so that|therefore|weil|da|wegen|damit|car|parce que|porque|debido)\b",
        re.IGNORECASE,
    ),
    "definition": re.compile(r"\b(?:is|are|means|ist|sind|bedeutet|bezeichnet|est|sont|es|son)\b|: ", re.IGNORECASE),
}
_LATEST = re.compile(
    r"\b(?:current(?:ly)?|latest|newest|now|today|nowadays|aktuell\w*|derzeit\w*|heute|jetzt|neueste\w*|actuel\w*"
    r"|aujourd'hui|actual(?:mente)?|hoy)\b",
    re.IGNORECASE,
)
_WORD = r"[\w][\w.'’/+#-]*"
_ALTERNATIVES = re.compile(
    rf"(?P<first>{_WORD}),?\s+(?:or|vs\.?|versus|oder|ou|o)\s+(?:in|at|the|a|an|im|am|der|die|das|le|la|el)?\s*(?P<second>{_WORD})"
    rf"|\b(?:between|from|zwischen|von|entre|de)\s+(?P<from>{_WORD})\s+(?:and|to|until|und|bis|et|à|y|a)\s+(?P<to>{_WORD})",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\b(?:code|command|function|script|method|class|query|shell|snippet|example|befehl|funktion|skript|commande|fonction"
    r"|comando|función)\b",
    re.IGNORECASE,
)
_ATTRIBUTE = r"(?P<attribute>[\w][\w -]{2,40}?)"
_ATTRIBUTES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^what(?:'s|’s| is| are| was| were) (?:the|a|an) {_ATTRIBUTE} (?:of|for|on|in|at|from|to)\b",
        rf"^what(?:'s|’s| is| are| was| were) [\w .-]{{2,40}}?['’]s {_ATTRIBUTE}\??$",
        (
            rf"^(?:wie (?:lautet|ist)|was ist|welches ist) (?:der|die|das) {_ATTRIBUTE} "
            r"(?:von|vom|für|der|des|in|im|am|an|auf|bei|beim|zur|zum)\b"
        ),
        rf"^quel(?:le)? (?:est|était) (?:le |la |l['’]){_ATTRIBUTE} (?:de |du |des |pour |d['’])",
        rf"^¿?cuál (?:es|era) (?:el|la) {_ATTRIBUTE} (?:de|del|para)\b",
    )
)
"""What a question asks of a thing, such as "salary" in "What is the salary of the managing director?"."""
_MAX_ALTERNATIVES = 4
"""Most things that a question compares; each is searched and answered by itself."""
_MEASURE = re.compile(r"\d{2,4}s|\d{1,3}[^\W\d_]{4,}")
"""Such as 1970s and 24-yard, without its hyphen."""
_SHAPE = re.compile(r"\d+")
_NAME = re.compile(r"[^\W\d_][\w'’-]*")


@dataclass(frozen=True, slots=True)
class Question:
    """What a question asks for.

    Attributes:
        text: The question.
        subject: The question without the words that name the kind of answer.
        language: Language of the question's words.
        kind: Kind of the answer.
        identifiers: Years, codes and numbers that have to stand in what answers the question.
        names: Words with a capital letter that are no first word, which name a person, a place or a thing.
        alternatives: What the question compares; each is a word, such as ``2023`` and ``2025``.
        attribute: What the question asks of a thing, such as ``salary``; empty where it does not say so.
        wants_latest: Whether the question asks for what holds now.
    """

    text: str
    subject: str
    language: str
    kind: AnswerKind
    identifiers: frozenset[str]
    names: tuple[str, ...]
    alternatives: tuple[str, ...]
    attribute: str
    wants_latest: bool

    def is_answered_in(self, text: str) -> bool:
        """Return whether a text holds the kind of value that the question asks for; True where any may."""
        expected = _EXPECTED.get(self.kind)
        if expected is None:
            return True
        return expected.search(" ".join(word for word in text.split() if not self._repeats(word))) is not None

    @property
    def codes(self) -> frozenset[str]:
        """The identifiers with letters, such as ``err4031``, which name one thing alone; no decade and no measure."""
        return frozenset(
            word
            for word in self.identifiers
            if any(character.isalpha() for character in word) and _MEASURE.fullmatch(word) is None
        )

    @property
    def wants_code(self) -> bool:
        """Whether the question asks for code or a command."""
        return _CODE.search(self.text) is not None

    def _repeats(self, word: str) -> bool:
        """Return whether a word of a text is an identifier of the question."""
        return not self.identifiers.isdisjoint(split_words(word))


@lru_cache(1024)
def read_question(text: str) -> Question:
    """Return what a question asks for."""
    language = find_language(text)
    alternatives = _find_alternatives(text)
    kind: AnswerKind = (
        "comparison"
        if alternatives
        else next((kind for kind, pattern in _QUESTION_PATTERNS if re.search(pattern, text, re.IGNORECASE)), "other")
    )
    return Question(
        text,
        remove_intent(text),
        language,
        kind,
        frozenset(find_identifiers(text)),
        _find_names(text, language),
        alternatives,
        next((match["attribute"] for pattern in _ATTRIBUTES if (match := pattern.search(text.strip()))), ""),
        _LATEST.search(text) is not None,
    )


def find_language(text: str) -> str:
    """Return the language of a question by its function words; English where they say nothing."""
    counts = {language: count_stop_words(text, language) for language in LANGUAGES}
    return max(counts, key=lambda language: counts[language])


def find_shape(word: str) -> str:
    """Return a year, code or number with its digits as 0: words of one shape name things of one kind."""
    return _SHAPE.sub("0", word)


def _find_alternatives(text: str) -> tuple[str, ...]:
    """Return two or more words that a question compares; empty when it compares nothing."""
    identifiers = [word.strip("?.,!") for word in text.split() if find_identifiers(word)]
    by_shape: dict[str, list[str]] = {}
    for word in dict.fromkeys(identifiers):
        by_shape.setdefault(find_shape(word), []).append(word)
    several = next((words for words in by_shape.values() if len(words) > 1), [])
    if several:
        return tuple(several) if len(several) <= _MAX_ALTERNATIVES else ()
    match = _ALTERNATIVES.search(text)
    if match is None:
        return ()
    pair = [match["first"] or match["from"], match["second"] or match["to"]]
    words = [word.strip("?.,!") for word in pair]
    return tuple(words) if all(is_content_word(word.lower()) for word in words) else ()


def _find_names(text: str, language: str) -> tuple[str, ...]:
    """Return the names of a question; none in German, whose nouns have capital letters."""
    if language == "german":
        return ()
    words = [match for match in _NAME.finditer(text) if match.start() > 0]
    return tuple(
        match[0].removesuffix("'s").removesuffix("’s")
        for match in words
        if match[0][0].isupper() and is_content_word(match[0].lower(), language) and not _starts_sentence(text, match)
    )


def _starts_sentence(text: str, match: re.Match[str]) -> bool:
    return text[: match.start()].rstrip().endswith((".", "?", "!", ":", "¿"))


def remove_words(text: str, words: tuple[str, ...]) -> str:
    """Return ``text`` without some of its words."""
    unwanted = {word.lower() for word in words}
    return " ".join(word for word in text.split() if word.strip("?.,!").lower() not in unwanted)


def carries_subject(text: str, language: str) -> bool:
    """Return whether a question has two content words or more, so that it may stand alone."""
    return count_content_words(text, language) > 1


def count_content_words(text: str, language: str) -> int:
    """Return how many words of a question are content words."""
    return sum(is_content_word(word, language) for word in split_words(remove_intent(text)))
