"""A self-hosted server that speaks OpenAI's protocol, such as vLLM, Ollama or LiteLLM.

COMPATIBLE_BASE_URL is the server's address, COMPATIBLE_API_KEY its key, where it needs one.
"""

from .openai_protocol.service import OpenAIProtocolProvider


class CompatibleProvider(OpenAIProtocolProvider):
    """The protocol of self-hosted servers, some of which can return embeddings only as lists of numbers."""

    name = "compatible"
    title = "your server"
    key_variable, address_variable = "COMPATIBLE_API_KEY", "COMPATIBLE_BASE_URL"
    is_self_hosted = True
    encoding = "float"
