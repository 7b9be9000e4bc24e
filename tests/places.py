"""Where things are, for all tests."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
EXERCISE = ROOT / "documents" / "exercise"
"""The exercise's three texts."""
