"""What one response is worth, as numbers: each measure of each row, so that two versions can be compared row by row.

No language model is asked. A stage that failed has found nothing and answered nothing.
"""

import base64
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageStat, UnidentifiedImageError

from ..versions.response_shape import misshapen
from .dataset import Example

Row = dict[str, Any]
Values = dict[str, float]
_LEAST_PIXELS = 64
_LEAST_SPREAD = 2.0  # of 255: a picture of one colour has 0
_DEEP = 10


@dataclass(frozen=True, slots=True)
class Measure:
    """What a measure is called in words, and whether more of it is better; ``share`` when a row has 0 or 1."""

    words: str
    more: bool = True
    share: bool = True


MEASURES = {
    "recall_at_1": Measure("the right passage came first"),
    "recall": Measure("the right passage was among those found"),
    "reciprocal_rank": Measure("reciprocal rank of the right passage", share=False),
    "answer_recall": Measure("the answer holds what was expected"),
    "answered": Measure("questions with an answer were answered"),
    "refused": Measure("questions without an answer were refused"),
    "citation_precision": Measure("what an answer cites is what the question is about", share=False),
    "picture": Measure("the picture can be read, is no thumbnail and is not blank"),
    "contract": Measure("the response has its declared shape"),
    "error": Measure("failed requests", more=False),
    "seconds": Measure("seconds a request", more=False, share=False),
    "cost": Measure("US dollars a request", more=False, share=False),
    "correctness": Measure("the judge finds the answer correct"),
    "groundedness": Measure("the judge finds the answer grounded in its passages"),
    "relevance": Measure("the judge finds the answer relevant to the question"),
}
"""Every measure by name; a profile's ``gate`` sets the least of it, or the most where less is better."""


def request(example: Example, answers: str, pictures: str) -> Row:
    """What is asked, of the stages that answer and that draw; empty when a version has not the stage for it."""
    asked = {answers: {"question": example.question}} if example.question and answers else {}
    return asked | ({pictures: {"prompt": example.prompt}} if example.prompt and pictures else {})


def measured(example: Example, response: Row, stages: dict[str, Row], answers: str, pictures: str) -> Values:
    """The measures of one row that apply to it."""
    asked = [name for name in (answers, pictures) if name in request(example, answers, pictures)]
    told = [response[name] for name in asked]
    values: Values = {"contract": float(not misshapen(response, stages))}
    values["error"] = float(any(one["error"] for one in told))
    values["seconds"] = sum(one["seconds"] for one in told)
    if all(one["usage"]["cost_known"] for one in told):
        values["cost"] = sum(one["usage"]["cost"] for one in told)
    if answers in asked:
        values |= answer(example, response[answers])
    if pictures in asked:
        one = response[pictures]
        values["picture"] = float(bool(one["url"]) or good(one["image"]))
    return values


def answer(example: Example, told: Row) -> Values:
    """The measures of an answer."""
    given = bool(told["ran"] and not told["error"] and not told["abstained"])
    if not example.answerable:
        return {"refused": float(bool(told["ran"]) and bool(told["abstained"]))}
    values = {"answered": float(given)}
    if example.source or example.context or example.answers:
        values |= _found(example, told)
    if example.answers:
        text = told["answer"].lower()
        values["answer_recall"] = float(given and any(one.lower() in text for one in example.answers))
    return values


def _found(example: Example, told: Row) -> Values:
    places = (place for place, source in enumerate(told["sources"], 1) if example.found_in(source))
    rank = next(places, None)
    values = {"recall_at_1": float(rank == 1), "recall": float(rank is not None)}
    values["reciprocal_rank"] = 1 / rank if rank and rank <= _DEEP else 0.0
    cited = [float(example.found_in(source)) for source in told["sources"] if source["cited"]]
    return values | ({"citation_precision": sum(cited) / len(cited)} if cited else {})


def good(picture: str) -> bool:
    """Whether base64 text is a picture that can be decoded, is not tiny, and not of one colour."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as opened:
            grey = opened.convert("L")
    except (ValueError, OSError, UnidentifiedImageError):
        return False
    return min(grey.size) >= _LEAST_PIXELS and ImageStat.Stat(grey).stddev[0] >= _LEAST_SPREAD
