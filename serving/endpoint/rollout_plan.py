"""What a deployment would do, told before anything is changed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .spec import ALL_TRAFFIC, EndpointSpec
from .state import is_updating, traffic_shares
from .updates import EndpointUpdater

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def describe_plan(updater: EndpointUpdater) -> Iterator[str]:
    """Lines about what would be done. Raises ServingError when the workspace refuses to tell."""
    spec, endpoint = updater.spec, updater.get()
    yield f"Version {spec.version} of {spec.model} on the endpoint {spec.name}: {_describe_action(spec, endpoint)}"
    yield f"  size {spec.size.in_words}"
    sleep = "on: the first request after a pause waits for minutes" if _scales_to_zero(spec) else "off"
    yield f"  scale to zero {sleep}"
    for name, value in sorted({**spec.served_entity().environment_vars}.items()):
        yield f"  {name}={value}"
    inference_tables = f"requests and telemetry go to tables of {spec.tables}" if spec.tables else "no request is kept"
    limit = f"{spec.calls_per_minute} calls a minute at most" if spec.calls_per_minute else "no limit of calls"
    yield f"  AI Gateway: usage is tracked, {inference_tables}, {limit}"
    optimized = "on" if _is_route_optimized(spec, endpoint) else "off"
    yield f"  route optimisation {optimized}, chosen when an endpoint is created"
    yield f"  tags {', '.join(f'{tag.key}={tag.value}' for tag in spec.endpoint_tags())}"
    yield "  cost: by the hour for each unit of concurrency, at your region's price, which this tool does not know"


def warn_about_creator(client: "WorkspaceClient") -> str:
    """A warning when a person deploys; empty when a service principal does."""
    name = str(client.current_user.me().user_name)
    if "@" not in name:
        return ""
    return (
        f"{name} is a person: an endpoint has its creator's rights for as long as it lives, and fails when they go; "
        "deploy as a service principal outside dev"
    )


def _describe_action(spec: EndpointSpec, endpoint: Any) -> str:  # a class of the SDK's
    if endpoint is None:
        return "it would be created"
    if is_updating(endpoint):
        return "a change is under way, which would be waited for"
    current_shares = traffic_shares(endpoint)
    if current_shares == {spec.entity_name: ALL_TRAFFIC}:
        return "it serves already, and nothing would be changed"
    versions = ", ".join(f"{name} at {share} %" for name, share in current_shares.items())
    return f"it would be added beside {versions or 'nothing'} without traffic, tried, and then get all traffic"


def _scales_to_zero(spec: EndpointSpec) -> bool:
    return bool(spec.served_entity().scale_to_zero_enabled)


def _is_route_optimized(spec: EndpointSpec, endpoint: Any) -> bool:  # a class of the SDK's
    return spec.route_optimized if endpoint is None else bool(endpoint.route_optimized)
