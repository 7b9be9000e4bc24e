"""Imitate Unity Catalog's model registry as MLflow calls it.

Paths and messages are those of MLflow's ``databricks_uc_registry_service.proto``, and MLflow's own classes parse and
write them. Refused are fields that the messages do not have, and what Unity Catalog itself refuses: names without three
levels, tags with dots, and changes to other people's models.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from mlflow.protos import databricks_pb2
from mlflow.protos import databricks_uc_registry_messages_pb2 as messages
from mlflow.protos import databricks_uc_registry_service_pb2 as service
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_NAME = re.compile(r"[^./ ]+\.[^./ ]+\.[^./ ]+")
_TAG = re.compile(r"[^.,\-=/:]{1,256}")
_MAX_TAG = 256

Message = Any
"""A protobuf message. Its class is made at import, so type checkers do not know it."""


class CatalogError(Exception):
    """A request that Databricks refuses; ``code`` and ``status`` go into the response."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class UnityCatalog:
    """The registered models and their versions.

    Attributes:
        models: Registered models by name.
        versions: Versions by model name and version number.
        foreign_models: Names of models of another owner, who permits reading and running only.
    """

    def __init__(self) -> None:
        self.models: dict[str, Message] = {}
        self.versions: dict[str, dict[str, Message]] = {}
        self.foreign_models: set[str] = set()

    def add(self, name: str, alias: str = "") -> str:
        """Add a ready version of a model, and the model where it is missing.

        Args:
            name: Three-level name of the model.
            alias: Alias that is set on the version; empty for none.

        Returns:
            The version number.

        Raises:
            CatalogError: The name or the alias is refused, or another user owns the model.
        """
        if name not in self.models:
            self._create_registered_model(messages.CreateRegisteredModelRequest(name=name))
        request = messages.CreateModelVersionRequest(name=name, source="a test")
        version = self._create_model_version(request).model_version
        self.versions[name][version.version].status = messages.READY
        if alias:
            alias_request = messages.SetRegisteredModelAliasRequest(name=name, alias=alias, version=version.version)
            self._set_registered_model_alias(alias_request)
        return str(version.version)

    def clear(self) -> None:
        """Remove all models."""
        for collection in (self.models, self.versions, self.foreign_models):
            collection.clear()

    def routes(self, let_in: Callable[[Callable[[Request], Awaitable[Response]]], Any]) -> list[Route]:
        """Return a route for each call that MLflow's service declares.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        routes = []
        for method in service.DESCRIPTOR.services_by_name["UcModelRegistryService"].methods:
            handler = getattr(self, "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower(), None)
            for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                answer = let_in(self._answer(method.input_type.name, handler))
                routes.append(Route(f"/api/2.0{endpoint.path}", answer, methods=[endpoint.method]))
        return routes

    def _answer(
        self, message_class: str, handler: Callable[[Message], Message] | None
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            body = await request.body()
            try:
                message = json.loads(body) if body else dict(request.query_params)
                message = ParseDict(message, getattr(messages, message_class)())
            except ParseError as error:
                raise CatalogError("MALFORMED_REQUEST", str(error)) from None
            if handler is None:
                raise CatalogError("ENDPOINT_NOT_FOUND", f"the stand-in does not implement {message_class}", 404)
            return JSONResponse(MessageToDict(handler(message), preserving_proto_field_name=True))

        return answer

    def _create_registered_model(self, request: Message) -> Message:
        if not _NAME.fullmatch(request.name):
            raise CatalogError(
                "INVALID_PARAMETER_VALUE", f"{request.name} is not a three-level name (catalog.schema.model)"
            )
        if request.name in self.models:
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"Registered model {request.name} already exists")
        self.models[request.name] = messages.RegisteredModel(name=request.name, description=request.description)
        self.versions[request.name] = {}
        return messages.CreateRegisteredModelResponse(registered_model=self.models[request.name])

    def _get_registered_model(self, request: Message) -> Message:
        return messages.GetRegisteredModelResponse(registered_model=self._find_model(request.name))

    def _delete_registered_model(self, request: Message) -> Message:
        self._find_owned_model(request.name)
        del self.models[request.name], self.versions[request.name]
        return messages.DeleteRegisteredModelResponse()

    def _create_model_version(self, request: Message) -> Message:
        self._find_owned_model(request.name)
        number = str(len(self.versions[request.name]) + 1)
        time_ms = int(time.time() * 1000)
        version = messages.ModelVersion(
            name=request.name,
            version=number,
            source=request.source,
            run_id=request.run_id,
            model_id=request.model_id,
            creation_timestamp=time_ms,
            last_updated_timestamp=time_ms,
            status=messages.PENDING_REGISTRATION,
            storage_location=f"dbfs:/Models/{request.name.replace('.', '/')}/{number}",
        )
        for tag in request.tags:
            _set_tag(version, tag.key, tag.value)
        self.versions[request.name][number] = version
        return messages.CreateModelVersionResponse(model_version=version)

    def _finalize_model_version(self, request: Message) -> Message:
        version = self._find_version(request)
        version.status = messages.READY
        return messages.FinalizeModelVersionResponse(model_version=version)

    def _get_model_version(self, request: Message) -> Message:
        return messages.GetModelVersionResponse(model_version=self._with_aliases(self._find_version(request)))

    def _get_model_version_download_uri(self, request: Message) -> Message:
        return messages.GetModelVersionDownloadUriResponse(artifact_uri=self._find_version(request).storage_location)

    def _search_model_versions(self, request: Message) -> Message:
        name = request.filter.partition("'")[2].rstrip("'")
        if not re.fullmatch(r"name ?= ?'[^']+'", request.filter):
            raise CatalogError("INVALID_PARAMETER_VALUE", "filter: expected name = '…' only")
        versions = []
        for version in self.versions.get(name, {}).values():  # Unity Catalog omits aliases and tags here, too
            plain = messages.ModelVersion()
            plain.CopyFrom(version)
            plain.ClearField("tags")
            versions.append(plain)
        return messages.SearchModelVersionsResponse(model_versions=versions)

    def _set_model_version_tag(self, request: Message) -> Message:
        self._find_owned_model(request.name)
        _set_tag(self._find_version(request), request.key, request.value)
        return messages.SetModelVersionTagResponse()

    def _set_registered_model_alias(self, request: Message) -> Message:
        self._find_owned_model(request.name)
        self._find_version(request)
        model = self.models[request.name]
        aliases = [alias for alias in model.aliases if alias.alias != request.alias]
        del model.aliases[:]
        model.aliases.extend([*aliases, messages.RegisteredModelAlias(alias=request.alias, version=request.version)])
        return messages.SetRegisteredModelAliasResponse()

    def _get_model_version_by_alias(self, request: Message) -> Message:
        numbers = [
            candidate.version
            for candidate in self._find_model(request.name).aliases
            if candidate.alias == request.alias
        ]
        if not numbers:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Alias {request.alias} does not exist", 404)
        version = self._with_aliases(self.versions[request.name][numbers[0]])
        return messages.GetModelVersionByAliasResponse(model_version=version)

    def _is_databricks_sdk_models_artifact_repository_enabled(self, _: Message) -> Message:
        return messages.IsDatabricksSdkModelsArtifactRepositoryEnabledResponse(
            is_databricks_sdk_models_artifact_repository_enabled=True
        )

    def _emit_model_version_lineage(self, _: Message) -> Message:
        return messages.EmitModelVersionLineageResponse()

    def _find_model(self, name: str) -> Message:
        if name not in self.models:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Registered model {name} does not exist", 404)
        return self.models[name]

    def _find_owned_model(self, name: str) -> None:
        self._find_model(name)
        if name in self.foreign_models:
            raise CatalogError("PERMISSION_DENIED", f"User is not an owner of Registered Model '{name}'", 403)

    def _find_version(self, request: Message) -> Message:
        self._find_model(request.name)
        if request.version not in self.versions[request.name]:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Model version {request.version} does not exist", 404)
        return self.versions[request.name][request.version]

    def _with_aliases(self, version: Message) -> Message:
        """Return a copy of ``version`` with the aliases that point at the version."""
        copy = messages.ModelVersion()
        copy.CopyFrom(version)
        aliases = [alias for alias in self.models[version.name].aliases if alias.version == version.version]
        copy.aliases.extend(aliases)
        return copy


def _set_tag(version: Message, key: str, value: str) -> None:
    if not _TAG.fullmatch(key) or len(value) > _MAX_TAG:
        raise CatalogError("INVALID_PARAMETER_VALUE", f"tag {key}: invalid key or value")
    tags = [tag for tag in version.tags if tag.key != key]
    del version.tags[:]
    version.tags.extend([*tags, messages.ModelVersionTag(key=key, value=value)])
