"""Published facts about models: prices, context windows, end dates; with the date of the table.

The variable MULTICHAIN_PRICES replaces the shipped table by a file of the same form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ..config import environment
from ..config.yaml_file import YamlFile
from ..errors import ProfileError, SettingError
from ..runtime.batch_calls import share_of_price
from ..runtime.usage import Usage

CATALOG_FILE = Path(__file__).parent / "model_catalog.yaml"
_MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The published facts of one model. Prices are US dollars per million tokens; None means unknown."""

    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    image_input: float | None = None
    image_output: float | None = None
    window: int = 0
    temperature: bool = False
    structured: bool = False
    ends: date | None = None
    successor: str = ""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens that a provider counted. ``input`` excludes image tokens and includes the ``cached`` ones."""

    input: int = 0
    cached: int = 0
    output: int = 0
    image_input: int = 0
    image_output: int = 0

    @property
    def usage(self) -> Usage:
        """The counts as a ``Usage`` without a cost."""
        return Usage(self.input + self.image_input, self.output + self.image_output)


@dataclass(frozen=True, slots=True)
class ModelCatalog:
    """The facts of all known models by provider and name, as of ``date``."""

    date: date
    models: Mapping[str, Mapping[str, ModelFacts]] = field(default_factory=dict)


def load_catalog() -> ModelCatalog:
    """Return the shipped table, or the one that MULTICHAIN_PRICES names.

    Raises:
        ProfileError: The file is missing or invalid; the message names the line.
    """
    return _read_catalog(environment.PRICES.read() or str(CATALOG_FILE))


def find_model(provider: str, model: str) -> ModelFacts:
    """Return the facts of ``model``, or of the model that ``model`` is a dated snapshot of.

    Args:
        provider: The name of the provider.
        model: The name of the model.

    Returns:
        The facts; all unknown for a model that the table does not list.
    """
    models = load_catalog().models.get(provider, {})
    return models.get(model) or models.get(_SNAPSHOT.sub("", model)) or ModelFacts()


def cost_of(provider: str, model: str, tokens: TokenCounts) -> float | None:
    """Return the cost of ``tokens`` in US dollars, or None where a price that the sum needs is unknown.

    Args:
        provider: The name of the provider.
        model: The name of the model.
        tokens: The tokens that the provider counted.
    """
    entry = find_model(provider, model)
    cached = entry.input if entry.cached_input is None else entry.cached_input
    parts = (
        (tokens.input - tokens.cached, entry.input),
        (tokens.cached, cached),
        (tokens.output, entry.output),
        (tokens.image_input, entry.image_input),
        (tokens.image_output, entry.image_output),
    )
    if any(count and price is None for count, price in parts) or entry == ModelFacts():
        return None
    return sum(count * (price or 0.0) for count, price in parts) / _MILLION


def price_usage(provider: str, model: str, tokens: TokenCounts | None, images: int = 0) -> Usage:
    """Return the usage of a call, with its cost where the prices are known.

    Args:
        provider: The name of the provider.
        model: The name of the model.
        tokens: The tokens that the provider counted; None where it counted none, so that the cost is unknown.
        images: The number of images that the call generated.
    """
    if tokens is None:
        return Usage(images=images, cost_known=False)
    paid = cost_of(provider, model, tokens)
    is_batched = images or tokens.output or tokens.image_output  # embeddings of questions are sent at once
    share = share_of_price() if is_batched else 1.0
    return tokens.usage + Usage(images=images, cost=share * (paid or 0.0), cost_known=paid is not None)


@cache
def _read_catalog(file: str) -> ModelCatalog:
    path = Path(file)
    if not path.is_file():
        raise SettingError(f"there is no file {file}, which {environment.PRICES.name} names")
    source = YamlFile(path)
    contents = source.values
    if not isinstance(contents, dict) or not isinstance(contents.get("date"), date):
        raise ProfileError(f"{source.locate()}: a table of prices needs a date, as {CATALOG_FILE.name} has")
    models = {
        str(provider): {
            str(name): _parse_facts(source, str(provider), str(name), entry) for name, entry in entries.items()
        }
        for provider, entries in contents.items()
        if isinstance(entries, dict)
    }
    return ModelCatalog(contents["date"], models)


def _parse_facts(source: YamlFile, provider: str, name: str, entry: Any) -> ModelFacts:
    names = {field.name for field in fields(ModelFacts)}
    if not isinstance(entry, dict) or not entry.keys() <= names:
        raise ProfileError(f"{source.locate(provider, name)}: {name}: expected some of {', '.join(sorted(names))}")
    for key in ("input", "cached_input", "output", "image_input", "image_output"):
        if not isinstance(entry.get(key, 0.0), int | float) or entry.get(key, 0.0) < 0:
            raise ProfileError(
                f"{source.locate(provider, name)}: {name}: {key} must be a number of US dollars, 0 or more"
            )
    return ModelFacts(**entry)
