"""Note what is weak about an answer of a chat model: no citation, or numbers and names that stand in no passage."""

import re
from collections.abc import Collection, Iterator, Sequence

from ..passages import Passage
from ..runtime import usage
from ..text_analysis import count_stop_words, is_content_word, split_words
from .prompting import remove_citations

_LIST_NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_NUMBER = re.compile(r"\d(?:[\d.,'’:/-]*\d)?")
_NAME = re.compile(r"(?<![.!?:\n•*-] )(?<!\A)(?<=[\w,;(] )[A-ZÀ-Þ][\w'’-]+")
"""A word with a capital letter inside a sentence."""
_MAX_WORDS, _MAX_WORD = 3, 60


def note_weaknesses(text: str, cited: Collection[int], question: str, passages: Sequence[Passage]) -> None:
    """Add the notes ``uncited`` and ``unsupported`` where they fit.

    Args:
        text: The answer.
        cited: Positions of the passages that it cites.
        question: The question.
        passages: The passages that the model read.
    """
    if passages and not cited:
        usage.add_note("uncited", "no sentence of the answer cites a passage")
    unsupported = list(dict.fromkeys(_find_unsupported(text, question, passages))) if passages else []
    if unsupported:
        shown = ", ".join(word[:_MAX_WORD] for word in unsupported[:_MAX_WORDS])
        more = f" and {len(unsupported) - _MAX_WORDS} more" if len(unsupported) > _MAX_WORDS else ""
        usage.add_note("unsupported", f"in no passage and not in the question: {shown}{more}")


def _find_unsupported(text: str, question: str, passages: Sequence[Passage]) -> Iterator[str]:
    """Yield the numbers and names of an answer that stand in no passage and not in the question.

    German nouns have capital letters, so only the numbers of a German answer are compared.
    """
    material = "\n".join([question, *(f"{p.chunk.source} {p.chunk.searchable_text} {p.chunk.tags}" for p in passages)])
    known_words = frozenset([*split_words(material), *_NUMBER.findall(material)])
    answer = _LIST_NUMBER.sub("", remove_citations(text))
    for match in _NUMBER.finditer(answer):
        if known_words.isdisjoint([match[0], *split_words(match[0])]):
            yield match[0]
    if count_stop_words(answer, "german") > count_stop_words(answer, "english"):
        return
    for match in _NAME.finditer(answer):
        word = match[0].removesuffix("'s").removesuffix("’s")
        if is_content_word(word.lower()) and known_words.isdisjoint(split_words(word)):
            yield word
