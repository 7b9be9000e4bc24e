"""Measure how many tokens chat models with a small window count for text of the documents, which is estimated else.

A window of a few thousand tokens is filled by passages, and the estimate by script may be a third above or a tenth
below what a model's own tokenizer counts. Each reply of OpenAI's protocol says how many tokens the prompt had, so that
two short calls tell it for the languages of the documents, whatever the tokenizer: one with text, and one with a
letter, which has the tokens that the server puts around each message.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from model.errors import MultichainError
from model.profile import LOCAL_PROVIDERS, Profile
from model.providers import make_provider, token_limits
from model.providers.chat_calls import ChatSource, count_by_server
from model.providers.chat_models import ChatProvider
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine

_SMALL_WINDOW = 32_768
"""A larger window is not filled by passages."""
_SAMPLE_CHUNKS, _SAMPLE_TOKENS = 12, 1_000
_LETTER = "a"
_MARGIN = 1.1
"""A passage may have more tokens for its letters than the sample, and the prompt has some around it."""
_PLAUSIBLE = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class TokenMeasurement:
    """How many tokens a chat model counts of the documents.

    Attributes:
        model: Provider and model.
        factor: Tokens for each token of the estimate; 0 where it was not measured.
        reason: Why it was not measured.
    """

    model: str
    factor: float
    reason: str


def measure_tokens(profile: Profile, index: Index | RemoteIndex) -> Iterator[TokenMeasurement]:
    """Measure the chat models that answer from an index, and write what comes into the profile's facts.

    Args:
        profile: The profile.
        index: The index; chunks of an index of AI Search are not read.

    Yields:
        What was measured of each model. A model whose server fails, or does not count, stays estimated.
    """
    if isinstance(index, RemoteIndex):
        return
    text, engine = _take_sample(index), Engine()
    estimate = token_limits.count_tokens(text)
    for source in _list_sources(profile):
        try:
            around = engine.run(count_by_server(source, _LETTER))
            counted = engine.run(count_by_server(source, text)) - around
        except MultichainError as error:
            yield TokenMeasurement(source.name, 0.0, str(error))
            continue
        factor = round(_MARGIN * counted / estimate, 3) if estimate else 0.0
        if _PLAUSIBLE[0] <= factor <= _PLAUSIBLE[1]:
            source.limits.token_factor = factor
            yield TokenMeasurement(source.name, factor, "")
        else:
            yield TokenMeasurement(source.name, 0.0, f"the server counted {counted} tokens of about {estimate}")


def _list_sources(profile: Profile) -> Iterator[ChatSource]:
    """Yield the chat models with a small window whose limits are kept with the profile, each once."""
    names: set[str] = set()
    for _, role, entry in profile.entries:
        is_called = role == "chat" and entry["provider"] not in LOCAL_PROVIDERS
        chat = make_provider(entry, "chat", profile.facts) if is_called else None
        for source in chat.sources if isinstance(chat, ChatProvider) else ():
            is_kept = source.limits is profile.facts.limits_of(source.provider, source.model)
            if is_kept and source.window <= _SMALL_WINDOW and source.name not in names:
                names.add(source.name)
                yield source


def _take_sample(index: Index) -> str:
    """Return text of some chunks from all over an index."""
    count = len(index.chunks)
    positions = range(0, count, max(1, count // _SAMPLE_CHUNKS))
    texts = [index.chunks[position].text for position in positions]
    return "\n\n".join(token_limits.take_fitting(texts, _SAMPLE_TOKENS))
