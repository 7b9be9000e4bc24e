"""OpenAI: OPENAI_API_KEY is the key; OPENAI_BASE_URL replaces OpenAI's own address."""

from .openai_protocol.service import OpenAIProtocolProvider


class OpenAIProvider(OpenAIProtocolProvider):
    """OpenAI's own service."""

    name = "openai"
    title = "OpenAI"
    key_variable, address_variable = "OPENAI_API_KEY", "OPENAI_BASE_URL"
