"""Describe what a deployment would do, without a change."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .spec import ALL_TRAFFIC, EndpointSpec
from .state import is_updating, traffic_shares
from .updates import EndpointUpdater

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def describe_plan(updater: EndpointUpdater) -> Iterator[str]:
    """Yield lines about the deployment that ``updater`` would make: action, size, settings, tags and cost.

    Raises:
        ServingError: The workspace refuses to describe the endpoint.
    """
    spec, endpoint = updater.spec, updater.get()
    yield f"Version {spec.version} of {spec.model} on the endpoint {spec.name}: {_describe_action(spec, endpoint)}"
    yield f"  size {spec.size.in_words}"
    sleep = "on: the first request after a pause takes minutes" if _scales_to_zero(spec) else "off"
    yield f"  scale to zero {sleep}"
    for name, value in sorted({**spec.served_entity().environment_vars}.items()):
        yield f"  {name}={value}"
    inference_tables = (
        f"requests and telemetry are stored in tables of {spec.tables}" if spec.tables else "requests are not stored"
    )
    limit = f"at most {spec.calls_per_minute} calls a minute" if spec.calls_per_minute else "no rate limit"
    yield f"  AI Gateway: usage is tracked, {inference_tables}, {limit}"
    optimized = "on" if _is_route_optimized(spec, endpoint) else "off"
    yield f"  route optimisation {optimized}; it is set when an endpoint is created"
    yield f"  tags {', '.join(f'{tag.key}={tag.value}' for tag in spec.endpoint_tags())}"
    yield "  cost: per hour and unit of concurrency, at your region's price, which this command does not know"


def warn_about_creator(client: "WorkspaceClient") -> str:
    """Return a warning when the current user is a person; empty for a service principal."""
    name = str(client.current_user.me().user_name)
    if "@" not in name:
        return ""
    return (
        f"{name} is a person: an endpoint always has its creator's rights, and fails when they are revoked; "
        "outside dev, deploy as a service principal"
    )


def _describe_action(spec: EndpointSpec, endpoint: Any) -> str:  # a class of the SDK
    """Return what a deployment would do first, from the current state of the endpoint."""
    if endpoint is None:
        return "the endpoint would be created"
    if is_updating(endpoint):
        return "a change is in progress; the deployment would wait for its end"
    current_shares = traffic_shares(endpoint)
    if current_shares == {spec.entity_name: ALL_TRAFFIC}:
        return "the version serves already; its configuration would not change"
    versions = ", ".join(f"{name} at {share} %" for name, share in current_shares.items())
    return f"it would be added beside {versions or 'nothing'} without traffic, checked, and then receive all traffic"


def _scales_to_zero(spec: EndpointSpec) -> bool:
    return bool(spec.served_entity().scale_to_zero_enabled)


def _is_route_optimized(spec: EndpointSpec, endpoint: Any) -> bool:  # a class of the SDK
    return spec.route_optimized if endpoint is None else bool(endpoint.route_optimized)
