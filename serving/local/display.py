"""A response on a terminal: the answer, its sources, and the picture in a file."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ServingError

StageValues = dict[str, Any]
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


def format_response(response: dict[str, StageValues], out: Path) -> Iterator[str]:
    """What to print; a picture is written to ``out`` (numbered when there are several), its path told absolute."""
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
    """Whether any stage has an error."""
    return any(stage["error"] for name, stage in response.items() if name != "meta")


def _format_cost(usage: StageValues) -> str:
    """What it cost, where it cost something."""
    if not usage["cost_known"]:
        return ", at a cost that is not known"
    return f", ${usage['cost']:.6f}" if usage["cost"] else ""


def _format_answer(stage: StageValues) -> Iterator[str]:
    yield stage["answer"]
    for number, source in enumerate(stage["sources"], 1):
        location = " > ".join(filter(None, [source["source"], source["heading"]]))
        yield f"  [{number}] {source['score']:.2f} {'cited' if source['cited'] else '     '}  {location}"


def _save_image(stage: StageValues, out: Path) -> Iterator[str]:
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
