"""Passages in a prompt, and the [n] by which a reply cites them.

Each passage stands between tags of its own, which its text can neither open nor close. The number of a citation of no
passage is removed from the answer, its sentence stays, and a note names the number.
"""

import re

from ..passages import Chunk
from ..runtime import usage

_FENCE = re.compile(r"<(?=\s*(?:/\s*)?passage)", re.IGNORECASE)

_LOOKALIKE = "\u2039"
"""A bracket that looks like the one that it replaces."""


def delimit_passage(number: int, text: str) -> str:
    """Return passage ``number``, from 1, between its tags; the start of a tag in ``text`` gets a lookalike bracket."""
    return f'<passage n="{number}">\n{_FENCE.sub(_LOOKALIKE, text)}\n</passage>'


_DATE_TAG = re.compile(r"(?:date|datum|year|version|valid_from|updated)=.+", re.IGNORECASE)


def show_chunk(chunk: Chunk) -> str:
    """Return a chunk as Markdown for a prompt: below its title and headings, with its page and dates."""
    above = dict.fromkeys(filter(None, [chunk.title, *chunk.heading.split(" > ")]))
    headings = [f"{'#' * min(level, 6)} {heading}" for level, heading in enumerate(above, 1)]
    dates = [tag.replace("=", ": ", 1) for tag in chunk.tags if _DATE_TAG.fullmatch(tag)]
    facts = [f"page {chunk.page}"] * bool(chunk.page) + dates
    return "\n".join([*headings, *([f"({', '.join(facts)})"] if facts else []), chunk.text])


_CITATION = re.compile(r"( ?)[\[【]\s*(\d+(?:\s*[,;]\s*\d+)*)\s*(?:†[^\[\]【】]*)?[\]】]")


_CITATIONS_ALONE = re.compile(r"^[ \t]*(?:\[\d+\][ \t,;.]*)+$", re.MULTILINE)
"""A line of citations that stands behind no sentence, which earns none."""


def remove_citations(text: str) -> str:
    """Return ``text`` without the numbers of passages."""
    return _CITATION.sub("", text)


def check_citations(text: str, passages: int) -> tuple[str, frozenset[int]]:
    """Return ``text`` with each citation as [n] and false ones removed, and the positions cited.

    Args:
        text: The reply of a model.
        passages: The number of passages in the prompt.

    Returns:
        The text, and the positions of the cited passages, from 0.
    """
    cited: set[int] = set()
    false: set[int] = set()

    def replace_citation(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[2])]
        true = [number for number in numbers if 1 <= number <= passages]
        cited.update(number - 1 for number in true)
        false.update(set(numbers) - set(true))
        return match[1] + " ".join(f"[{number}]" for number in true) if true else ""

    text_with_citations = _CITATION.sub(replace_citation, _CITATIONS_ALONE.sub("", text)).strip()
    for number in sorted(false):
        usage.add_note(
            "false_citation", f"a sentence cited [{number}], which is not a passage; the citation was removed"
        )
    return text_with_citations, frozenset(cited)
