"""A server of one's own that speaks OpenAI's protocol: vLLM, Ollama, LiteLLM and the like.

COMPATIBLE_BASE_URL is its address, COMPATIBLE_API_KEY its key, if it asks for one.
"""

from .openai_protocol.service import OpenAIProtocolProvider


class CompatibleService(OpenAIProtocolProvider):
    """Some of these servers know embeddings as lists of numbers alone."""

    encoding = "float"


SERVICE = CompatibleService("compatible", "your server", "COMPATIBLE_API_KEY", "COMPATIBLE_BASE_URL", own=True)

embeddings, chat, images, reranker = SERVICE.embeddings, SERVICE.chat, SERVICE.images, SERVICE.reranker
requires, check, standings = SERVICE.requires, SERVICE.check, SERVICE.standings
OFFER = SERVICE.facts
