"""Show a response in a notebook cell: answers with their citations, pictures, notes and errors."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

StageValues = Mapping[str, Any]
_CITATION = re.compile(r"\[(\d+)\]")
_SAFE_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
_PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})


class ResponseView:
    """A response that a notebook draws. It needs no package of the notebook's.

    Args:
        response: The response to one request, or the responses to several.
    """

    def __init__(self, response: Mapping[str, StageValues] | Sequence[Mapping[str, StageValues]]) -> None:
        self._responses = [response] if isinstance(response, Mapping) else list(response)

    def _repr_html_(self) -> str:
        """Return HTML without scripts and styles. Text of documents is escaped."""
        return "<hr>".join("".join(_show_stages(response)) for response in self._responses)


def show(response: Mapping[str, StageValues] | Sequence[Mapping[str, StageValues]]) -> ResponseView:
    """Return a response as a notebook draws it, as the last expression of a cell.

    Args:
        response: What ``model.predict`` returned: a dictionary, or a list of them.
    """
    return ResponseView(response)


def _show_stages(response: Mapping[str, StageValues]) -> Iterator[str]:
    for name, stage in response.items():
        if name == "meta" or not (stage["ran"] or stage["error"]):
            continue
        yield f"<h4>{escape(name)}</h4>"
        if stage["error"]:
            yield f"<p><b>Failed:</b> {escape(stage['error'])}</p>"
            continue
        if "answer" in stage:
            yield from _show_answer(stage)
        if stage.get("image") or stage.get("url"):
            yield _show_picture(stage)
        yield from (f"<p><i>Note: {escape(note)}</i></p>" for note in stage.get("notes", ()))
        yield f"<p><small>{escape(stage['answered_by'])}, {stage['seconds']:.2f} s</small></p>"


def _show_answer(stage: StageValues) -> Iterator[str]:
    """Yield the answer, in which a citation shows its passage under the pointer, and the list of sources."""
    sources = stage["sources"]

    def cite(match: re.Match[str]) -> str:
        number = int(match[1])
        is_source = 1 <= number <= len(sources)
        return f'<sup title="{escape(sources[number - 1]["text"])}">[{number}]</sup>' if is_source else match[0]

    yield f"<p>{_CITATION.sub(cite, escape(stage['answer']))}</p>"
    items = "".join(f"<li>{_show_source(source)}</li>" for source in sources)
    if items:
        yield f"<ol>{items}</ol>"


def _show_source(source: StageValues) -> str:
    """Return the name of a source with heading and page, as a link where its tag ``url`` is an address."""
    page = f"page {source['page']}" if source["page"] else ""
    label = escape(" · ".join(filter(None, [source["source"], source["heading"], page])))
    address = next((tag.removeprefix("url=") for tag in source["tags"] if tag.startswith("url=")), "")
    shown = f'<a href="{escape(address)}">{label}</a>' if _SAFE_ADDRESS.fullmatch(address) else label
    return f"<b>{shown}</b>" if source["cited"] else shown


def _show_picture(stage: StageValues) -> str:
    mime_type = stage["mime_type"] if stage["mime_type"] in _PICTURE_TYPES else "image/png"
    address = stage["url"] or f"data:{mime_type};base64,{stage['image']}"
    return f'<img src="{escape(address)}" alt="{escape(stage["alt_text"])}">'
