"""Passages in a prompt, and the [n] by which a reply cites them.

Each passage stands in a fence of its own, which nothing inside can open or close. Of a false citation the number goes,
its sentence stays, and a note tells it.
"""

import re

from ..runtime import usage

_FENCE = re.compile(r"<(?=\s*(?:/\s*)?passage)", re.IGNORECASE)

_LOOKALIKE = "\u2039"
"""A bracket that looks like the one it stands for."""


def delimit_passage(number: int, text: str) -> str:
    """The ``number``-th passage, from 1; what looks like a fence in it is written with another bracket."""
    return f'<passage n="{number}">\n{_FENCE.sub(_LOOKALIKE, text)}\n</passage>'


_CITATION = re.compile(r"( ?)[\[【]\s*(\d+(?:\s*[,;]\s*\d+)*)\s*(?:†[^\[\]【】]*)?[\]】]")


def check_citations(text: str, passages: int) -> tuple[str, frozenset[int]]:
    """``text`` with each citation as [n], those of no passage left out; and the positions cited, from 0."""
    cited: set[int] = set()
    false: set[int] = set()

    def replace_citation(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[2])]
        true = [number for number in numbers if 1 <= number <= passages]
        cited.update(number - 1 for number in true)
        false.update(set(numbers) - set(true))
        return match[1] + " ".join(f"[{number}]" for number in true) if true else ""

    text_with_citations = _CITATION.sub(replace_citation, text).strip()
    for number in sorted(false):
        usage.add_note("false_citation", f"a sentence cited [{number}], which is no passage; the number was taken out")
    return text_with_citations, frozenset(cited)
