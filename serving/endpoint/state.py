"""Read the SDK's description of an endpoint: owner, served versions, traffic, and the progress of a change."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ServingError
from .connection import translate_errors
from .spec import PROJECT_TAG

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def require_owned(endpoint: Any) -> None:  # a class of the SDK
    """Check that this project created the endpoint.

    Raises:
        ServingError: The endpoint does not have the project's tag.
    """
    if PROJECT_TAG not in {tag.key for tag in endpoint.tags or ()}:
        raise ServingError(
            f"the endpoint {endpoint.name} was not created by this project (no tag {PROJECT_TAG}) and is not changed; "
            "give another --endpoint"
        )


def is_updating(endpoint: Any) -> bool:
    """Return whether a change of the endpoint's configuration is in progress."""
    return bool(endpoint.state and endpoint.state.config_update and endpoint.state.config_update.value == "IN_PROGRESS")


def traffic_shares(endpoint: Any) -> dict[str, int]:
    """Return the traffic of each served entity in per cent, by name; empty when ``endpoint`` is None."""
    if endpoint is None or endpoint.config is None:
        return {}
    routes = endpoint.config.traffic_config.routes if endpoint.config.traffic_config else []
    percentages = {
        entity.served_entity_name or entity.served_model_name: entity.traffic_percentage for entity in routes or ()
    }
    return {entity.name: percentages.get(entity.name, 0) for entity in endpoint.config.served_entities or ()}


def served_entities(endpoint: Any) -> list[Any]:
    """Return what an endpoint serves as ServedEntityInput, the class that an update expects."""
    from databricks.sdk.service.serving import ServedEntityInput  # takes a second to import

    fields = ServedEntityInput.__dataclass_fields__.keys()
    entries = [entity.as_dict() for entity in (endpoint.config.served_entities or () if endpoint.config else ())]
    return [ServedEntityInput.from_dict({name: entity[name] for name in entity.keys() & fields}) for entity in entries]


def describe_progress(endpoint: Any) -> Iterator[str]:
    """Yield name and deployment state of each served entity that a change in progress adds or keeps."""
    for entity in (endpoint.pending_config.served_entities or ()) if endpoint.pending_config else ():
        state = entity.state.deployment.value.removeprefix("DEPLOYMENT_").lower() if entity.state else "waiting"
        yield f"{entity.name} {state}"


_ERROR = re.compile(r"error|exception|traceback|critical", re.IGNORECASE)
_LINES = 5


def describe_endpoint(client: "WorkspaceClient", name: str) -> Iterator[str]:
    """Yield lines about an endpoint: state, versions with their traffic, a change in progress, and the last errors.

    Args:
        client: The workspace.
        name: Name of the endpoint.

    Raises:
        ServingError: The endpoint does not exist, or the workspace refuses a call.
    """
    with translate_errors(f"reading the endpoint {name}"):
        endpoint = client.serving_endpoints.get(name)
    state = endpoint.state
    ready = state.ready.value.replace("_", " ").lower() if state and state.ready else "unknown"
    update = state.config_update.value.replace("_", " ").lower() if state and state.config_update else "unknown"
    tags = {tag.key: tag.value for tag in endpoint.tags or ()}
    ownership = "" if PROJECT_TAG in tags else "; not created by this project"
    yield f"{name}: {ready}, {update}{ownership}"
    yield from _describe_versions(endpoint)
    if is_updating(endpoint):
        yield f"  change in progress: {', '.join(describe_progress(endpoint))}"
    for entity in traffic_shares(endpoint):
        yield from _last_errors(client, name, entity)


def _describe_versions(endpoint: Any) -> Iterator[str]:  # a class of the SDK
    percentages = traffic_shares(endpoint)
    for entity in (endpoint.config.served_entities or ()) if endpoint.config else ():
        scaling = ", scales to zero" if entity.scale_to_zero_enabled else ""
        share = f"{percentages.get(entity.name, 0):3} %"
        workload = f"{entity.name}, {entity.workload_size}{scaling}"
        yield f"  {share}  version {entity.entity_version} of {entity.entity_name} ({workload})"


def _last_errors(client: "WorkspaceClient", name: str, entity: str) -> Iterator[str]:
    """Yield the last lines with errors in the log of a served entity."""
    with translate_errors(f"reading the log of {entity}"):
        log = client.serving_endpoints.logs(name, entity).logs or ""
    lines = [line for line in log.splitlines() if _ERROR.search(line)]
    yield from (f"  {entity}: {line}" for line in lines[-_LINES:])
