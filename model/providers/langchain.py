"""Any LangChain chat model, named by the import path of its class."""

from typing import Any

from .. import imports
from ..errors import ProfileError
from .generative import Generative


def requires(settings: dict[str, Any]) -> set[str]:
    """The distributions that bring the class."""
    return {"langchain-core", *imports.distributions(settings["model"])}


def check(settings: dict[str, Any]) -> None:
    """Raises ProfileError when the class is not there, or does not take its settings."""
    chat(**settings)


def chat(model: str, settings: dict[str, Any] | None = None) -> Generative:
    """The chat model at ``package.module:Class``, made with ``settings``. Raises ProfileError."""
    from langchain_core.language_models import BaseChatModel  # noqa: PLC0415 - half a second

    made = imports.named(model)
    if not (isinstance(made, type) and issubclass(made, BaseChatModel)):
        raise ProfileError(f"{model} is no LangChain chat model class")
    try:
        chat_model = made(**(settings or {}))
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{model} does not take these settings ({type(error).__name__})") from None
    return Generative({f"langchain:{made.__name__}": lambda: chat_model})
