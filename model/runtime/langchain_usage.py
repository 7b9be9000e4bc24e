"""Count the tokens of chat models inside a LangChain Runnable with LangChain's own handler."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from . import usage
from .usage import Usage

_HANDLER: ContextVar[UsageMetadataCallbackHandler | None] = ContextVar("counting", default=None)
register_configure_hook(_HANDLER, inheritable=True)  # once: each call adds to a list that LangChain never clears


@contextmanager
def count_langchain_usage() -> Iterator[None]:
    """Record the tokens that chat models use inside, at an unknown cost: LangChain does not say whose prices apply."""
    handler = UsageMetadataCallbackHandler()
    token = _HANDLER.set(handler)
    try:
        yield
    finally:
        _HANDLER.reset(token)
        for tokens in handler.usage_metadata.values():
            usage.record_usage(Usage(tokens["input_tokens"], tokens["output_tokens"], cost_known=False))
