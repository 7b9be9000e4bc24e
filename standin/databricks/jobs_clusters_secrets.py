"""Imitate Databricks' APIs of jobs, clusters, secret scopes and the current user."""

from collections.abc import Callable
from typing import Any

from databricks.sdk.service import compute, jobs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .serving_endpoints import JsonObject
from .unity_catalog import CatalogError

_SERVICE = "11111111-2222-3333-4444-555555555555"
"""The user name of a service principal, which is its application id."""


class JobsClustersSecrets:
    """The jobs and clusters by id, the secret scopes, and the current user.

    ``secrets``, by scope and name, is shared with the route that reads secrets.
    """

    def __init__(self, secrets: dict[tuple[str, str], str]) -> None:
        self.jobs: dict[int, JsonObject] = {}
        self.clusters: dict[str, JsonObject] = {}
        self.scopes: set[str] = set()
        self.user = _SERVICE
        self._secrets = secrets

    def clear(self) -> None:
        """Remove all jobs, clusters and scopes, and restore the initial user."""
        for collection in (self.jobs, self.clusters, self.scopes):
            collection.clear()
        self.user = _SERVICE

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """Return the routes that the SDK calls.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        posted: dict[str, Any] = {
            "/api/2.2/jobs/create": self._create_job,
            "/api/2.2/jobs/delete": self._delete_job,
            "/api/2.1/clusters/create": self._create_cluster,
            "/api/2.1/clusters/permanent-delete": self._delete_cluster,
            "/api/2.0/secrets/scopes/create": self._create_scope,
            "/api/2.0/secrets/scopes/delete": self._delete_scope,
            "/api/2.0/secrets/put": self._put_secret,
        }
        get_handlers: dict[str, Any] = {
            "/api/2.2/jobs/list": self._list_jobs,
            "/api/2.1/clusters/list": self._list_clusters,
            "/api/2.0/secrets/scopes/list": self._list_scopes,
            "/api/2.0/secrets/list": self._list_secrets,
            "/api/2.0/preview/scim/v2/Me": self._get_user,
        }
        post_handlers = [Route(path, let_in(handler), methods=["POST"]) for path, handler in posted.items()]
        return post_handlers + [Route(path, let_in(handler), methods=["GET"]) for path, handler in get_handlers.items()]

    async def _create_job(self, request: Request) -> Response:
        body = await request.json()
        if jobs.JobSettings.from_dict(body).as_dict() != body:
            raise CatalogError("MALFORMED_REQUEST", "job: unknown fields")
        number = len(self.jobs) + 1
        self.jobs[number] = {"job_id": number, "settings": body}
        return JSONResponse({"job_id": number})

    async def _delete_job(self, request: Request) -> Response:
        number = (await request.json())["job_id"]
        _require(number in self.jobs, f"Job {number} does not exist")
        del self.jobs[number]
        return JSONResponse({})

    async def _list_jobs(self, _: Request) -> Response:
        return JSONResponse({"jobs": [*self.jobs.values()]})

    async def _create_cluster(self, request: Request) -> Response:
        body = await request.json()
        if compute.ClusterSpec.from_dict(body).as_dict() != body:
            raise CatalogError("MALFORMED_REQUEST", "cluster: unknown fields")
        number = f"0001-{len(self.clusters):06}"
        self.clusters[number] = body | {"cluster_id": number, "state": "RUNNING"}
        return JSONResponse({"cluster_id": number})

    async def _delete_cluster(self, request: Request) -> Response:
        number = (await request.json())["cluster_id"]
        _require(number in self.clusters, f"Cluster {number} does not exist")
        del self.clusters[number]
        return JSONResponse({})

    async def _list_clusters(self, _: Request) -> Response:
        return JSONResponse({"clusters": [*self.clusters.values()]})

    async def _create_scope(self, request: Request) -> Response:
        name = (await request.json())["scope"]
        if name in self.scopes:
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"Scope {name} already exists!")
        self.scopes.add(name)
        return JSONResponse({})

    async def _delete_scope(self, request: Request) -> Response:
        name = (await request.json())["scope"]
        _require(name in self.scopes, f"Scope {name} does not exist!")
        self.scopes.remove(name)
        for scope, key in [scope_key for scope_key in self._secrets if scope_key[0] == name]:
            del self._secrets[scope, key]
        return JSONResponse({})

    async def _list_scopes(self, _: Request) -> Response:
        return JSONResponse({"scopes": [{"name": name, "backend_type": "DATABRICKS"} for name in sorted(self.scopes)]})

    async def _list_secrets(self, request: Request) -> Response:
        scope = request.query_params["scope"]
        _require(
            scope in self.scopes or any(scope_key[0] == scope for scope_key in self._secrets),
            f"Scope {scope} does not exist!",
        )
        return JSONResponse({"secrets": [{"key": key} for name, key in self._secrets if name == scope]})

    async def _put_secret(self, request: Request) -> Response:
        body = await request.json()
        _require(body["scope"] in self.scopes, f"Scope {body['scope']} does not exist!")
        self._secrets[body["scope"], body["key"]] = body["string_value"]
        return JSONResponse({})

    async def _get_user(self, _: Request) -> Response:
        return JSONResponse({"userName": self.user, "id": "1"})


def _require(value: object, message: str) -> None:
    if not value:
        raise CatalogError("RESOURCE_DOES_NOT_EXIST", message, 404)
