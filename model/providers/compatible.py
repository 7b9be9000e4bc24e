"""A self-hosted server that speaks OpenAI's protocol, such as vLLM, Ollama or LiteLLM.

COMPATIBLE_BASE_URL is the server's address, COMPATIBLE_API_KEY its key, where it needs one.
"""

from .openai_protocol.service import OpenAIProtocolProvider


class CompatibleService(OpenAIProtocolProvider):
    """The protocol of self-hosted servers, some of which can return embeddings only as lists of numbers."""

    encoding = "float"


SERVICE = CompatibleService("compatible", "your server", "COMPATIBLE_API_KEY", "COMPATIBLE_BASE_URL", own=True)

embeddings, chat, images, reranker = SERVICE.embeddings, SERVICE.chat, SERVICE.images, SERVICE.reranker
requires, check, standings = SERVICE.requires, SERVICE.check, SERVICE.standings
OFFER = SERVICE.facts
