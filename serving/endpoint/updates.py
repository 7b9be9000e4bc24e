"""Change an endpoint, and report the progress until the change is complete."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ServingError
from .connection import translate_errors
from .spec import ALL_TRAFFIC, EndpointSpec, traffic_config
from .state import describe_progress

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

PAUSE_SECONDS = 5.0
"""Seconds between two requests for the state of a change."""
MAX_WAIT_SECONDS = 2400.0
"""Seconds to wait for a change. Building a version's container takes ten minutes and more."""
_LOG_LINES = 15

ReportLine = Callable[[str], None]
"""Receives each line of progress."""


@dataclass(frozen=True, slots=True)
class EndpointUpdater:
    """The changes of the endpoint that a spec describes.

    Attributes:
        client: The workspace.
        spec: How the endpoint is to be.
        report: Receives the lines of progress.
    """

    client: "WorkspaceClient"
    spec: EndpointSpec
    report: ReportLine

    def get(self) -> Any:  # a class of the SDK
        """Return the current endpoint; None when there is none.

        Raises:
            ServingError: The workspace refuses the call.
        """
        from databricks.sdk.errors import NotFound  # takes a second to import

        with translate_errors(f"reading the endpoint {self.spec.name}"):
            try:
                return self.client.serving_endpoints.get(self.spec.name)
            except NotFound:
                return None

    def create(self) -> None:
        """Create the endpoint, with all traffic to the version of the spec, and wait for the end of the change.

        Raises:
            ServingError: The change is refused, fails or takes too long.
        """
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        spec = self.spec
        with translate_errors(f"creating the endpoint {spec.name}"):
            self.client.serving_endpoints.create(
                spec.name,
                config=EndpointCoreConfigInput(
                    name=spec.name,
                    served_entities=[spec.served_entity()],
                    traffic_config=traffic_config({spec.entity_name: ALL_TRAFFIC}),
                ),
                route_optimized=spec.route_optimized,
                ai_gateway=spec.ai_gateway(),
                telemetry_config=spec.telemetry_config(),
                budget_policy_id=spec.budget_policy or None,
                tags=spec.endpoint_tags(),
            )
        self.report(f"Creating the endpoint {spec.name}")
        self.wait_until_settled()

    def update_settings(self, endpoint: Any) -> None:  # a class of the SDK
        """Update AI Gateway, telemetry and tags of ``endpoint`` where they differ from the spec.

        Existing telemetry is kept, and no tag is removed.

        Raises:
            ServingError: The workspace refuses a change.
        """
        spec, endpoints = self.spec, self.client.serving_endpoints
        with translate_errors(f"changing the endpoint {spec.name}"):
            if (endpoint.ai_gateway.as_dict() if endpoint.ai_gateway else {}) != spec.ai_gateway().as_dict():
                gateway = spec.ai_gateway()
                endpoints.put_ai_gateway(
                    spec.name,
                    usage_tracking_config=gateway.usage_tracking_config,
                    inference_table_config=gateway.inference_table_config,
                    rate_limits=gateway.rate_limits,
                )
            if spec.tables and not endpoint.telemetry_config:
                endpoints.patch_telemetry_config(spec.name, telemetry_config=spec.telemetry_config())
            if not {(tag.key, tag.value) for tag in spec.endpoint_tags()} <= {
                (tag.key, tag.value) for tag in endpoint.tags or ()
            }:
                endpoints.patch(spec.name, add_tags=spec.endpoint_tags())

    def serve(self, entities: Sequence[Any], shares: Mapping[str, int]) -> None:
        """Replace what the endpoint serves, and wait for the change.

        Args:
            entities: Served entities, as ServedEntityInput.
            shares: Traffic in per cent, by name of the served entity.

        Raises:
            ServingError: The change is refused, fails or takes too long.
        """
        with translate_errors(f"changing the endpoint {self.spec.name}"):
            self.client.serving_endpoints.update_config(
                self.spec.name, served_entities=[*entities], traffic_config=traffic_config(shares)
            )
        self.wait_until_settled()

    def wait_until_settled(self) -> Any:  # a class of the SDK
        """Wait until the change in progress is complete, and return the endpoint.

        Raises:
            ServingError: The change failed, with the end of the build log, or exceeds ``MAX_WAIT_SECONDS``.
        """
        started = time.monotonic()
        while True:
            endpoint = self.get()
            state = str(endpoint.state.config_update.value) if endpoint and endpoint.state else "gone"
            if state == "NOT_UPDATING":
                return endpoint
            if state != "IN_PROGRESS":
                raise ServingError(f"the change of the endpoint {self.spec.name} failed ({state}){self._build_log()}")
            seconds = time.monotonic() - started
            if seconds > MAX_WAIT_SECONDS:
                raise ServingError(
                    f"the change of the endpoint {self.spec.name} is still in progress after {MAX_WAIT_SECONDS:.0f} s; "
                    "see python -m serving status"
                )
            self.report(f"  {seconds:4.0f} s  {', '.join(describe_progress(endpoint))}")
            time.sleep(PAUSE_SECONDS)

    def _build_log(self) -> str:
        """Return the last lines of the build log after a colon; empty when the log cannot be read."""
        from databricks.sdk.errors.base import DatabricksError  # takes a second to import

        try:
            log = self.client.serving_endpoints.build_logs(self.spec.name, self.spec.entity_name).logs or ""
        except DatabricksError:
            return ""
        return ":\n" + "\n".join(log.strip().splitlines()[-_LOG_LINES:])
