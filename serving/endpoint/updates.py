"""Changes of an endpoint, each of which is waited for and told while it goes on."""

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
"""Seconds between two looks at a change."""
MAX_WAIT_SECONDS = 2400.0
"""Seconds after which a change is left to itself: a build takes ten minutes and more."""
_LOG_LINES = 15

ReportLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EndpointUpdater:
    """Of the endpoint that is ``wanted``; ``tell`` hears how they go. Each raises ServingError when it fails."""

    client: "WorkspaceClient"
    spec: EndpointSpec
    report: ReportLine

    def get(self) -> Any:  # a class of the SDK's
        """The endpoint as it is; None when there is none."""
        from databricks.sdk.errors import NotFound  # a second

        with translate_errors(f"looking at {self.spec.name}"):
            try:
                return self.client.serving_endpoints.get(self.spec.name)
            except NotFound:
                return None

    def create(self) -> None:
        """Makes it, with all traffic to the version that is wanted."""
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        spec = self.spec
        with translate_errors(f"creating {spec.name}"):
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
        self.report(f"Creating {spec.name}")
        self.wait_until_settled()

    def update_settings(self, endpoint: Any) -> None:  # a class of the SDK's
        """AI Gateway, telemetry and tags, where they are not as they should be."""
        spec, endpoints = self.spec, self.client.serving_endpoints
        with translate_errors(f"changing {spec.name}"):
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
                (tag.key, tag.value) for tag in endpoint.tags
            }:
                endpoints.patch(spec.name, add_tags=spec.endpoint_tags())

    def serve(self, entities: Sequence[Any], shares: Mapping[str, int]) -> None:
        """Serves ``entities``, each with its per cent of the traffic."""
        with translate_errors(f"changing {self.spec.name}"):
            self.client.serving_endpoints.update_config(
                self.spec.name, served_entities=[*entities], traffic_config=traffic_config(shares)
            )
        self.wait_until_settled()

    def wait_until_settled(self) -> Any:  # a class of the SDK's
        """The endpoint, when its change is there; one that failed is told with the build's last words."""
        started = time.monotonic()
        while True:
            endpoint = self.get()
            state = str(endpoint.state.config_update.value) if endpoint and endpoint.state else "gone"
            if state == "NOT_UPDATING":
                return endpoint
            if state != "IN_PROGRESS":
                raise ServingError(f"{self.spec.name} did not come to serve ({state}){self._build_log()}")
            seconds = time.monotonic() - started
            if seconds > MAX_WAIT_SECONDS:
                raise ServingError(f"{self.spec.name} is still being changed; python -m serving status tells more")
            self.report(f"  {seconds:4.0f} s  {', '.join(describe_progress(endpoint))}")
            time.sleep(PAUSE_SECONDS)

    def _build_log(self) -> str:
        from databricks.sdk.errors.base import DatabricksError  # a second

        try:
            log = self.client.serving_endpoints.build_logs(self.spec.name, self.spec.entity_name).logs or ""
        except DatabricksError:
            return ""
        return ":\n" + "\n".join(log.strip().splitlines()[-_LOG_LINES:])
