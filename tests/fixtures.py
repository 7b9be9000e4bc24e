"""Folders of the repository and a small profile, for all tests."""

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
"""A profile with one stage, to which a test adds others."""
