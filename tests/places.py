"""Where things are, for all tests."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
EXERCISE = ROOT / "documents" / "exercise"
"""The exercise's three texts."""
PROFILE = """\
embeddings: {provider: offline}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: offline}}
"""
"""A profile with one stage, to which a test adds its own."""


def settings(address: str, key: str) -> dict[str, str]:
    """The variables that point every provider at a stand-in."""
    return {
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{address}/v1",
        "AZURE_OPENAI_API_KEY": key,
        "AZURE_OPENAI_ENDPOINT": address,
        "DATABRICKS_HOST": address,
        "DATABRICKS_TOKEN": key,
        "COMPATIBLE_API_KEY": key,
        "COMPATIBLE_BASE_URL": f"{address}/v1",
    }
