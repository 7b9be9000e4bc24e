"""An Azure Databricks workspace and its resource group: made, looked at and removed, by tag.

Each step looks at what is there first, so that what was interrupted is run again.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..endpoint.spec import TAG
from ..errors import ServingError
from .azure_client import Clients, clients, existing, refused

PAUSE, PATIENCE = 10.0, 2400.0
"""Seconds between two looks at a workspace that is being made, and after which it is left to itself."""
_GONE = "gone"

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
                self._clients.groups.create_or_update(self.group, {"location": location, "tags": {TAG: environment}})
                tell(f"Created the resource group {self.group} in {location}")
            found = self.workspace()
            if found is None or (_ours(found) and _state(found) == "Failed"):
                tell(f"Creating the workspace {self.name}, which takes some minutes")
                wanted = self._wanted(location, environment)
                found = self._clients.workspaces.begin_create_or_update(
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
            if found and _ours(found):
                self._clients.workspaces.begin_delete(self.group, self.name, polling_interval=PAUSE).result()
                tell(f"Removed: workspace {self.name}")
            group = self._group()
            others = self._others() if group else []
            if others:
                tell(f"Left: resource group {self.group}, in which others stand: {', '.join(others)}")
            elif group and _ours(group) and (found is None or _ours(found)):
                self._clients.groups.begin_delete(self.group, polling_interval=PAUSE).result()
                tell(f"Removed: resource group {self.group}")
            group = None if others else self._group()
            left = [one for one in (self.workspace(), group) if one and _ours(one)]
        if left:
            raise ServingError(f"still there: {', '.join(str(one.name) for one in left)}; run it again")

    def _ready(self, found: Any, tell: Tell) -> Any:  # a class of the SDK's
        """The workspace, when what was begun earlier is done. Raises ServingError when it failed."""
        until = time.monotonic() + PATIENCE
        while _state(found) not in {"Succeeded", "Failed", _GONE} and time.monotonic() < until:
            tell(f"  {self.name}: {_state(found)}")
            time.sleep(PAUSE)
            found = self.workspace()
        if _state(found) != "Succeeded":
            raise ServingError(f"{self.name} did not come up ({_state(found)}); run it again")
        return found

    def _others(self) -> list[str]:
        """What stands in the group beside the workspace."""
        listed = self._clients.resources.list_by_resource_group(self.group)
        return sorted(str(one.name) for one in listed if str(one.name) != self.name)

    def workspace(self) -> Any:  # a class of the SDK's
        """The workspace; None when there is none."""
        return existing(lambda: self._clients.workspaces.get(self.group, self.name))

    def _group(self) -> Any:  # a class of the SDK's
        return existing(lambda: self._clients.groups.get(self.group))

    def _wanted(self, location: str, environment: str) -> Any:  # a class of the SDK's
        """Premium, which Model Serving needs and the only tier left, without public addresses of its machines."""
        from azure.mgmt.databricks import models  # the extra azure

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

    @cached_property
    def _clients(self) -> Clients:
        return clients(self.subscription)


def _address(found: Any) -> str:  # a class of the SDK's
    url = str(found.properties.workspace_url or "")
    return url if "://" in url else f"https://{url}"


def _state(found: Any) -> str:
    state = found.properties.provisioning_state if found else _GONE
    return str(getattr(state, "value", state))


def _made(found: Any) -> str:
    return "made by this project" if _ours(found) else "not made by this project"


def _ours(found: Any) -> bool:
    return TAG in (found.tags or {})
