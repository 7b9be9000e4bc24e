"""A server of one's own that speaks OpenAI's protocol: vLLM, Ollama, LiteLLM and the like.

COMPATIBLE_BASE_URL is its address, COMPATIBLE_API_KEY its key, if it asks for one.
"""

from . import openai
from .generative import Generative
from .openai import Access, OpenAIEmbeddings, OpenAIImages, requires

__all__ = ["chat", "embeddings", "images", "requires"]

ACCESS = Access("compatible", "COMPATIBLE_API_KEY", "COMPATIBLE_BASE_URL", default="none")


def embeddings(model: str) -> OpenAIEmbeddings:
    """The embeddings of one model."""
    return openai.embeddings(model, ACCESS)


def chat(models: list[str], fallback: bool = True, temperature: float = 0.0) -> Generative:  # noqa: FBT001, FBT002
    """Chat models in order of preference."""
    return openai.chat(models, fallback, temperature, ACCESS)


def images(models: list[str], fallback: bool = True, output_format: str = "png") -> OpenAIImages:  # noqa: FBT001, FBT002
    """Image models in order of preference."""
    return openai.images(models, fallback, "auto", output_format, ACCESS)
