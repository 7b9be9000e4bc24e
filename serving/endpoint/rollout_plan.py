"""What a deployment would do, told before anything is changed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .spec import ALL, Wanted
from .state import in_progress, shares
from .updates import Changes

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def plan(changes: Changes) -> Iterator[str]:
    """Lines about what would be done. Raises ServingError when the workspace refuses to tell."""
    wanted, found = changes.wanted, changes.found()
    yield f"Version {wanted.version} of {wanted.model} on the endpoint {wanted.name}: {_action(wanted, found)}"
    yield f"  size {wanted.size.told}"
    yield f"  scale to zero {'on: the first request after a pause waits for minutes' if _sleeps(wanted) else 'off'}"
    for name, value in sorted({**wanted.served().environment_vars}.items()):
        yield f"  {name}={value}"
    kept = f"requests and telemetry go to tables of {wanted.tables}" if wanted.tables else "no request is kept"
    limit = f"{wanted.calls_per_minute} calls a minute at most" if wanted.calls_per_minute else "no limit of calls"
    yield f"  AI Gateway: usage is tracked, {kept}, {limit}"
    yield f"  route optimisation {'on' if _routed(wanted, found) else 'off'}, chosen when an endpoint is created"
    yield f"  tags {', '.join(f'{tag.key}={tag.value}' for tag in wanted.marks())}"
    yield "  cost: by the hour for each unit of concurrency, at your region's price, which this tool does not know"


def creator(client: "WorkspaceClient") -> str:
    """A warning when a person deploys; empty when a service principal does."""
    name = str(client.current_user.me().user_name)
    if "@" not in name:
        return ""
    return (
        f"{name} is a person: an endpoint has its creator's rights for as long as it lives, and fails when they go; "
        "deploy as a service principal outside dev"
    )


def _action(wanted: Wanted, found: Any) -> str:  # a class of the SDK's
    if found is None:
        return "it would be created"
    if in_progress(found):
        return "a change is under way, which would be waited for"
    told = shares(found)
    if told == {wanted.entity: ALL}:
        return "it serves already, and nothing would be changed"
    served = ", ".join(f"{name} at {share} %" for name, share in told.items())
    return f"it would be added beside {served or 'nothing'} without traffic, tried, and then get all traffic"


def _sleeps(wanted: Wanted) -> bool:
    return bool(wanted.served().scale_to_zero_enabled)


def _routed(wanted: Wanted, found: Any) -> bool:  # a class of the SDK's
    return wanted.route_optimized if found is None else bool(found.route_optimized)
