"""Look up the Databricks AI Search index of a profile, query it once, and describe it in an index folder.

Nothing is built: the rows of a table are the chunks, and Databricks keeps the index in step with the table.
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
"""SQL types that the column of a tag can have; empty where the workspace reports no type."""


def describe_index(profile: Profile, out: Path) -> RemoteIndex:
    """Write the description of the profile's index into an index folder, replacing the previous one.

    Args:
        profile: A profile that searches AI Search.
        out: The index folder.

    Returns:
        The description.

    Raises:
        CommandError: ``out`` holds something that is not an index, or the AI Search index does not fit the profile.
        ProviderError: The AI Search index does not exist, is not permitted, or cannot be reached.
    """
    remote_index = inspect_index(profile)
    with replace_folder(out.absolute()) as part:
        remote_index.write(part)
    return remote_index


def inspect_index(profile: Profile) -> RemoteIndex:
    """Return the description of the profile's index, checked against the profile with one query.

    Raises:
        CommandError: The index is not ready, or its embeddings or columns do not fit the profile.
        RejectedCallError: The index does not exist or is not permitted, or it rejects the query.
        ProfileError: A setting of the embeddings is invalid.
        CredentialError: The workspace rejects the credentials, or none are configured.
        ProviderUnavailableError: The workspace cannot be reached.
    """
    engine, layout = Engine(), ColumnMapping(**profile.index)
    index, is_storage_optimized = engine.run(_fetch_index(layout.name))
    if not (index.status and index.status.ready):
        raise CommandError(f"the AI Search index {layout.name} is not ready yet; see its page in Catalog Explorer")
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
    """Return the SDK's description of the index, and whether its endpoint is storage-optimised."""
    client = await databricks_client.shared_client()

    def fetch() -> tuple[Any, bool]:
        with databricks_client.translate_errors(f"the AI Search index {name}"):
            index = client.vector_search_indexes.get_index(name)
        with databricks_client.translate_errors(f"the AI Search endpoint {index.endpoint_name}"):
            kind = client.vector_search_endpoints.get_endpoint(index.endpoint_name).endpoint_type
        return index, getattr(kind, "value", "") == "STORAGE_OPTIMIZED"

    return await asyncio.to_thread(fetch)


def _find_embedding(profile: Profile, index: Any, layout: ColumnMapping, engine: Engine) -> tuple[StageValues, int]:
    """Return the model that embeds questions, and the dimension of its vectors, 0 if unknown.

    The first is empty when the index is searched by words alone. Raise CommandError when the profile does not fit.
    """
    spec = index.delta_sync_index_spec or index.direct_access_index_spec
    sources = [
        column.model_endpoint_name_for_query or column.embedding_model_endpoint_name
        for column in _embedding_columns(spec, "source")
    ]
    endpoint = next(filter(None, sources), "") if layout.search != _FULL_TEXT else ""
    if profile.embeddings and (endpoint or layout.search == _FULL_TEXT):
        why = f"embeds questions itself, with {endpoint}" if endpoint else "is searched by words alone"
        raise CommandError(f"the AI Search index {layout.name} {why}; remove embeddings from the profile")
    if endpoint or layout.search == _FULL_TEXT:
        return ({"provider": "databricks", "model": endpoint} if endpoint else {}), 0
    return _own_embedding(profile, layout.name, next(iter(_embedding_columns(spec, "vector")), None), engine)


def _embedding_columns(spec: Any, kind: str) -> Sequence[Any]:  # a class of the SDK's
    return getattr(spec, f"embedding_{kind}_columns", None) or []


def _own_embedding(profile: Profile, name: str, column: Any, engine: Engine) -> tuple[StageValues, int]:
    """Return the profile's embedding model with its fingerprint, and the dimension of ``column``.

    Raise CommandError when the profile names no embeddings or their dimension differs.
    """
    embedder = profile.make_embedder()
    if embedder is None:
        raise CommandError(
            f"the AI Search index {name} contains vectors that Databricks did not compute; set embeddings in the "
            "profile to the model that computed them"
        )
    vector, dimension = engine.run(embedder.embed([FINGERPRINT_TEXT]))[0], column.embedding_dimension if column else 0
    if len(vector) != dimension:
        raise CommandError(
            f"{embedder.provider}:{embedder.model} embeds in {len(vector)} dimensions, but the AI Search index "
            f"{name} has {dimension}; set embeddings in the profile to the model that computed its vectors"
        )
    return {"provider": embedder.provider, "model": embedder.model, "fingerprint": vector.tolist()}, dimension


def _fetch_types(layout: ColumnMapping, body: StageValues, engine: Engine) -> dict[str, str]:
    """Return the SQL type of each column from a query's response, empty if unknown.

    Raise CommandError when the index lacks a column.
    """
    try:
        return engine.run(query_index(layout.name, body, _parse_types))
    except RejectedCallError:
        missing = [
            column
            for column in layout.requested_columns
            if not _has_column(layout.name, body | {"columns": [column]}, engine)
        ]
        if len(missing) in {0, len(layout.requested_columns)}:  # the columns are not the cause
            raise
    raise CommandError(
        f"the AI Search index {layout.name} has no column {', '.join(missing)}; correct columns and tags in the profile"
    )


def _has_column(name: str, body: StageValues, engine: Engine) -> bool:
    try:
        return bool(engine.run(query_index(name, body, _parse_types)))
    except RejectedCallError:
        return False


def _parse_types(response: StageValues) -> dict[str, str]:
    return {column["name"]: str(column.get("type_text") or "").lower() for column in response["manifest"]["columns"]}


def _find_unfit_columns(layout: ColumnMapping, types: Mapping[str, str]) -> Iterator[str]:
    """Yield a message for each column whose SQL type does not fit a tag or a field of a passage."""
    for column in layout.tags:
        if types.get(column, "") not in _TAG_TYPES:
            yield f"column {column} has the type {types[column]}; a tag needs text, whole numbers or booleans"
    for field in {"page", "start", "end"} & layout.columns.keys():
        column = layout.columns[field]
        if types.get(column, "") not in {"", *INTEGER_TYPES}:
            yield f"column {column} has the type {types[column]}; {field} needs whole numbers"
