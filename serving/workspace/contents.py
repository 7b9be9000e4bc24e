"""Set up a new workspace: a notebook cluster that terminates by itself, and secrets from the environment."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..endpoint.connection import translate_errors
from ..endpoint.spec import PROJECT_TAG
from ..errors import ServingError
from .teardown import SCOPE_MARK

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_RUNTIME, _NODE = "16.4.x-scala2.12", "Standard_D4ds_v5"


def create_cluster(client: "WorkspaceClient", name: str, minutes: int, environment: str) -> str:
    """Create a cluster of one machine, unless a cluster of that name exists.

    Args:
        client: The workspace.
        name: Name of the cluster.
        minutes: Minutes without use after which the cluster terminates.
        environment: Value of the project's tag.

    Returns:
        A sentence about the result.

    Raises:
        ServingError: The workspace refused a call.
    """
    from databricks.sdk.service.compute import DataSecurityMode  # takes a second to import

    with translate_errors(f"creating the cluster {name}"):
        if any(existing.cluster_name == name for existing in client.clusters.list()):
            return f"The cluster {name} exists already"
        client.clusters.create(
            spark_version=_RUNTIME,
            cluster_name=name,
            node_type_id=_NODE,
            num_workers=0,
            autotermination_minutes=minutes,
            data_security_mode=DataSecurityMode.SINGLE_USER,
            custom_tags={PROJECT_TAG: environment, "ResourceClass": "SingleNode"},
            spark_conf={"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
        )
    return f"Created the cluster {name}, which terminates after {minutes} minutes without use"


def put_secrets(client: "WorkspaceClient", scope: str, names: Sequence[str]) -> str:
    """Store the values of environment variables in a secret scope of this project.

    Args:
        client: The workspace.
        scope: Name of the scope, which is created when missing.
        names: Environment variables, which must be set; also the keys of the secrets.

    Returns:
        A sentence about the result.

    Raises:
        ServingError: The scope was not created by this project, or the workspace refused a call.
    """
    with translate_errors(f"storing secrets in the scope {scope}"):
        if scope not in {item.name for item in client.secrets.list_scopes()}:
            client.secrets.create_scope(scope)
        keys = {item.key for item in client.secrets.list_secrets(scope)}
        if keys and SCOPE_MARK not in keys:
            raise ServingError(f"the secret scope {scope} was not created by this project; give another --environment")
        client.secrets.put_secret(scope, SCOPE_MARK, string_value="1")
        for name in names:
            client.secrets.put_secret(scope, name, string_value=os.environ[name].strip())
    return f"Stored {', '.join(names)} in the secret scope {scope}"
