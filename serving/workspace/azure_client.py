"""Azure Resource Manager as Azure's SDKs reach it, and what it refuses, in words."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ServingError

MANAGER_VARIABLE = "AZURE_RESOURCE_MANAGER"
"""The variable that names another address of Azure Resource Manager: of a sovereign cloud, or of a stand-in."""

_MISSING_MESSAGE = "Azure's SDK is not installed; pip install -e '.[azure]'"


@dataclass(frozen=True, slots=True)
class AzureClients:
    """The SDKs' clients, with one credential: of workspaces, of resource groups, and of what is in a group."""

    workspaces: Any
    groups: Any
    resources: Any


def make_clients(subscription: str) -> AzureClients:
    """Those of a subscription. Raises ServingError when the extra is not installed."""
    try:
        from azure.identity import DefaultAzureCredential  # the extra azure
        from azure.mgmt.databricks import AzureDatabricksManagementClient
        from azure.mgmt.resource.resources import ResourceManagementClient
    except ImportError:
        raise ServingError(_MISSING_MESSAGE) from None
    credential, options = DefaultAzureCredential(), _endpoint_options()
    manager = ResourceManagementClient(credential, subscription, **options)
    databricks = AzureDatabricksManagementClient(credential, subscription, **options)
    return AzureClients(databricks.workspaces, manager.resource_groups, manager.resources)


def _endpoint_options() -> dict[str, Any]:
    """Another address of Azure's, and no token for one that is not encrypted, which the SDK would refuse."""
    address = os.environ.get(MANAGER_VARIABLE, "")
    if not address:
        return {}
    options: dict[str, Any] = {"base_url": address, "credential_scopes": [f"{address}/.default"]}
    if address.startswith("http://"):
        from azure.core.pipeline.policies import HeadersPolicy

        options["authentication_policy"] = HeadersPolicy(
            {"Authorization": f"Bearer {os.environ.get('AZURE_TOKEN', '')}"}
        )
    return options


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Says in words what Azure refuses while ``what`` is done. Raises ServingError."""
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
    except ImportError:
        raise ServingError(_MISSING_MESSAGE) from None
    try:
        yield
    except ClientAuthenticationError:
        raise ServingError(
            f"{action}: Azure does not know you; az login, or set a service principal's variables"
        ) from None
    except HttpResponseError as error:
        code = error.error.code if error.error else type(error).__name__
        messages = {403: "you may not do that there; ask for the role Contributor", 409: "it is being changed already"}
        sentence = messages.get(error.status_code or 0, f"Azure refused it ({code})")
        raise ServingError(f"{action}: {sentence}; then run it again") from None
    except AzureError as error:
        raise ServingError(f"{action}: Azure cannot be reached ({type(error).__name__}); run it again") from None


def get_or_none(get: Callable[[], Any]) -> Any:  # a class of the SDK's
    """What ``look`` finds; None when there is none."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return get()
    except ResourceNotFoundError:
        return None
