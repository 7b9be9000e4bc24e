"""Format a response for a terminal: answers, sources and notes; a picture is saved to a file."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ServingError

StageValues = dict[str, Any]
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters by which a text could steer the terminal, or show itself in another order than it is written."""


def format_response(response: dict[str, StageValues], out: Path) -> Iterator[str]:
    """Yield the lines that show a response without control characters, and write its pictures.

    Args:
        response: The response to one request.
        out: File of the picture; further pictures get a number after the stem. The suffix follows the image format.

    Raises:
        ServingError: A picture cannot be written.
    """
    return (_CONTROL.sub("", line) for line in _format_stages(response, out))


def _format_stages(response: dict[str, StageValues], out: Path) -> Iterator[str]:
    image_count = 0
    for name, stage in response.items():
        if name == "meta" or not (stage["ran"] or stage["error"]):
            continue
        if stage["error"]:
            yield f"{name} failed: {stage['error']}"
            continue
        yield f"{name} ({stage['answered_by']}, {stage['seconds']:.2f} s{_format_cost(stage['usage'])})"
        if "answer" in stage:
            yield from _format_answer(stage)
        if stage.get("image") or stage.get("url"):
            image_count += 1
            yield from _save_image(stage, out if image_count == 1 else out.with_stem(f"{out.stem}-{image_count}"))
        yield from (f"Note: {note}" for note in stage.get("notes", ()))
    if response["meta"]["version"]:
        yield f"Answered by version {response['meta']['version']}"


def has_failed(response: dict[str, StageValues]) -> bool:
    """Return whether any stage has an error."""
    return any(stage["error"] for name, stage in response.items() if name != "meta")


def _format_cost(usage: StageValues) -> str:
    """Return the cost in US dollars after a comma; empty when the stage cost nothing."""
    if not usage["cost_known"]:
        return ", cost unknown"
    return f", ${usage['cost']:.6f}" if usage["cost"] else ""


def _format_answer(stage: StageValues) -> Iterator[str]:
    """Yield the answer, and a line for each source: number, score, whether it is cited, name and heading."""
    yield stage["answer"]
    for number, source in enumerate(stage["sources"], 1):
        location = " > ".join(filter(None, [source["source"], source["heading"]]))
        yield f"  [{number}] {source['score']:.2f} {'cited' if source['cited'] else '     '}  {location}"


def _save_image(stage: StageValues, out: Path) -> Iterator[str]:
    """Yield the alternative text, and the URL or the file of the picture."""
    yield stage["alt_text"]
    if stage["url"]:
        yield stage["url"]
        return
    out = out.with_suffix(_SUFFIXES.get(stage["mime_type"], out.suffix))
    try:
        out.write_bytes(base64.b64decode(stage["image"]))
    except OSError as error:
        raise ServingError(
            f"cannot write the picture to {out.absolute()} ({error.strerror}); give another --out"
        ) from None
    yield str(out.absolute())
