"""Imitate Databricks AI Search: indexes and endpoints in the form of the SDK's classes, and queries."""

from collections import deque
from collections.abc import Callable
from typing import Any

from databricks.sdk.service import vectorsearch as sdk
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..faults import Fault, apply_fault
from .serving_endpoints import JsonObject
from .unity_catalog import CatalogError
from .vector_query import SearchIndex, answer_query


class VectorSearch:
    """The search indexes, their endpoints, and the tables that an index can be made of.

    Attributes:
        indexes: Indexes by name.
        tables: Rows of the tables by table name.
        endpoints: Endpoints by name, as the API describes them.
        queries: Bodies of the queries that arrived.
        faults: Faults for the next queries, in order.
    """

    def __init__(self) -> None:
        self.indexes: dict[str, SearchIndex] = {}
        self.tables: dict[str, list[JsonObject]] = {}
        self.endpoints: dict[str, JsonObject] = {}
        self.queries: list[JsonObject] = []
        self.faults: deque[Fault] = deque()

    def clear(self) -> None:
        """Remove all indexes, tables, endpoints, queries and faults."""
        for collection in (self.indexes, self.tables, self.endpoints, self.queries, self.faults):
            collection.clear()

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """Return the routes of indexes, endpoints and queries.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        index_path = "/api/2.0/vector-search/indexes/{name}"
        return [
            Route("/api/2.0/vector-search/indexes", let_in(self._create), methods=["POST"]),
            Route("/api/2.0/vector-search/endpoints", let_in(self._create_endpoint), methods=["POST"]),
            Route(index_path, let_in(self._get), methods=["GET"]),
            Route(f"{index_path}/query", let_in(self._query), methods=["POST"]),
            Route("/api/2.0/vector-search/endpoints/{name}", let_in(self._endpoint), methods=["GET"]),
        ]

    def _find_index(self, request: Request) -> SearchIndex:
        name = request.path_params["name"]
        if name not in self.indexes:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Vector index {name} does not exist.", 404)
        return self.indexes[name]

    async def _get(self, request: Request) -> Response:
        index, name = self._find_index(request), request.path_params["name"]
        source_column = sdk.EmbeddingSourceColumn(name=index.text, embedding_model_endpoint_name=index.embedder)
        vector_column = sdk.EmbeddingVectorColumn(name="vector", embedding_dimension=index.dimension)
        spec = sdk.DeltaSyncVectorIndexSpecResponse(
            embedding_source_columns=[source_column] if index.embedder else None,
            embedding_vector_columns=None if index.embedder else [vector_column],
        )
        description = sdk.VectorIndex(
            name=name,
            endpoint_name="search-optimized" if index.is_storage_optimized else "search",
            index_type=sdk.VectorIndexType.DELTA_SYNC,
            primary_key="id",
            delta_sync_index_spec=spec,
            status=sdk.VectorIndexStatus(ready=index.ready, indexed_row_count=len(index.rows)),
        )
        return JSONResponse(description.as_dict())

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        spec = sdk.DeltaSyncVectorIndexSpecRequest.from_dict(body.get("delta_sync_index_spec", {}))
        fields = {"name", "endpoint_name", "primary_key", "index_type", "delta_sync_index_spec"}
        if (
            body.keys() != fields
            or spec.as_dict() != body["delta_sync_index_spec"]
            or not spec.embedding_source_columns
        ):
            raise CatalogError("MALFORMED_REQUEST", "index: missing or unknown fields")
        if body["endpoint_name"] not in self.endpoints or spec.source_table not in self.tables:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", "The endpoint or the source table does not exist.", 404)
        rows, (source,) = self.tables[str(spec.source_table)], spec.embedding_source_columns
        types = {name: "bigint" if isinstance(value, int) else "string" for name, value in rows[0].items()}
        index = SearchIndex(rows, types, str(source.name), str(source.embedding_model_endpoint_name))
        self.indexes[body["name"]] = index
        return JSONResponse({"name": body["name"]})

    async def _create_endpoint(self, request: Request) -> Response:
        body = await request.json()
        state = sdk.EndpointStatus(state=sdk.EndpointStatusState.ONLINE)
        definition = sdk.EndpointInfo(name=body["name"], endpoint_type=sdk.EndpointType(body["endpoint_type"]))
        self.endpoints[body["name"]] = definition.as_dict() | {"endpoint_status": state.as_dict()}
        return JSONResponse(self.endpoints[body["name"]])

    async def _endpoint(self, request: Request) -> Response:
        name = request.path_params["name"]
        kind = sdk.EndpointType.STORAGE_OPTIMIZED if name.endswith("optimized") else sdk.EndpointType.STANDARD
        return JSONResponse(self.endpoints.get(name) or sdk.EndpointInfo(name=name, endpoint_type=kind).as_dict())

    async def _query(self, request: Request) -> Response:
        index, body = self._find_index(request), await request.json()
        self.queries.append(body)
        if self.faults:
            return await apply_fault(self.faults.popleft(), Response("{}"), "")
        return answer_query(index, body)
