"""Compute the metrics of one response.

Every metric is a number for one example, so that two versions can be compared example by example. No language model
takes part. A stage that failed counts as a stage that found nothing and answered nothing.
"""

import base64
import io
from dataclasses import dataclass

from PIL import Image, ImageStat, UnidentifiedImageError

from ..versions.process import JsonObject
from ..versions.response_shape import find_shape_errors
from .dataset import Example

MetricValues = dict[str, float]
"""Values of one example by metric; a metric that does not apply to the example is absent."""
_MIN_PIXELS = 64  # of the shorter side
_MIN_SPREAD = 2.0  # standard deviation of grey values from 0 to 255; a picture of one colour has 0
_MAX_RANK = 10


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric in words, and how to read its values.

    Attributes:
        description: Name in reports and plots.
        more_is_better: Whether larger values are better.
        is_share: Whether each example's value is 0 or 1.
    """

    description: str
    more_is_better: bool = True
    is_share: bool = True


METRICS = {
    "recall_at_1": Metric("the right passage came first"),
    "recall": Metric("the right passage was among those found"),
    "reciprocal_rank": Metric("reciprocal rank of the right passage", is_share=False),
    "answer_recall": Metric("the answer contains an expected text"),
    "answered": Metric("questions with an answer were answered"),
    "refused": Metric("questions without an answer were refused"),
    "citation_precision": Metric("share of the cited passages that are right", is_share=False),
    "picture": Metric("the picture can be decoded, is not tiny and is not blank"),
    "contract": Metric("the response has its declared shape"),
    "error": Metric("failed requests", more_is_better=False),
    "seconds": Metric("seconds per request", more_is_better=False, is_share=False),
    "cost": Metric("US dollars per request", more_is_better=False, is_share=False),
    "correctness": Metric("the judge finds the answer correct"),
    "groundedness": Metric("the judge finds the answer grounded in its passages"),
    "relevance": Metric("the judge finds the answer relevant to the question"),
}
"""Every metric by name. A profile's ``gate`` sets its floor: the minimum, or the maximum where less is better."""


def build_request(example: Example, answers: str, pictures: str) -> JsonObject:
    """Return the request of an example; empty when the version has no stage for it.

    Args:
        example: The example.
        answers: Name of the stage that answers questions; empty when the version has none.
        pictures: Name of the stage that generates pictures; empty when the version has none.
    """
    stage_inputs = {answers: {"question": example.question}} if example.question and answers else {}
    return stage_inputs | ({pictures: {"prompt": example.prompt}} if example.prompt and pictures else {})


def compute_metrics(
    example: Example, response: JsonObject, stages: dict[str, JsonObject], answers: str, pictures: str
) -> MetricValues:
    """Return the metrics of one response that apply to its example.

    Args:
        example: The example.
        response: The version's response.
        stages: The version's declarations by stage.
        answers: Name of the stage that answers questions; empty when the version has none.
        pictures: Name of the stage that generates pictures; empty when the version has none.
    """
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
    """Return the metrics of an answer that apply to its example.

    Args:
        example: The example.
        output: Output fields of the stage that answers questions.
    """
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
    ranks = (
        rank_of_source for rank_of_source, source in enumerate(output["sources"], 1) if example.matches_source(source)
    )
    rank = next(ranks, None)
    values = {"recall_at_1": float(rank == 1), "recall": float(rank is not None)}
    values["reciprocal_rank"] = 1 / rank if rank and rank <= _MAX_RANK else 0.0
    cited = [float(example.matches_source(source)) for source in output["sources"] if source["cited"]]
    return values | ({"citation_precision": sum(cited) / len(cited)} if cited else {})


def is_good_image(encoded: str) -> bool:
    """Return whether base64 text is a picture that can be decoded, is not tiny, and has more than one colour."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as opened_image:
            grey = opened_image.convert("L")
    except (ValueError, OSError, UnidentifiedImageError):
        return False
    return min(grey.size) >= _MIN_PIXELS and ImageStat.Stat(grey).stddev[0] >= _MIN_SPREAD
