"""Unity Catalog's registry of models, as MLflow asks it: its own messages, read and written by its own classes.

The paths and messages are those of MLflow's ``databricks_uc_registry_service.proto``; a field that they do not have is
refused, and so is what Unity Catalog itself refuses: names without three levels, tags with dots, other people's models.
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
_MOST = 256

Message = Any
"""A message of protobuf, whose classes are made when they are imported."""


class CatalogError(Exception):
    """What the catalog refuses."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code, self.status = code, status


class Catalog:
    """Registered models by name. Those in ``foreign`` belong to somebody else, who lets read and run alone."""

    def __init__(self) -> None:
        self.models: dict[str, Message] = {}
        self.versions: dict[str, dict[str, Message]] = {}
        self.foreign: set[str] = set()

    def add(self, name: str, alias: str = "") -> str:
        """One more version of ``name``, which is ready, with an alias that points at it; gives its number."""
        if name not in self.models:
            self._create_registered_model(messages.CreateRegisteredModelRequest(name=name))
        asked = messages.CreateModelVersionRequest(name=name, source="a test")
        made = self._create_model_version(asked).model_version
        self.versions[name][made.version].status = messages.READY
        if alias:
            told = messages.SetRegisteredModelAliasRequest(name=name, alias=alias, version=made.version)
            self._set_registered_model_alias(told)
        return str(made.version)

    def clear(self) -> None:
        """As new."""
        for one in (self.models, self.versions, self.foreign):
            one.clear()

    def routes(self, let_in: Callable[[Callable[[Request], Awaitable[Response]]], Any]) -> list[Route]:
        """A route for each call that MLflow's service declares."""
        made = []
        for method in service.DESCRIPTOR.services_by_name["UcModelRegistryService"].methods:
            handler = getattr(self, "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower(), None)
            for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                answer = let_in(self._answer(method.input_type.name, handler))
                made.append(Route(f"/api/2.0{endpoint.path}", answer, methods=[endpoint.method]))
        return made

    def _answer(
        self, asked: str, handler: Callable[[Message], Message] | None
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            body = await request.body()
            try:
                told = json.loads(body) if body else dict(request.query_params)
                message = ParseDict(told, getattr(messages, asked)())
            except ParseError as error:
                raise CatalogError("MALFORMED_REQUEST", str(error)) from None
            if handler is None:
                raise CatalogError("ENDPOINT_NOT_FOUND", f"{asked} is not what this stand-in does", 404)
            return JSONResponse(MessageToDict(handler(message), preserving_proto_field_name=True))

        return answered

    def _create_registered_model(self, asked: Message) -> Message:
        if not _NAME.fullmatch(asked.name):
            raise CatalogError("INVALID_PARAMETER_VALUE", f"{asked.name} is not a name of three levels")
        if asked.name in self.models:
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"Registered model {asked.name} already exists")
        self.models[asked.name] = messages.RegisteredModel(name=asked.name, description=asked.description)
        self.versions[asked.name] = {}
        return messages.CreateRegisteredModelResponse(registered_model=self.models[asked.name])

    def _get_registered_model(self, asked: Message) -> Message:
        return messages.GetRegisteredModelResponse(registered_model=self._model(asked.name))

    def _delete_registered_model(self, asked: Message) -> Message:
        self._owned(asked.name)
        del self.models[asked.name], self.versions[asked.name]
        return messages.DeleteRegisteredModelResponse()

    def _create_model_version(self, asked: Message) -> Message:
        self._owned(asked.name)
        number = str(len(self.versions[asked.name]) + 1)
        now = int(time.time() * 1000)
        made = messages.ModelVersion(
            name=asked.name,
            version=number,
            source=asked.source,
            run_id=asked.run_id,
            model_id=asked.model_id,
            creation_timestamp=now,
            last_updated_timestamp=now,
            status=messages.PENDING_REGISTRATION,
            storage_location=f"dbfs:/Models/{asked.name.replace('.', '/')}/{number}",
        )
        for one in asked.tags:
            _tagged(made, one.key, one.value)
        self.versions[asked.name][number] = made
        return messages.CreateModelVersionResponse(model_version=made)

    def _finalize_model_version(self, asked: Message) -> Message:
        made = self._version(asked)
        made.status = messages.READY
        return messages.FinalizeModelVersionResponse(model_version=made)

    def _get_model_version(self, asked: Message) -> Message:
        return messages.GetModelVersionResponse(model_version=self._told(self._version(asked)))

    def _get_model_version_download_uri(self, asked: Message) -> Message:
        return messages.GetModelVersionDownloadUriResponse(artifact_uri=self._version(asked).storage_location)

    def _search_model_versions(self, asked: Message) -> Message:
        name = asked.filter.partition("'")[2].rstrip("'")
        if not re.fullmatch(r"name ?= ?'[^']+'", asked.filter):
            raise CatalogError("INVALID_PARAMETER_VALUE", "a search takes name = '…' alone")
        found = []
        for one in self.versions.get(name, {}).values():  # as the real one, without aliases and tags
            plain = messages.ModelVersion()
            plain.CopyFrom(one)
            plain.ClearField("tags")
            found.append(plain)
        return messages.SearchModelVersionsResponse(model_versions=found)

    def _set_model_version_tag(self, asked: Message) -> Message:
        self._owned(asked.name)
        _tagged(self._version(asked), asked.key, asked.value)
        return messages.SetModelVersionTagResponse()

    def _set_registered_model_alias(self, asked: Message) -> Message:
        self._owned(asked.name)
        self._version(asked)
        model = self.models[asked.name]
        kept = [one for one in model.aliases if one.alias != asked.alias]
        del model.aliases[:]
        model.aliases.extend([*kept, messages.RegisteredModelAlias(alias=asked.alias, version=asked.version)])
        return messages.SetRegisteredModelAliasResponse()

    def _get_model_version_by_alias(self, asked: Message) -> Message:
        found = [one.version for one in self._model(asked.name).aliases if one.alias == asked.alias]
        if not found:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Alias {asked.alias} does not exist", 404)
        version = self._told(self.versions[asked.name][found[0]])
        return messages.GetModelVersionByAliasResponse(model_version=version)

    def _is_databricks_sdk_models_artifact_repository_enabled(self, _: Message) -> Message:
        return messages.IsDatabricksSdkModelsArtifactRepositoryEnabledResponse(
            is_databricks_sdk_models_artifact_repository_enabled=True
        )

    def _emit_model_version_lineage(self, _: Message) -> Message:
        return messages.EmitModelVersionLineageResponse()

    def _model(self, name: str) -> Message:
        if name not in self.models:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Registered model {name} does not exist", 404)
        return self.models[name]

    def _owned(self, name: str) -> None:
        self._model(name)
        if name in self.foreign:
            raise CatalogError("PERMISSION_DENIED", f"User is not an owner of Registered Model '{name}'", 403)

    def _version(self, asked: Message) -> Message:
        self._model(asked.name)
        if asked.version not in self.versions[asked.name]:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Model version {asked.version} does not exist", 404)
        return self.versions[asked.name][asked.version]

    def _told(self, version: Message) -> Message:
        """With the aliases that point at it."""
        made = messages.ModelVersion()
        made.CopyFrom(version)
        mine = [one for one in self.models[version.name].aliases if one.version == version.version]
        made.aliases.extend(mine)
        return made


def _tagged(version: Message, key: str, value: str) -> None:
    if not _TAG.fullmatch(key) or len(value) > _MOST:
        raise CatalogError("INVALID_PARAMETER_VALUE", f"the tag {key} is not as Unity Catalog takes it")
    kept = [one for one in version.tags if one.key != key]
    del version.tags[:]
    version.tags.extend([*kept, messages.ModelVersionTag(key=key, value=value)])
