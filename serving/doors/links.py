"""Find the address at which a passage's document can be opened."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_TAG = "url="


def find_link(source: Mapping[str, Any]) -> str:
    """Return the address of a passage's document; empty when none is known.

    Args:
        source: The passage, as a response contains it.

    Returns:
        The tag ``url`` of the document, else the name under which it is cited where that is an address. Only addresses
        of the web are returned: another scheme could run a script.
    """
    candidates = [tag.removeprefix(_TAG) for tag in source.get("tags", ()) if tag.startswith(_TAG)]
    return next((link for link in [*candidates, source["source"]] if is_web_address(link)), "")


def is_web_address(link: str) -> bool:
    """Return whether a text is an address of the web."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
