"""The settings of a provider that speaks OpenAI's protocol: the ways to make pictures, and what fits them."""

from collections.abc import Mapping
from typing import Any

from ..errors import ProfileError

WAYS: dict[str, tuple[str, ...]] = {
    "images": ("models",),
    "responses": ("chat_models",),
    "diagram": ("chat_models",),
    "auto": ("models", "chat_models"),
}
"""How pictures are made, and the lists of models that each way needs."""

FORMATS = ("png", "jpeg", "webp")
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max")
LISTS = ("models", "chat_models")


def check_models(settings: Mapping[str, Any]) -> None:
    """Raises ProfileError for a list of models without one, and a size that is none."""
    for key in LISTS:
        names = settings.get(key, ["any"])
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ProfileError(f"{key} names no model; write it as [gpt-4.1, gpt-6-luna]")
    for key in ("window", "dimensions"):
        if settings.get(key, 1) < 1:
            raise ProfileError(f"{key} is expected to be a whole number above 0; leave it out where it is published")


def check_pictures(settings: Mapping[str, Any]) -> None:
    """Raises ProfileError for a way, a format or a quality that is none, and for what a way lacks."""
    way = settings.get("way", "auto")
    if way not in WAYS:
        raise ProfileError(f"there is no way {way} to make pictures; it is one of {', '.join(WAYS)}")
    for needed in WAYS[way]:
        if not settings.get(needed):
            raise ProfileError(f"the way {way} needs {needed}")
    for key, choices in (("output_format", FORMATS), ("quality", QUALITIES)):
        if settings.get(key, choices[0]) not in choices:
            raise ProfileError(f"{key} is one of {', '.join(choices)}")
