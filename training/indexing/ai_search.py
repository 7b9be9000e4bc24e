"""The index that Databricks AI Search holds for a profile: looked up, tried, and described in an index folder.

Nothing is built: the rows of a table are the chunks, and Databricks keeps the index as they are.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.contract.fields import StageValues
from model.errors import CommandError, RejectedCallError
from model.profile import Profile
from model.retrieval.ai_search.client import query_index
from model.retrieval.ai_search.columns import INTEGER_TYPES, ColumnMapping
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.ai_search.retriever import AISearchRetriever
from model.retrieval.local.index import FINGERPRINT_TEXT
from model.runtime.event_loop import Engine
from model.transport import databricks_client

from .index_writer import replace_folder

_FULL_TEXT = "full_text"
_TAG_TYPES = {"", "string", "boolean", *INTEGER_TYPES}
"""Types of columns that a tag can be told by; the empty one is told nowhere."""


def describe_index(profile: Profile, out: Path) -> RemoteIndex:
    """Describes the index of ``profile`` in the folder ``out``, in the place of what is there.

    Raises CommandError when ``out`` holds something else, and as ``look`` does.
    """
    remote_index = inspect_index(profile)
    with replace_folder(out.absolute()) as part:
        remote_index.write(part)
    return remote_index


def inspect_index(profile: Profile) -> RemoteIndex:
    """What the workspace tells of the index, which is asked one question.

    Raises CommandError when it is not as the profile says, RejectedCallError when it is not there, CredentialError, and
    BusyError.
    """
    engine, layout = Engine(), ColumnMapping(**profile.index)
    index, is_storage_optimized = engine.run(_fetch_index(layout.name))
    if not (index.status and index.status.ready):
        raise CommandError(f"the AI Search index {layout.name} is not ready yet; its page in Catalog Explorer says why")
    embedding, dimension = _find_embedding(profile, index, layout, engine)
    rows = index.status.indexed_row_count or 0
    remote_index = RemoteIndex(
        profile.index, str(index.endpoint_name), is_storage_optimized, rows, {}, embedding, dimension
    )
    types = _fetch_types(
        layout,
        engine.run(AISearchRetriever(remote_index, profile.make_embedder()).build_body(FINGERPRINT_TEXT, 1)),
        engine,
    )
    for sentence in _find_unfit_columns(layout, types):
        raise CommandError(f"{profile.yaml_file.locate('index')}: {sentence}")
    return replace(remote_index, types=types)


async def _fetch_index(name: str) -> tuple[Any, bool]:
    """The index as the SDK tells it, and whether its endpoint is storage-optimised."""
    client = await databricks_client.shared_client()

    def fetch() -> tuple[Any, bool]:
        with databricks_client.translate_errors(f"the AI Search index {name}"):
            index = client.vector_search_indexes.get_index(name)
        with databricks_client.translate_errors(f"the AI Search endpoint {index.endpoint_name}"):
            kind = client.vector_search_endpoints.get_endpoint(index.endpoint_name).endpoint_type
        return index, getattr(kind, "value", "") == "STORAGE_OPTIMIZED"

    return await asyncio.to_thread(fetch)


def _find_embedding(profile: Profile, index: Any, layout: ColumnMapping, engine: Engine) -> tuple[StageValues, int]:
    """Who embeds questions, and in how many dimensions where that is known. Raises CommandError."""
    spec = index.delta_sync_index_spec or index.direct_access_index_spec
    sources = [
        column.model_endpoint_name_for_query or column.embedding_model_endpoint_name
        for column in _embedding_columns(spec, "source")
    ]
    maker = next(filter(None, sources), "") if layout.search != _FULL_TEXT else ""
    if profile.embeddings and (maker or layout.search == _FULL_TEXT):
        why = f"embeds questions itself, with {maker}" if maker else "is searched by words alone"
        raise CommandError(f"the AI Search index {layout.name} {why}; leave embeddings out of the profile")
    if maker or layout.search == _FULL_TEXT:
        return ({"provider": "databricks", "model": maker} if maker else {}), 0
    return _own_embedding(profile, layout.name, next(iter(_embedding_columns(spec, "vector")), None), engine)


def _embedding_columns(spec: Any, kind: str) -> Sequence[Any]:  # a class of the SDK's
    return getattr(spec, f"embedding_{kind}_columns", None) or []


def _own_embedding(profile: Profile, name: str, column: Any, engine: Engine) -> tuple[StageValues, int]:
    """The profile's embeddings, which made the vectors of ``column``. Raises CommandError."""
    embedder = profile.make_embedder()
    if embedder is None:
        raise CommandError(
            f"the AI Search index {name} holds vectors that Databricks did not make; name the embeddings that "
            "they were made with in the profile"
        )
    vector, dimension = engine.run(embedder.embed([FINGERPRINT_TEXT]))[0], column.embedding_dimension if column else 0
    if len(vector) != dimension:
        raise CommandError(
            f"{embedder.provider}:{embedder.model} embeds in {len(vector)} dimensions, and the AI Search index "
            f"{name} has {dimension}; name the embeddings that its vectors were made with"
        )
    return {"provider": embedder.provider, "model": embedder.model, "fingerprint": vector.tolist()}, dimension


def _fetch_types(layout: ColumnMapping, body: StageValues, engine: Engine) -> dict[str, str]:
    """The SQL type of each column, empty where it is not told, by asking. Raises CommandError for a missing one."""
    try:
        return engine.run(query_index(layout.name, body, _parse_types))
    except RejectedCallError:
        missing = [
            column
            for column in layout.requested_columns
            if not _has_column(layout.name, body | {"columns": [column]}, engine)
        ]
        if len(missing) in {0, len(layout.requested_columns)}:  # then something else is wrong
            raise
    raise CommandError(f"the AI Search index {layout.name} has no column {', '.join(missing)}; name those that it has")


def _has_column(name: str, body: StageValues, engine: Engine) -> bool:
    try:
        return bool(engine.run(query_index(name, body, _parse_types)))
    except RejectedCallError:
        return False


def _parse_types(response: StageValues) -> dict[str, str]:
    return {column["name"]: str(column.get("type_text") or "").lower() for column in response["manifest"]["columns"]}


def _find_unfit_columns(layout: ColumnMapping, types: Mapping[str, str]) -> Iterator[str]:
    """Columns whose types do not fit what they are named for."""
    for column in layout.tags:
        if types.get(column, "") not in _TAG_TYPES:
            yield f"{column} is of the type {types[column]}; a tag is text, a whole number, or true or false"
    for field in {"page", "start", "end"} & layout.columns.keys():
        column = layout.columns[field]
        if types.get(column, "") not in {"", *INTEGER_TYPES}:
            yield f"{column} is of the type {types[column]}; {field} is a whole number"
