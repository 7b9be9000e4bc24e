"""The kinds of stage that a profile can name."""

from .base import Stage
from .image_generation import ImageGeneration
from .retrieval_qa import RetrievalQA

KINDS: dict[str, type[RetrievalQA | ImageGeneration]] = {
    "retrieval_qa": RetrievalQA,
    "image_generation": ImageGeneration,
}

__all__ = ["KINDS", "Stage"]
