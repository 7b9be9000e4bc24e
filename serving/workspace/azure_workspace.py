"""An Azure Databricks workspace and its resource group: made, looked at and removed, by tag.

Each step looks at what is there first, so that what was interrupted is run again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..endpoint.spec import PROJECT_TAG
from ..endpoint.updates import ReportLine
from ..errors import ServingError
from .azure_client import AzureClients, get_or_none, make_clients, translate_errors

PAUSE_SECONDS, MAX_WAIT_SECONDS = 10.0, 2400.0
"""Seconds between two looks at a workspace that is being made, and after which it is left to itself."""
_MISSING_STATE = "gone"


@dataclass(frozen=True)
class AzureWorkspace:
    """A workspace's place: its subscription, resource group and name."""

    subscription: str
    group: str
    name: str

    def create(self, location: str, environment: str, report: ReportLine) -> str:
        """The address of the workspace, which is made where it is not there. Raises ServingError."""
        with translate_errors(f"creating {self.name}"):
            if self._get_group() is None:
                self._clients.groups.create_or_update(
                    self.group, {"location": location, "tags": {PROJECT_TAG: environment}}
                )
                report(f"Created the resource group {self.group} in {location}")
            workspace = self.get_workspace()
            if workspace is None or (_is_owned(workspace) and _provisioning_state(workspace) == "Failed"):
                report(f"Creating the workspace {self.name}, which takes some minutes")
                definition = self._define(location, environment)
                workspace = self._clients.workspaces.begin_create_or_update(
                    self.group, self.name, definition, polling_interval=PAUSE_SECONDS
                ).result()
            return _workspace_url(self._wait_until_ready(workspace, report))

    def exists(self) -> bool:
        """Whether the workspace is there. Raises ServingError."""
        with translate_errors(f"looking at {self.name}"):
            return self.get_workspace() is not None

    def status(self) -> Iterator[str]:
        """Lines about the group and the workspace."""
        with translate_errors(f"looking at {self.name}"):
            group, workspace = self._get_group(), self.get_workspace()
        yield f"resource group {self.group}: {_describe_owner(group) if group else 'not there'}"
        if workspace is None:
            yield f"workspace {self.name}: not there"
        else:
            state, owner = _provisioning_state(workspace), _describe_owner(workspace)
            yield f"workspace {self.name}: {state}, {workspace.sku.name}, {owner}"
            yield f"  {_workspace_url(workspace)}"

    def delete(self, report: ReportLine) -> None:
        """Removes the workspace and then the group, as far as this project made them. Raises ServingError."""
        with translate_errors(f"removing {self.name}"):
            workspace = self.get_workspace()
            if workspace and _is_owned(workspace):
                self._clients.workspaces.begin_delete(self.group, self.name, polling_interval=PAUSE_SECONDS).result()
                report(f"Removed: workspace {self.name}")
            group = self._get_group()
            other_resources = self._list_others() if group else []
            if other_resources:
                report(f"Left: resource group {self.group}, in which others stand: {', '.join(other_resources)}")
            elif group and _is_owned(group) and (workspace is None or _is_owned(workspace)):
                self._clients.groups.begin_delete(self.group, polling_interval=PAUSE_SECONDS).result()
                report(f"Removed: resource group {self.group}")
            group = None if other_resources else self._get_group()
            remaining = [resource for resource in (self.get_workspace(), group) if resource and _is_owned(resource)]
        if remaining:
            raise ServingError(f"still there: {', '.join(str(resource.name) for resource in remaining)}; run it again")

    def _wait_until_ready(self, workspace: Any, report: ReportLine) -> Any:  # a class of the SDK's
        """The workspace, when what was begun earlier is done. Raises ServingError when it failed."""
        until = time.monotonic() + MAX_WAIT_SECONDS
        while (
            _provisioning_state(workspace) not in {"Succeeded", "Failed", _MISSING_STATE} and time.monotonic() < until
        ):
            report(f"  {self.name}: {_provisioning_state(workspace)}")
            time.sleep(PAUSE_SECONDS)
            workspace = self.get_workspace()
        if _provisioning_state(workspace) != "Succeeded":
            raise ServingError(f"{self.name} did not come up ({_provisioning_state(workspace)}); run it again")
        return workspace

    def _list_others(self) -> list[str]:
        """What stands in the group beside the workspace."""
        resources = self._clients.resources.list_by_resource_group(self.group)
        return sorted(str(resource.name) for resource in resources if str(resource.name) != self.name)

    def get_workspace(self) -> Any:  # a class of the SDK's
        """The workspace; None when there is none."""
        return get_or_none(lambda: self._clients.workspaces.get(self.group, self.name))

    def _get_group(self) -> Any:  # a class of the SDK's
        return get_or_none(lambda: self._clients.groups.get(self.group))

    def _define(self, location: str, environment: str) -> Any:  # a class of the SDK's
        """Premium, which Model Serving needs and the only tier left, without public addresses of its machines."""
        from azure.mgmt.databricks import models  # the extra azure

        managed = f"/subscriptions/{self.subscription}/resourceGroups/databricks-rg-{self.name}"
        return models.Workspace(
            location=location,
            sku=models.Sku(name="premium"),
            tags={PROJECT_TAG: environment},
            properties=models.WorkspaceProperties(
                compute_mode=models.ComputeMode.HYBRID,
                managed_resource_group_id=managed,
                parameters=models.WorkspaceCustomParameters(
                    enable_no_public_ip=models.WorkspaceNoPublicIPBooleanParameter(value=True)
                ),
            ),
        )

    @cached_property
    def _clients(self) -> AzureClients:
        return make_clients(self.subscription)


def _workspace_url(workspace: Any) -> str:  # a class of the SDK's
    url = str(workspace.properties.workspace_url or "")
    return url if "://" in url else f"https://{url}"


def _provisioning_state(workspace: Any) -> str:
    state = workspace.properties.provisioning_state if workspace else _MISSING_STATE
    return str(getattr(state, "value", state))


def _describe_owner(resource: Any) -> str:
    return "made by this project" if _is_owned(resource) else "not made by this project"


def _is_owned(resource: Any) -> bool:
    return PROJECT_TAG in (resource.tags or {})
