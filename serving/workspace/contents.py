"""What a new workspace gets: a cluster for notebooks that ends by itself, and secrets from the environment."""

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
    """Makes a cluster of one machine, unless one of that name is there; says what became of it. Raises ServingError."""
    from databricks.sdk.service.compute import DataSecurityMode  # a second

    with translate_errors(f"creating the cluster {name}"):
        if any(existing.cluster_name == name for existing in client.clusters.list()):
            return f"The cluster {name} is there already"
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
    return f"Created the cluster {name}, which ends after {minutes} minutes without use"


def put_secrets(client: "WorkspaceClient", scope: str, names: Sequence[str]) -> str:
    """Puts the values of variables into a scope of this project's own. Raises ServingError."""
    with translate_errors(f"putting secrets into {scope}"):
        if scope not in {item.name for item in client.secrets.list_scopes()}:
            client.secrets.create_scope(scope)
        keys = {item.key for item in client.secrets.list_secrets(scope)}
        if keys and SCOPE_MARK not in keys:
            raise ServingError(f"the scope {scope} is not this project's; give another --environment")
        client.secrets.put_secret(scope, SCOPE_MARK, string_value="1")
        for name in names:
            client.secrets.put_secret(scope, name, string_value=os.environ[name].strip())
    return f"Put {', '.join(names)} into the secret scope {scope}"
