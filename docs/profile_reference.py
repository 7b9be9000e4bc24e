"""Write the tables of docs/profile.md from the settings that profiles can have."""

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from inspect import Parameter, cleandoc

from model import stages
from model.config.settings import Factory, describe_type, find_protocol, list_settings
from model.interfaces import ROLES
from model.providers import PROVIDERS, load_provider
from model.retrieval.ai_search.columns import ColumnMapping
from model.retrieval.local.settings import IndexSettings
from model.transport.rate_limiter import RateLimits

_HEAD = "| setting | value | default | meaning |\n| --- | --- | --- | --- |"
_SECTION = re.compile(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def list_index_settings() -> Iterator[str]:
    """Yield the tables of the section ``index``, for each kind of index."""
    yield "\n**`retriever: faiss`**: a local index, which a build makes. This is the default.\n"
    yield from _list_rows(IndexSettings)
    yield "\n**`retriever: ai_search`**: an index that Databricks AI Search keeps ([ai-search.md](ai-search.md)).\n"
    yield from _list_rows(ColumnMapping)


def list_stage_settings() -> Iterator[str]:
    """Yield a table of the settings of each kind of stage."""
    for name in stages.list_kinds():
        kind = stages.load_kind(name)
        summary = cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
        yield f"\n**`kind: {name}`**: {summary}\n"
        yield from _list_rows(kind)


def list_provider_settings() -> Iterator[str]:
    """Yield a table of the settings of each role, once for the providers that share it."""
    tables: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name in PROVIDERS:
        for role, factory in load_provider(name).factories.items():
            tables.setdefault((role, tuple(_list_rows(factory))), []).append(name)
    for (role, rows), names in sorted(tables.items(), key=lambda item: item[0][0]):
        providers = ", ".join(f"`{name}`" for name in names)
        if len(rows) == 1:
            yield f"\n**{role}** by {providers}: no settings."
        else:
            yield f"\n**{role}** by {providers}\n"
            yield from rows


def list_pace_settings() -> Iterator[str]:
    """Yield the table of the settings inside ``pace``."""
    yield from _list_rows(RateLimits)


def _list_rows(factory: Factory) -> Iterator[str]:
    """Yield the head of a table and a row for each setting of ``factory``."""
    yield _HEAD
    meanings = _read_meanings(factory)
    for name, parameter in list_settings(factory).items():
        yield f"| `{name}` | {_describe_value(parameter)} | {_describe_default(parameter)} | {meanings[name]} |"


def _read_meanings(factory: Factory) -> dict[str, str]:
    """Return the meaning of each setting from the docstring: Args of a function, Attributes of a dataclass."""
    documented = factory if is_dataclass(factory) or not isinstance(factory, type) else factory.__init__
    section = _SECTION.search(cleandoc(documented.__doc__ or "") + "\n")
    entries = _ENTRY.findall(section[1]) if section else []
    return {name: re.sub(r"\s+", " ", text).strip().replace("``", "`") for name, text in entries}


def _describe_value(parameter: Parameter) -> str:
    protocol = find_protocol(parameter)
    if protocol:
        return f"a provider's entry for {ROLES[protocol]}"
    if isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation):
        return "an object"
    return describe_type(parameter.annotation)


def _describe_default(parameter: Parameter) -> str:
    default = parameter.default
    if default is Parameter.empty:
        return "required"
    if default is None or default == "":
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"`{default}`" if isinstance(default, str | int | float) else "see meaning"
