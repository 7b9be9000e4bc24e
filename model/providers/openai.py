"""OpenAI: OPENAI_API_KEY is the key; OPENAI_BASE_URL replaces OpenAI's own address."""

from .openai_protocol.service import OpenAIProtocolProvider

SERVICE = OpenAIProtocolProvider("openai", "OpenAI", "OPENAI_API_KEY", "OPENAI_BASE_URL")

embeddings, chat, images, reranker = SERVICE.embeddings, SERVICE.chat, SERVICE.images, SERVICE.reranker
requires, check, standings = SERVICE.requires, SERVICE.check, SERVICE.standings
OFFER = SERVICE.facts
