"""An endpoint as the SDK tells it: whose it is, what it serves with which traffic, and how a change of it stands."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ServingError
from .connection import translate_errors
from .spec import PROJECT_TAG

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def require_owned(endpoint: Any) -> None:  # a class of the SDK's
    """Raises ServingError for an endpoint that this project did not make."""
    if PROJECT_TAG not in {tag.key for tag in endpoint.tags or ()}:
        raise ServingError(
            f"{endpoint.name} was not made by this project (no tag {PROJECT_TAG}), so it is left alone; "
            "give another --endpoint"
        )


def is_updating(endpoint: Any) -> bool:
    """Whether a change is under way."""
    return bool(endpoint.state and endpoint.state.config_update and endpoint.state.config_update.value == "IN_PROGRESS")


def traffic_shares(endpoint: Any) -> dict[str, int]:
    """Each served version's per cent of the traffic, by its name there."""
    if endpoint is None or endpoint.config is None:
        return {}
    routes = endpoint.config.traffic_config.routes if endpoint.config.traffic_config else []
    percentages = {
        entity.served_entity_name or entity.served_model_name: entity.traffic_percentage for entity in routes or ()
    }
    return {entity.name: percentages.get(entity.name, 0) for entity in endpoint.config.served_entities or ()}


def served_entities(endpoint: Any) -> list[Any]:
    """What an endpoint serves, as it is told to serve it."""
    from databricks.sdk.service.serving import ServedEntityInput  # a second

    fields = ServedEntityInput.__dataclass_fields__.keys()
    entries = [entity.as_dict() for entity in (endpoint.config.served_entities or () if endpoint.config else ())]
    return [ServedEntityInput.from_dict({name: entity[name] for name in entity.keys() & fields}) for entity in entries]


def describe_progress(endpoint: Any) -> Iterator[str]:
    """How each version that is to be served stands."""
    for entity in (endpoint.pending_config.served_entities or ()) if endpoint.pending_config else ():
        state = entity.state.deployment.value.removeprefix("DEPLOYMENT_").lower() if entity.state else "waiting"
        yield f"{entity.name} {state}"


_ERROR = re.compile(r"error|exception|traceback|critical", re.IGNORECASE)
_LINES = 5


def describe_endpoint(client: "WorkspaceClient", name: str) -> Iterator[str]:
    """Lines about the endpoint ``name``. Raises ServingError when there is none."""
    with translate_errors(f"looking at {name}"):
        endpoint = client.serving_endpoints.get(name)
    state = endpoint.state
    ready = state.ready.value.replace("_", " ").lower() if state and state.ready else "unknown"
    update = state.config_update.value.replace("_", " ").lower() if state and state.config_update else "unknown"
    tags = {tag.key: tag.value for tag in endpoint.tags or ()}
    ownership = "" if PROJECT_TAG in tags else "; not made by this project"
    yield f"{name}: {ready}, {update}{ownership}"
    yield from _describe_versions(endpoint)
    if is_updating(endpoint):
        yield f"  under way: {', '.join(describe_progress(endpoint))}"
    for entity in traffic_shares(endpoint):
        yield from _last_errors(client, name, entity)


def _describe_versions(endpoint: Any) -> Iterator[str]:  # a class of the SDK's
    percentages = traffic_shares(endpoint)
    for entity in (endpoint.config.served_entities or ()) if endpoint.config else ():
        asleep = ", may sleep" if entity.scale_to_zero_enabled else ""
        share = f"{percentages.get(entity.name, 0):3} %"
        workload = f"{entity.name}, {entity.workload_size}{asleep}"
        yield f"  {share}  version {entity.entity_version} of {entity.entity_name} ({workload})"


def _last_errors(client: "WorkspaceClient", name: str, entity: str) -> Iterator[str]:
    """The last lines of its log that tell of errors."""
    with translate_errors(f"reading the log of {entity}"):
        log = client.serving_endpoints.logs(name, entity).logs or ""
    lines = [line for line in log.splitlines() if _ERROR.search(line)]
    yield from (f"  {entity}: {line}" for line in lines[-_LINES:])
