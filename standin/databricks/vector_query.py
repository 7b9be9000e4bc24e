"""Answer queries of Databricks AI Search.

Accepted are the fields that the SDK's ``query_index`` and Databricks' client ``databricks-ai-search`` send, and no
others. Texts are compared by hashed words, as in the stand-in's embeddings.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from inspect import signature
from itertools import chain
from typing import Any

import numpy as np
from databricks.sdk.service.vectorsearch import VectorSearchIndexesAPI
from starlette.responses import JSONResponse, Response

from ..openai.chat import split_words
from ..openai.embeddings import make_vector
from .serving_endpoints import JsonObject
from .unity_catalog import CatalogError

_ALLOWED_FIELDS = (signature(VectorSearchIndexesAPI.query_index).parameters.keys() - {"self", "index_name"}) | {
    "filter_string",
    "debug_level",
}
_DIMENSION = 512


@dataclass(slots=True)
class SearchIndex:
    """One index over the rows of a table.

    Attributes:
        rows: Rows by column.
        types: SQL type by column.
        text: Column that ``embedder`` embeds.
        embedder: Endpoint of the embedding model; empty for an index over ``vectors``.
        vectors: Vectors that were made elsewhere, by row number.
        is_storage_optimized: Whether the endpoint is storage-optimized; such an endpoint takes another form of filter.
        ready: Whether the index is ready for queries.
    """

    rows: list[JsonObject]
    types: dict[str, str]
    text: str = "text"
    embedder: str = "databricks-gte-large-en"
    vectors: dict[int, Sequence[float]] = field(default_factory=dict)
    is_storage_optimized: bool = False
    ready: bool = True

    @property
    def dimension(self) -> int:
        """Return the dimension of the vectors."""
        return len(next(iter(self.vectors.values()), [0.0] * _DIMENSION))


def answer_query(index: SearchIndex, body: JsonObject) -> Response:
    """Answer a query with the best rows and their scores.

    Args:
        index: Index that is searched.
        body: Body of the query.

    Returns:
        The API's response.

    Raises:
        CatalogError: The API does not accept the query.
    """
    _check_body(index, body)
    allowed = _matching_rows(index, body)
    scores = {key: _score_row(index, key, body) for key in allowed}
    best = sorted(allowed, key=lambda key: -scores[key])[: body.get("num_results", 10)]
    rows = [[*(_to_json_value(index.rows[key][name]) for name in body["columns"]), scores[key]] for key in best]
    columns = [{"name": name, "type_text": index.types[name]} for name in body["columns"]]
    columns.append({"name": "score", "type_text": "double"})
    return JSONResponse(
        {
            "manifest": {"column_count": len(columns), "columns": columns},
            "result": {"row_count": len(rows)} | ({"data_array": rows} if rows else {}),
            "next_page_token": "",
        }
    )


def _check_body(index: SearchIndex, body: JsonObject) -> None:
    """Check the fields of a query.

    Raises:
        CatalogError: A field is unknown, missing or does not suit the index.
    """
    kind = body.get("query_type", "ANN")
    problem = [f"unknown field {name}" for name in body.keys() - _ALLOWED_FIELDS]
    problem += [f"column {name} is not in the index" for name in body.get("columns", []) if name not in index.types]
    if not body.get("columns") or kind not in {"ANN", "HYBRID", "FULL_TEXT"}:
        problem.append("columns is required, and query_type has to be ANN, HYBRID or FULL_TEXT")
    if ("filter_string" if not index.is_storage_optimized else "filters_json") in body:
        problem.append("a storage-optimized endpoint takes filter_string, a standard endpoint filters_json")
    by_vector = not index.embedder and kind != "FULL_TEXT"
    if by_vector and len(body.get("query_vector") or []) != index.dimension:
        problem.append(f"query_vector: expected {index.dimension} numbers")
    if not by_vector and "query_vector" in body:
        problem.append("query_vector needs an index without an embedding model and another query_type than FULL_TEXT")
    if (not by_vector or kind == "HYBRID") and not body.get("query_text"):
        problem.append("query_text is required")
    if problem:
        raise CatalogError("INVALID_PARAMETER_VALUE", "; ".join(problem))


def _matching_rows(index: SearchIndex, body: JsonObject) -> list[int]:
    """Return the numbers of the rows that pass the query's filter, which SQLite evaluates.

    Raises:
        CatalogError: SQLite cannot read the filter.
    """
    conditions = json.loads(body.get("filters_json") or "{}")
    values = {name: value if isinstance(value, list) else [value] for name, value in conditions.items()}
    clauses = [f"{name} IN ({', '.join('?' * len(batch))})" for name, batch in values.items()]
    condition = body.get("filter_string") or " AND ".join(clauses) or "true"
    names = ", ".join(f'"{name}"' for name in index.types)
    marks = ", ".join("?" * (1 + len(index.types)))
    cells = [[key, *(row[name] for name in index.types)] for key, row in enumerate(index.rows)]
    with closing(sqlite3.connect(":memory:")) as table:
        table.execute(f"CREATE TABLE passages (position, {names})")
        table.executemany(f"INSERT INTO passages VALUES ({marks})", cells)  # noqa: S608 - question marks only
        try:
            matches = table.execute(f"SELECT position FROM passages WHERE {condition}", [*chain(*values.values())])  # noqa: S608
            return [key for (key,) in matches]
        except sqlite3.Error as error:
            raise CatalogError("INVALID_PARAMETER_VALUE", f"Invalid filter: {error}") from None


def _score_row(index: SearchIndex, key: int, body: JsonObject) -> float:
    """Return the score of a row for the query's type.

    ANN: 1 / (1 + squared distance), as documented. FULL_TEXT: the share of the question's words. HYBRID: the mean of
    both.
    """
    text, kind = str(index.rows[key][index.text]), body.get("query_type", "ANN")
    shared = _word_share(body["query_text"], text) if kind != "ANN" else 0.0
    near = _vector_score(body.get("query_vector"), index.vectors.get(key), body.get("query_text", ""), text)
    return {"ANN": near, "FULL_TEXT": shared, "HYBRID": (near + shared) / 2}[kind]


def _word_share(question: str, text: str) -> float:
    """Return the share of the question's words that ``text`` contains."""
    return len(split_words(question) & split_words(text)) / (len(split_words(question)) or 1)


def _vector_score(query_vector: Any, row_vector: Any, question: str, text: str) -> float:
    """Return 1 / (1 + squared distance) of two vectors; a missing vector is computed from its text."""
    first = make_vector(question, _DIMENSION) if query_vector is None else np.asarray(query_vector)
    second = make_vector(text, _DIMENSION) if row_vector is None else np.asarray(row_vector)
    return 1.0 / (1.0 + float(np.sum((first - second) ** 2)))


def _to_json_value(value: Any) -> Any:
    """Return a cell as the API encodes it: an integer as a number such as 3.0."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
