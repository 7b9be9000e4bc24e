"""Passages in a prompt, each in a fence of its own, which nothing inside can open or close."""

import re

_TAG = re.compile(r"<(?=\s*(?:/\s*)?passage)", re.IGNORECASE)

_OTHER = "\u2039"
"""A bracket that looks like the one it stands for."""


def fenced(number: int, text: str) -> str:
    """The ``number``-th passage, from 1; what looks like a fence in it is written with another bracket."""
    return f'<passage n="{number}">\n{_TAG.sub(_OTHER, text)}\n</passage>'
