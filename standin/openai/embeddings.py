"""Answer ``embeddings``: the words of a text, hashed into as many dimensions as the model has."""

import base64
import re
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.responses import JSONResponse, Response

from . import models
from .errors import invalid_request, require_parameters

_MAX_INPUTS, _MAX_TOKENS, _MAX_INPUT_TOKENS = 2048, 300_000, 8192


def embed(body: dict[str, Any]) -> Response:
    """Return a vector of norm 1 for each text of a request.

    Raises:
        RefusedError: The API does not accept the request.
    """
    entry = check_body(body)
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vectors = [make_vector(text, body.get("dimensions", entry.dimension)) for text in texts]
    data = [
        {"object": "embedding", "index": n, "embedding": _encode(vector, body.get("encoding_format", "float"))}
        for n, vector in enumerate(vectors)
    ]
    tokens = sum(map(models.count_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "model": entry.name, "data": data, "usage": usage})


def check_body(body: dict[str, Any]) -> models.ModelEntry:
    """Check a request and return the model that the request names.

    Raises:
        RefusedError: The API does not accept the request.
    """
    require_parameters(body, "embeddings", {"model", "input"})
    entry = models.find_model(body["model"], "embeddings")
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid_request("'$.input' is invalid: expected texts that are not empty.", "input")
    if len(texts) > _MAX_INPUTS:
        raise invalid_request(f"Invalid 'input': at most {_MAX_INPUTS} inputs.", "input", "array_above_max_length")
    counts = list(map(models.count_tokens, texts))
    if max(counts) > _MAX_INPUT_TOKENS:
        raise invalid_request(f"This model's maximum context length is {_MAX_INPUT_TOKENS} tokens.", "input")
    if sum(counts) > _MAX_TOKENS:
        raise invalid_request(
            f"Requested {sum(counts)} tokens, max {_MAX_TOKENS} tokens per request", "input", "max_tokens"
        )
    if body.get("encoding_format", "float") not in {"float", "base64"}:
        raise invalid_request("Invalid 'encoding_format'.", "encoding_format", "invalid_value")
    fixed = entry.name in models.FIXED_DIMENSION
    if "dimensions" in body and (fixed or not 1 <= body["dimensions"] <= entry.dimension):
        raise invalid_request("This model does not support these dimensions.", "dimensions")
    return entry


def make_vector(text: str, dimension: int) -> npt.NDArray[np.float32]:
    """Return the vector of a text.

    Args:
        text: The text.
        dimension: Length of the vector.

    Returns:
        Counts of hashed words, scaled to norm 1 (zeros for a text without words); shape (dimension,).
    """
    counts = np.zeros(dimension, dtype=np.float32)
    for word in re.findall(r"\w+", text.lower()):
        counts[zlib.crc32(word.encode()) % dimension] += 1
    return np.asarray(counts / (np.linalg.norm(counts) or 1.0), dtype=np.float32)


def _encode(vector: npt.NDArray[np.float32], encoding: str) -> str | list[float]:
    return base64.b64encode(vector.tobytes()).decode() if encoding == "base64" else vector.tolist()
