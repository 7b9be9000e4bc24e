"""What providers publish about their models: prices, windows, ends. Dated, and replaceable by a file of one's own."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ..config.yaml_file import Source
from ..errors import ProfileError, SettingError
from ..runtime.usage import Usage

FILE = Path(__file__).parent / "model_catalog.yaml"
VARIABLE = "MULTICHAIN_PRICES"
_MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of one model; prices in US dollars per million tokens, None where it is not known."""

    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    image_input: float | None = None
    image_output: float | None = None
    window: int = 0
    temperature: bool = False
    ends: date | None = None
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider counted. ``input`` are all that are no image's; those of ``cached`` are among them."""

    input: int = 0
    cached: int = 0
    output: int = 0
    image_input: int = 0
    image_output: int = 0

    @property
    def usage(self) -> Usage:
        """The counts, without a price."""
        return Usage(self.input + self.image_input, self.output + self.image_output)


@dataclass(frozen=True, slots=True)
class Table:
    """The models by provider and name, as of ``date``."""

    date: date
    models: Mapping[str, Mapping[str, Published]] = field(default_factory=dict)


def table() -> Table:
    """The shipped table, or the one that MULTICHAIN_PRICES names. Raises ProfileError, naming the line."""
    return _read(os.environ.get(VARIABLE) or str(FILE))


def of(provider: str, model: str) -> Published:
    """What is known of ``model``, or of the model that it is a dated snapshot of."""
    known = table().models.get(provider, {})
    return known.get(model) or known.get(_SNAPSHOT.sub("", model)) or Published()


def cost(provider: str, model: str, tokens: Tokens) -> float | None:
    """US dollars; None when a price that it takes is not known, which is never 0."""
    known = of(provider, model)
    cached = known.input if known.cached_input is None else known.cached_input
    parts = (
        (tokens.input - tokens.cached, known.input),
        (tokens.cached, cached),
        (tokens.output, known.output),
        (tokens.image_input, known.image_input),
        (tokens.image_output, known.image_output),
    )
    if any(count and price is None for count, price in parts) or known == Published():
        return None
    return sum(count * (price or 0.0) for count, price in parts) / _MILLION


def priced(provider: str, model: str, tokens: Tokens, images: int = 0) -> Usage:
    """The usage of a call, with its cost where it is known."""
    paid = cost(provider, model, tokens)
    return tokens.usage + Usage(images=images, cost=paid or 0.0, cost_known=paid is not None)


@cache  # a file is read once
def _read(file: str) -> Table:
    path = Path(file)
    if not path.is_file():
        raise SettingError(f"there is no file {file}, which {VARIABLE} names")
    source = Source(path)
    told = source.values
    if not isinstance(told, dict) or not isinstance(told.get("date"), date):
        raise ProfileError(
            f"{source.place()}: it is no table of prices: it needs the date that it was made on, as {FILE.name} has"
        )
    models = {
        str(provider): {str(name): _published(source, str(provider), str(name), one) for name, one in entries.items()}
        for provider, entries in told.items()
        if isinstance(entries, dict)
    }
    return Table(told["date"], models)


def _published(source: Source, provider: str, name: str, told: Any) -> Published:
    names = {one.name for one in fields(Published)}
    if not isinstance(told, dict) or not told.keys() <= names:
        raise ProfileError(f"{source.place(provider, name)}: {name}: expected some of {', '.join(sorted(names))}")
    for key in ("input", "cached_input", "output", "image_input", "image_output"):
        if not isinstance(told.get(key, 0.0), int | float) or told.get(key, 0.0) < 0:
            raise ProfileError(f"{source.place(provider, name)}: {name}: {key} is expected to be US dollars")
    return Published(**told)
