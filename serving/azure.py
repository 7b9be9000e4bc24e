"""An Azure Databricks workspace and its resource group: made, looked at and removed, by tag.

Each step looks at what is there first, so that what was interrupted is run again.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .endpoint import TAG
from .errors import ServingError

MANAGER = "AZURE_RESOURCE_MANAGER"
"""The variable that names another address of Azure Resource Manager: of a sovereign cloud, or of a stand-in."""

PAUSE, PATIENCE = 10.0, 2400.0
"""Seconds between two looks at a workspace that is being made, and after which it is left to itself."""

_MISSING = "Azure's SDK is not installed; pip install -e '.[azure]'"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Azure:
    """A workspace's place: its subscription, resource group and name."""

    subscription: str
    group: str
    name: str

    def create(self, location: str, environment: str, tell: Tell) -> str:
        """The address of the workspace, which is made where it is not there. Raises ServingError."""
        with refused(f"creating {self.name}"):
            if self._group() is None:
                self._groups.create_or_update(self.group, {"location": location, "tags": {TAG: environment}})
                tell(f"Created the resource group {self.group} in {location}")
            found = self.workspace()
            if found is None or found.properties.provisioning_state == "Failed":
                tell(f"Creating the workspace {self.name}, which takes some minutes")
                wanted = self._wanted(location, environment)
                found = self._workspaces.begin_create_or_update(
                    self.group, self.name, wanted, polling_interval=PAUSE
                ).result()
            return _address(self._ready(found, tell))

    def there(self) -> bool:
        """Whether the workspace is there. Raises ServingError."""
        with refused(f"looking at {self.name}"):
            return self.workspace() is not None

    def status(self) -> Iterator[str]:
        """Lines about the group and the workspace."""
        with refused(f"looking at {self.name}"):
            group, found = self._group(), self.workspace()
        yield f"resource group {self.group}: {_made(group) if group else 'not there'}"
        if found is None:
            yield f"workspace {self.name}: not there"
        else:
            yield f"workspace {self.name}: {_state(found)}, {found.sku.name}, {_made(found)}"
            yield f"  {_address(found)}"

    def delete(self, tell: Tell) -> None:
        """Removes the workspace and then the group, as far as this project made them. Raises ServingError."""
        with refused(f"removing {self.name}"):
            found = self.workspace()
            if found and TAG in (found.tags or {}):
                self._workspaces.begin_delete(self.group, self.name, polling_interval=PAUSE).result()
                tell(f"Removed: workspace {self.name}")
            group = self._group()
            others = self._others() if group else []
            if others:
                tell(f"Left: resource group {self.group}, in which others stand: {', '.join(others)}")
            elif group and TAG in (group.tags or {}) and (found is None or TAG in (found.tags or {})):
                self._groups.begin_delete(self.group, polling_interval=PAUSE).result()
                tell(f"Removed: resource group {self.group}")
            group = None if others else self._group()
            left = [one for one in (self.workspace(), group) if one and TAG in (one.tags or {})]
        if left:
            raise ServingError(f"still there: {', '.join(str(one.name) for one in left)}; run it again")

    def _ready(self, found: Any, tell: Tell) -> Any:  # noqa: ANN401 - a class of the SDK's
        """The workspace, when what was begun earlier is done. Raises ServingError when it failed."""
        until = time.monotonic() + PATIENCE
        while found.properties.provisioning_state not in {"Succeeded", "Failed"} and time.monotonic() < until:
            tell(f"  {self.name}: {_state(found)}")
            time.sleep(PAUSE)
            found = self.workspace()
        if found.properties.provisioning_state != "Succeeded":
            raise ServingError(f"{self.name} did not come up ({_state(found)}); run it again")
        return found

    def _others(self) -> list[str]:
        """What stands in the group beside the workspace."""
        listed = self._clients.resources.resources.list_by_resource_group(self.group)
        return sorted(str(one.name) for one in listed if str(one.name) != self.name)

    def workspace(self) -> Any:  # noqa: ANN401 - a class of the SDK's
        """The workspace; None when there is none."""
        return _found(lambda: self._workspaces.get(self.group, self.name))

    def _group(self) -> Any:  # noqa: ANN401 - a class of the SDK's
        return _found(lambda: self._groups.get(self.group))

    def _wanted(self, location: str, environment: str) -> Any:  # noqa: ANN401 - a class of the SDK's
        """Premium, which Model Serving needs and the only tier left, without public addresses of its machines."""
        from azure.mgmt.databricks import models  # noqa: PLC0415 - the extra azure

        managed = f"/subscriptions/{self.subscription}/resourceGroups/databricks-rg-{self.name}"
        return models.Workspace(
            location=location,
            sku=models.Sku(name="premium"),
            tags={TAG: environment},
            properties=models.WorkspaceProperties(
                compute_mode=models.ComputeMode.HYBRID,
                managed_resource_group_id=managed,
                parameters=models.WorkspaceCustomParameters(
                    enable_no_public_ip=models.WorkspaceNoPublicIPBooleanParameter(value=True)
                ),
            ),
        )

    @property
    def _workspaces(self) -> Any:  # noqa: ANN401 - likewise
        return self._clients.databricks.workspaces

    @property
    def _groups(self) -> Any:  # noqa: ANN401 - likewise
        return self._clients.resources.resource_groups

    @cached_property
    def _clients(self) -> "_Clients":
        """Raises ServingError when the extra is not installed."""
        try:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - the extra azure
            from azure.mgmt.databricks import AzureDatabricksManagementClient  # noqa: PLC0415
            from azure.mgmt.resource.resources import ResourceManagementClient  # noqa: PLC0415
        except ImportError:
            raise ServingError(_MISSING) from None
        credential, told = DefaultAzureCredential(), _address_of_azure()
        return _Clients(
            AzureDatabricksManagementClient(credential, self.subscription, **told),
            ResourceManagementClient(credential, self.subscription, **told),
        )


@dataclass(frozen=True, slots=True)
class _Clients:
    """The SDKs' clients, with one credential."""

    databricks: Any
    resources: Any


def _address_of_azure() -> dict[str, Any]:
    """Another address of Azure's, and no token for one that is not encrypted, which the SDK would refuse."""
    address = os.environ.get(MANAGER, "")
    if not address:
        return {}
    told: dict[str, Any] = {"base_url": address, "credential_scopes": [f"{address}/.default"]}
    if address.startswith("http://"):
        from azure.core.pipeline.policies import HeadersPolicy  # noqa: PLC0415

        told["authentication_policy"] = HeadersPolicy({"Authorization": f"Bearer {os.environ.get('AZURE_TOKEN', '')}"})
    return told


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Says in words what Azure refuses while ``what`` is done. Raises ServingError."""
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError  # noqa: PLC0415
    except ImportError:
        raise ServingError(_MISSING) from None
    try:
        yield
    except ClientAuthenticationError:
        raise ServingError(
            f"{what}: Azure does not know you; az login, or set a service principal's variables"
        ) from None
    except HttpResponseError as error:
        code = error.error.code if error.error else type(error).__name__
        known = {403: "you may not do that there; ask for the role Contributor", 409: "it is being changed already"}
        sentence = known.get(error.status_code or 0, f"Azure refused it ({code})")
        raise ServingError(f"{what}: {sentence}; then run it again") from None
    except AzureError as error:
        raise ServingError(f"{what}: Azure cannot be reached ({type(error).__name__}); run it again") from None


def _found(look: Callable[[], Any]) -> Any:  # noqa: ANN401 - a class of the SDK's
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415

    try:
        return look()
    except ResourceNotFoundError:
        return None


def _address(found: Any) -> str:  # noqa: ANN401 - likewise
    url = str(found.properties.workspace_url or "")
    return url if "://" in url else f"https://{url}"


def _state(found: Any) -> str:  # noqa: ANN401 - likewise
    state = found.properties.provisioning_state
    return str(getattr(state, "value", state))


def _made(found: Any) -> str:  # noqa: ANN401 - likewise
    return "made by this project" if TAG in (found.tags or {}) else "not made by this project"
