"""Changes of an endpoint, each of which is waited for and told while it goes on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ServingError
from .connection import refused
from .spec import ALL, Wanted, traffic
from .state import progress

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

PAUSE = 5.0
"""Seconds between two looks at a change."""
PATIENCE = 2400.0
"""Seconds after which a change is left to itself: a build takes ten minutes and more."""
_LINES = 15

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Changes:
    """Of the endpoint that is ``wanted``; ``tell`` hears how they go. Each raises ServingError when it fails."""

    client: "WorkspaceClient"
    wanted: Wanted
    tell: Tell

    def found(self) -> Any:  # a class of the SDK's
        """The endpoint as it is; None when there is none."""
        from databricks.sdk.errors import NotFound  # a second

        with refused(f"looking at {self.wanted.name}"):
            try:
                return self.client.serving_endpoints.get(self.wanted.name)
            except NotFound:
                return None

    def create(self) -> None:
        """Makes it, with all traffic to the version that is wanted."""
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        wanted = self.wanted
        with refused(f"creating {wanted.name}"):
            self.client.serving_endpoints.create(
                wanted.name,
                config=EndpointCoreConfigInput(
                    name=wanted.name, served_entities=[wanted.served()], traffic_config=traffic({wanted.entity: ALL})
                ),
                route_optimized=wanted.route_optimized,
                ai_gateway=wanted.gateway(),
                telemetry_config=wanted.telemetry(),
                budget_policy_id=wanted.budget_policy or None,
                tags=wanted.marks(),
            )
        self.tell(f"Creating {wanted.name}")
        self.settled()

    def settings(self, found: Any) -> None:  # a class of the SDK's
        """AI Gateway, telemetry and tags, where they are not as they should be."""
        wanted, endpoints = self.wanted, self.client.serving_endpoints
        with refused(f"changing {wanted.name}"):
            if (found.ai_gateway.as_dict() if found.ai_gateway else {}) != wanted.gateway().as_dict():
                told = wanted.gateway()
                endpoints.put_ai_gateway(
                    wanted.name,
                    usage_tracking_config=told.usage_tracking_config,
                    inference_table_config=told.inference_table_config,
                    rate_limits=told.rate_limits,
                )
            if wanted.tables and not found.telemetry_config:
                endpoints.patch_telemetry_config(wanted.name, telemetry_config=wanted.telemetry())
            if not {(one.key, one.value) for one in wanted.marks()} <= {(one.key, one.value) for one in found.tags}:
                endpoints.patch(wanted.name, add_tags=wanted.marks())

    def serve(self, entities: Sequence[Any], shares: Mapping[str, int]) -> None:
        """Serves ``entities``, each with its per cent of the traffic."""
        with refused(f"changing {self.wanted.name}"):
            self.client.serving_endpoints.update_config(
                self.wanted.name, served_entities=[*entities], traffic_config=traffic(shares)
            )
        self.settled()

    def settled(self) -> Any:  # a class of the SDK's
        """The endpoint, when its change is there; one that failed is told with the build's last words."""
        started = time.monotonic()
        while True:
            found = self.found()
            state = str(found.state.config_update.value) if found and found.state else "gone"
            if state == "NOT_UPDATING":
                return found
            if state != "IN_PROGRESS":
                raise ServingError(f"{self.wanted.name} did not come to serve ({state}){self._log()}")
            seconds = time.monotonic() - started
            if seconds > PATIENCE:
                raise ServingError(f"{self.wanted.name} is still being changed; python -m serving status tells more")
            self.tell(f"  {seconds:4.0f} s  {', '.join(progress(found))}")
            time.sleep(PAUSE)

    def _log(self) -> str:
        from databricks.sdk.errors.base import DatabricksError  # a second

        try:
            told = self.client.serving_endpoints.build_logs(self.wanted.name, self.wanted.entity).logs or ""
        except DatabricksError:
            return ""
        return ":\n" + "\n".join(told.strip().splitlines()[-_LINES:])
