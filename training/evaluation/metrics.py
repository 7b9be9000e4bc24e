"""What one response is worth, as numbers: each measure of each row, so that two versions can be compared row by row.

No language model is asked. A stage that failed has found nothing and answered nothing.
"""

import base64
import io
from dataclasses import dataclass

from PIL import Image, ImageStat, UnidentifiedImageError

from ..versions.process import JsonObject
from ..versions.response_shape import find_shape_errors
from .dataset import Example

MetricValues = dict[str, float]
_MIN_PIXELS = 64
_MIN_SPREAD = 2.0  # of 255: a picture of one colour has 0
_MAX_RANK = 10


@dataclass(frozen=True, slots=True)
class Metric:
    """What a measure is called in words, and whether more of it is better; ``share`` when a row has 0 or 1."""

    description: str
    more_is_better: bool = True
    is_share: bool = True


METRICS = {
    "recall_at_1": Metric("the right passage came first"),
    "recall": Metric("the right passage was among those found"),
    "reciprocal_rank": Metric("reciprocal rank of the right passage", is_share=False),
    "answer_recall": Metric("the answer holds what was expected"),
    "answered": Metric("questions with an answer were answered"),
    "refused": Metric("questions without an answer were refused"),
    "citation_precision": Metric("what an answer cites is what the question is about", is_share=False),
    "picture": Metric("the picture can be read, is no thumbnail and is not blank"),
    "contract": Metric("the response has its declared shape"),
    "error": Metric("failed requests", more_is_better=False),
    "seconds": Metric("seconds a request", more_is_better=False, is_share=False),
    "cost": Metric("US dollars a request", more_is_better=False, is_share=False),
    "correctness": Metric("the judge finds the answer correct"),
    "groundedness": Metric("the judge finds the answer grounded in its passages"),
    "relevance": Metric("the judge finds the answer relevant to the question"),
}
"""Every measure by name; a profile's ``gate`` sets the least of it, or the most where less is better."""


def build_request(example: Example, answers: str, pictures: str) -> JsonObject:
    """What is asked, of the stages that answer and that draw; empty when a version has not the stage for it."""
    stage_inputs = {answers: {"question": example.question}} if example.question and answers else {}
    return stage_inputs | ({pictures: {"prompt": example.prompt}} if example.prompt and pictures else {})


def compute_metrics(
    example: Example, response: JsonObject, stages: dict[str, JsonObject], answers: str, pictures: str
) -> MetricValues:
    """The measures of one row that apply to it."""
    stages_asked = [name for name in (answers, pictures) if name in build_request(example, answers, pictures)]
    outputs = [response[name] for name in stages_asked]
    values: MetricValues = {"contract": float(not find_shape_errors(response, stages))}
    values["error"] = float(any(output["error"] for output in outputs))
    values["seconds"] = sum(output["seconds"] for output in outputs)
    if all(output["usage"]["cost_known"] for output in outputs):
        values["cost"] = sum(output["usage"]["cost"] for output in outputs)
    if answers in stages_asked:
        values |= compute_answer_metrics(example, response[answers])
    if pictures in stages_asked:
        output = response[pictures]
        values["picture"] = float(bool(output["url"]) or is_good_image(output["image"]))
    return values


def compute_answer_metrics(example: Example, output: JsonObject) -> MetricValues:
    """The measures of an answer."""
    is_answered = bool(output["ran"] and not output["error"] and not output["abstained"])
    if not example.is_answerable:
        return {"refused": float(bool(output["ran"]) and bool(output["abstained"]))}
    values = {"answered": float(is_answered)}
    if example.source or example.context or example.answers:
        values |= _compute_retrieval_metrics(example, output)
    if example.answers:
        text = output["answer"].lower()
        values["answer_recall"] = float(is_answered and any(expected.lower() in text for expected in example.answers))
    return values


def _compute_retrieval_metrics(example: Example, output: JsonObject) -> MetricValues:
    places = (
        rank_of_source for rank_of_source, source in enumerate(output["sources"], 1) if example.matches_source(source)
    )
    rank = next(places, None)
    values = {"recall_at_1": float(rank == 1), "recall": float(rank is not None)}
    values["reciprocal_rank"] = 1 / rank if rank and rank <= _MAX_RANK else 0.0
    cited = [float(example.matches_source(source)) for source in output["sources"] if source["cited"]]
    return values | ({"citation_precision": sum(cited) / len(cited)} if cited else {})


def is_good_image(encoded: str) -> bool:
    """Whether base64 text is a picture that can be decoded, is not tiny, and not of one colour."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as opened_image:
            grey = opened_image.convert("L")
    except (ValueError, OSError, UnidentifiedImageError):
        return False
    return min(grey.size) >= _MIN_PIXELS and ImageStat.Stat(grey).stddev[0] >= _MIN_SPREAD
