"""How an endpoint stands: its state, its versions with their traffic, a change under way, and its last errors."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .databricks import refused
from .endpoint import TAG
from .served import in_progress, progress, shares

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

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
