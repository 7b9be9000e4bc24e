"""An endpoint as the SDK tells it: whose it is, what it serves with which traffic, and how a change of it stands."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ServingError
from .connection import refused
from .spec import TAG

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def owned(found: Any) -> None:  # a class of the SDK's
    """Raises ServingError for an endpoint that this project did not make."""
    if TAG not in {tag.key for tag in found.tags or ()}:
        raise ServingError(
            f"{found.name} was not made by this project (no tag {TAG}), so it is left alone; give another --endpoint"
        )


def in_progress(found: Any) -> bool:
    """Whether a change is under way."""
    return bool(found.state and found.state.config_update and found.state.config_update.value == "IN_PROGRESS")


def shares(found: Any) -> dict[str, int]:
    """Each served version's per cent of the traffic, by its name there."""
    if found is None or found.config is None:
        return {}
    routes = found.config.traffic_config.routes if found.config.traffic_config else []
    told = {one.served_entity_name or one.served_model_name: one.traffic_percentage for one in routes or ()}
    return {one.name: told.get(one.name, 0) for one in found.config.served_entities or ()}


def entities(found: Any) -> list[Any]:
    """What an endpoint serves, as it is told to serve it."""
    from databricks.sdk.service.serving import ServedEntityInput  # a second

    fields = ServedEntityInput.__dataclass_fields__.keys()
    told = [one.as_dict() for one in (found.config.served_entities or () if found.config else ())]
    return [ServedEntityInput.from_dict({name: one[name] for name in one.keys() & fields}) for one in told]


def progress(found: Any) -> Iterator[str]:
    """How each version that is to be served stands."""
    for one in (found.pending_config.served_entities or ()) if found.pending_config else ():
        state = one.state.deployment.value.removeprefix("DEPLOYMENT_").lower() if one.state else "waiting"
        yield f"{one.name} {state}"


_ERROR = re.compile(r"error|exception|traceback|critical", re.IGNORECASE)
_LINES = 5


def status(client: "WorkspaceClient", name: str) -> Iterator[str]:
    """Lines about the endpoint ``name``. Raises ServingError when there is none."""
    with refused(f"looking at {name}"):
        found = client.serving_endpoints.get(name)
    state = found.state
    ready = state.ready.value.replace("_", " ").lower() if state and state.ready else "unknown"
    update = state.config_update.value.replace("_", " ").lower() if state and state.config_update else "unknown"
    tags = {tag.key: tag.value for tag in found.tags or ()}
    made = "" if TAG in tags else "; not made by this project"
    yield f"{name}: {ready}, {update}{made}"
    yield from _versions(found)
    if in_progress(found):
        yield f"  under way: {', '.join(progress(found))}"
    for entity in shares(found):
        yield from _errors(client, name, entity)


def _versions(found: Any) -> Iterator[str]:  # a class of the SDK's
    told = shares(found)
    for one in (found.config.served_entities or ()) if found.config else ():
        asleep = ", may sleep" if one.scale_to_zero_enabled else ""
        share = f"{told.get(one.name, 0):3} %"
        yield f"  {share}  version {one.entity_version} of {one.entity_name} ({one.name}, {one.workload_size}{asleep})"


def _errors(client: "WorkspaceClient", name: str, entity: str) -> Iterator[str]:
    """The last lines of its log that tell of errors."""
    with refused(f"reading the log of {entity}"):
        told = client.serving_endpoints.logs(name, entity).logs or ""
    lines = [line for line in told.splitlines() if _ERROR.search(line)]
    yield from (f"  {entity}: {line}" for line in lines[-_LINES:])
