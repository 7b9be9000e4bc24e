"""Azure Resource Manager as Azure's SDKs reach it, and what it refuses, in words."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ServingError

MANAGER = "AZURE_RESOURCE_MANAGER"
"""The variable that names another address of Azure Resource Manager: of a sovereign cloud, or of a stand-in."""

_MISSING = "Azure's SDK is not installed; pip install -e '.[azure]'"


@dataclass(frozen=True, slots=True)
class Clients:
    """The SDKs' clients, with one credential: of workspaces, of resource groups, and of what is in a group."""

    workspaces: Any
    groups: Any
    resources: Any


def clients(subscription: str) -> Clients:
    """Those of a subscription. Raises ServingError when the extra is not installed."""
    try:
        from azure.identity import DefaultAzureCredential  # the extra azure
        from azure.mgmt.databricks import AzureDatabricksManagementClient
        from azure.mgmt.resource.resources import ResourceManagementClient
    except ImportError:
        raise ServingError(_MISSING) from None
    credential, told = DefaultAzureCredential(), _elsewhere()
    manager = ResourceManagementClient(credential, subscription, **told)
    databricks = AzureDatabricksManagementClient(credential, subscription, **told)
    return Clients(databricks.workspaces, manager.resource_groups, manager.resources)


def _elsewhere() -> dict[str, Any]:
    """Another address of Azure's, and no token for one that is not encrypted, which the SDK would refuse."""
    address = os.environ.get(MANAGER, "")
    if not address:
        return {}
    told: dict[str, Any] = {"base_url": address, "credential_scopes": [f"{address}/.default"]}
    if address.startswith("http://"):
        from azure.core.pipeline.policies import HeadersPolicy

        told["authentication_policy"] = HeadersPolicy({"Authorization": f"Bearer {os.environ.get('AZURE_TOKEN', '')}"})
    return told


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Says in words what Azure refuses while ``what`` is done. Raises ServingError."""
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
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


def existing(look: Callable[[], Any]) -> Any:  # a class of the SDK's
    """What ``look`` finds; None when there is none."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return look()
    except ResourceNotFoundError:
        return None
