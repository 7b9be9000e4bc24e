"""Connect to Azure Resource Manager by Azure's SDKs, and translate their errors into sentences."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ServingError

MANAGER_VARIABLE = "AZURE_RESOURCE_MANAGER"
"""Variable with another address of Azure Resource Manager, such as that of a sovereign cloud or a stand-in."""

_MISSING_MESSAGE = "Azure's SDK is not installed; pip install -e '.[azure]'"


@dataclass(frozen=True, slots=True)
class AzureClients:
    """Clients of the SDKs, with one credential.

    Attributes:
        workspaces: Operations on Databricks workspaces.
        groups: Operations on resource groups.
        resources: Operations on the resources of a group.
    """

    workspaces: Any
    groups: Any
    resources: Any


def make_clients(subscription: str) -> AzureClients:
    """Return the clients for a subscription.

    Raises:
        ServingError: The extra ``azure`` is not installed.
    """
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
    """Return the clients' options for the address in AZURE_RESOURCE_MANAGER; empty when the variable is not set.

    The SDK refuses to send a credential over plain HTTP, so a stand-in gets AZURE_TOKEN in a header.
    """
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
    """Translate the errors of Azure's SDKs in the block into sentences.

    Args:
        action: The work of the block, such as "creating the workspace multichain"; begins the sentence.

    Raises:
        ServingError: Azure refused a call or cannot be reached, or the extra ``azure`` is not installed.
    """
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
    except ImportError:
        raise ServingError(_MISSING_MESSAGE) from None
    try:
        yield
    except ClientAuthenticationError:
        raise ServingError(
            f"{action}: authentication at Azure failed; run az login, or set the variables of a service principal"
        ) from None
    except HttpResponseError as error:
        code = error.error.code if error.error else type(error).__name__
        messages = {
            403: "permission denied; get the role Contributor, then run the command again",
            409: "another change is in progress; run the command again later",
        }
        sentence = messages.get(error.status_code or 0, f"Azure refused the request ({code}); run the command again")
        raise ServingError(f"{action}: {sentence}") from None
    except AzureError as error:
        raise ServingError(f"{action}: cannot reach Azure ({type(error).__name__}); run the command again") from None


def get_or_none(get: Callable[[], Any]) -> Any:  # a class of the SDK
    """Return the resource that ``get`` returns; None when the resource does not exist."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return get()
    except ResourceNotFoundError:
        return None
