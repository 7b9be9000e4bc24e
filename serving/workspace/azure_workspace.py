"""Create, inspect and delete an Azure Databricks workspace and its resource group. The project's tag marks both.

Each step starts from the current state, so that an interrupted command can be run again.
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
"""Seconds between two requests for the state of a workspace, and seconds to wait for the workspace at most."""
_MISSING_STATE = "gone"


@dataclass(frozen=True)
class AzureWorkspace:
    """An Azure Databricks workspace, which need not exist yet.

    Attributes:
        subscription: Id of the subscription.
        group: Name of the resource group.
        name: Name of the workspace.
    """

    subscription: str
    group: str
    name: str

    def create(self, location: str, environment: str, report: ReportLine) -> str:
        """Create the resource group and the workspace unless they exist, and return the address of the workspace.

        A workspace of this project whose creation failed is created again.

        Args:
            location: Azure region, such as ``westeurope``.
            environment: Value of the project's tag.
            report: Receives the lines of progress.

        Raises:
            ServingError: Azure refused a call, or the workspace does not become ready.
        """
        with translate_errors(f"creating the workspace {self.name}"):
            if self._get_group() is None:
                self._clients.groups.create_or_update(
                    self.group, {"location": location, "tags": {PROJECT_TAG: environment}}
                )
                report(f"Created the resource group {self.group} in {location}")
            workspace = self.get_workspace()
            if workspace is None or (_is_owned(workspace) and _provisioning_state(workspace) == "Failed"):
                report(f"Creating the workspace {self.name}; this takes several minutes")
                definition = self._define(location, environment)
                workspace = self._clients.workspaces.begin_create_or_update(
                    self.group, self.name, definition, polling_interval=PAUSE_SECONDS
                ).result()
            return _workspace_url(self._wait_until_ready(workspace, report))

    def exists(self) -> bool:
        """Return whether the workspace exists.

        Raises:
            ServingError: Azure refused the call.
        """
        with translate_errors(f"reading the workspace {self.name}"):
            return self.get_workspace() is not None

    def status(self) -> Iterator[str]:
        """Yield lines about the resource group and the workspace: state, tier, owner and address.

        Raises:
            ServingError: Azure refused a call.
        """
        with translate_errors(f"reading the workspace {self.name}"):
            group, workspace = self._get_group(), self.get_workspace()
        yield f"resource group {self.group}: {_describe_owner(group) if group else 'does not exist'}"
        if workspace is None:
            yield f"workspace {self.name}: does not exist"
        else:
            state, owner = _provisioning_state(workspace), _describe_owner(workspace)
            yield f"workspace {self.name}: {state}, {workspace.sku.name}, {owner}"
            yield f"  {_workspace_url(workspace)}"

    def delete(self, report: ReportLine) -> None:
        """Delete the workspace and then the resource group, if this project created them.

        A group that contains other resources is kept.

        Args:
            report: Receives the lines of progress.

        Raises:
            ServingError: Azure refused a call, or a resource of this project is left.
        """
        with translate_errors(f"removing the workspace {self.name}"):
            workspace = self.get_workspace()
            if workspace and _is_owned(workspace):
                self._clients.workspaces.begin_delete(self.group, self.name, polling_interval=PAUSE_SECONDS).result()
                report(f"Removed: workspace {self.name}")
            group = self._get_group()
            other_resources = self._list_others() if group else []
            if other_resources:
                report(
                    f"Kept: resource group {self.group}, which contains other resources: {', '.join(other_resources)}"
                )
            elif group and _is_owned(group) and (workspace is None or _is_owned(workspace)):
                self._clients.groups.begin_delete(self.group, polling_interval=PAUSE_SECONDS).result()
                report(f"Removed: resource group {self.group}")
            group = None if other_resources else self._get_group()
            remaining = [resource for resource in (self.get_workspace(), group) if resource and _is_owned(resource)]
        if remaining:
            names = ", ".join(str(resource.name) for resource in remaining)
            raise ServingError(f"not removed: {names}; run the command again")

    def _wait_until_ready(self, workspace: Any, report: ReportLine) -> Any:  # a class of the SDK
        """Return the workspace when its provisioning has succeeded; raise ServingError otherwise."""
        until = time.monotonic() + MAX_WAIT_SECONDS
        while (
            _provisioning_state(workspace) not in {"Succeeded", "Failed", _MISSING_STATE} and time.monotonic() < until
        ):
            report(f"  {self.name}: {_provisioning_state(workspace)}")
            time.sleep(PAUSE_SECONDS)
            workspace = self.get_workspace()
        if _provisioning_state(workspace) != "Succeeded":
            raise ServingError(
                f"the workspace {self.name} is not ready ({_provisioning_state(workspace)}); run the command again"
            )
        return workspace

    def _list_others(self) -> list[str]:
        """Return the names of the other resources in the group."""
        resources = self._clients.resources.list_by_resource_group(self.group)
        return sorted(str(resource.name) for resource in resources if str(resource.name) != self.name)

    def get_workspace(self) -> Any:  # a class of the SDK
        """Return the workspace; None when it does not exist."""
        return get_or_none(lambda: self._clients.workspaces.get(self.group, self.name))

    def _get_group(self) -> Any:  # a class of the SDK
        return get_or_none(lambda: self._clients.groups.get(self.group))

    def _define(self, location: str, environment: str) -> Any:  # a class of the SDK
        """Return the definition of a premium workspace whose machines have no public addresses.

        Model Serving needs premium, and Azure has retired the standard tier.
        """
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


def _workspace_url(workspace: Any) -> str:  # a class of the SDK
    url = str(workspace.properties.workspace_url or "")
    return url if "://" in url else f"https://{url}"


def _provisioning_state(workspace: Any) -> str:
    state = workspace.properties.provisioning_state if workspace else _MISSING_STATE
    return str(getattr(state, "value", state))


def _describe_owner(resource: Any) -> str:
    return "created by this project" if _is_owned(resource) else "not created by this project"


def _is_owned(resource: Any) -> bool:
    return PROJECT_TAG in (resource.tags or {})
