"""A version onto an endpoint: beside the one that serves, tried without traffic, then in its place, or back.

Each step looks at what is there, so that a deployment which was interrupted goes on where it was.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .databricks import refused
from .endpoint import TAG, Wanted, traffic
from .errors import ServingError
from .invoke import Golden, wrong

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

PAUSE = 5.0
"""Seconds between two looks at a change."""
PATIENCE = 2400.0
"""Seconds after which a change is left to itself: a build takes ten minutes and more."""
_LINES = 15

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is to be there, how it is tried, for how many seconds it is watched, and who is told."""

    client: "WorkspaceClient"
    wanted: Wanted
    questions: Sequence[Golden]
    watched: float
    tell: Tell

    def run(self) -> None:
        """Deploys. Raises ServingError when it did not come to serve; what served before does then."""
        found = self.found()
        if found is None:
            self._created()
        else:
            self._updated(found)
        self.tell(f"{self.wanted.name} serves version {self.wanted.version} of {self.wanted.model}")

    def _updated(self, found: Any) -> None:  # noqa: ANN401 - a class of the SDK's
        owned(found)
        if in_progress(found):
            self.tell(f"A change of {self.wanted.name} is under way; waiting for it")
            found = self._settled()
        self._settings(found)
        before = shares(found)
        if not _serving(before):
            self._changed([self.wanted.served()], {self.wanted.entity: 100})
            self._first()
        elif before.get(self.wanted.entity) != 100:  # noqa: PLR2004 - all of the traffic
            self._beside(found, before)
            self._tried(before)
            self._moved(found, before)
        self._alone()

    def found(self) -> Any:  # noqa: ANN401 - a class of the SDK's
        """The endpoint as it is; None when there is none."""
        from databricks.sdk.errors import NotFound  # noqa: PLC0415 - a second

        with refused(f"looking at {self.wanted.name}"):
            try:
                return self.client.serving_endpoints.get(self.wanted.name)
            except NotFound:
                return None

    def _created(self) -> None:
        from databricks.sdk.service.serving import EndpointCoreConfigInput  # noqa: PLC0415

        wanted = self.wanted
        with refused(f"creating {wanted.name}"):
            self.client.serving_endpoints.create(
                wanted.name,
                config=EndpointCoreConfigInput(
                    name=wanted.name, served_entities=[wanted.served()], traffic_config=traffic({wanted.entity: 100})
                ),
                route_optimized=wanted.route_optimized,
                ai_gateway=wanted.gateway(),
                telemetry_config=wanted.telemetry(),
                budget_policy_id=wanted.budget_policy or None,
                tags=wanted.marks(),
            )
        self.tell(f"Creating {wanted.name}")
        self._settled()
        self._first()

    def _first(self) -> None:
        """Tries a version that has nothing before it to go back to."""
        found = self._wrong()
        if found:
            told = f"{self.wanted.name} serves version {self.wanted.version}"
            raise ServingError(f"{told}, and its answers are wrong: {found[0]}")

    def _settings(self, found: Any) -> None:  # noqa: ANN401 - a class of the SDK's
        """AI Gateway and tags, where they are not as they should be."""
        wanted = self.wanted
        with refused(f"changing {wanted.name}"):
            if (found.ai_gateway.as_dict() if found.ai_gateway else {}) != wanted.gateway().as_dict():
                told = wanted.gateway()
                self.client.serving_endpoints.put_ai_gateway(
                    wanted.name,
                    usage_tracking_config=told.usage_tracking_config,
                    inference_table_config=told.inference_table_config,
                    rate_limits=told.rate_limits,
                )
            if wanted.tables and not found.telemetry_config:
                self.client.serving_endpoints.patch_telemetry_config(wanted.name, telemetry_config=wanted.telemetry())
            if not {(one.key, one.value) for one in wanted.marks()} <= {(one.key, one.value) for one in found.tags}:
                self.client.serving_endpoints.patch(wanted.name, add_tags=wanted.marks())

    def _beside(self, found: Any, before: dict[str, int]) -> None:  # noqa: ANN401 - a class of the SDK's
        """The new version beside those that serve, without traffic."""
        if self.wanted.entity in before:
            return
        kept = [one for one in kept_entities(found) if before.get(one.name)]
        self.tell(f"Adding version {self.wanted.version} without traffic")
        self._changed([*kept, self.wanted.served()], {**_serving(before), self.wanted.entity: 0})

    def _tried(self, before: dict[str, int]) -> None:
        found = self._wrong(self.wanted.entity)
        if found:
            raise ServingError(
                f"version {self.wanted.version} was tried without traffic, and its answers are wrong: {found[0]}. "
                f"{', '.join(_serving(before))} serves as before; the next deployment takes it away"
            )
        self.tell(f"Version {self.wanted.version} answers the example and {len(self.questions)} questions")

    def _moved(self, found: Any, before: dict[str, int]) -> None:  # noqa: ANN401 - a class of the SDK's
        """All traffic to the new version; back again when what it answers under it is wrong."""
        both = [*(one for one in kept_entities(found) if before.get(one.name)), self.wanted.served()]
        both = [*{one.name: one for one in both}.values()]
        self._changed(both, {**dict.fromkeys(_serving(before), 0), self.wanted.entity: 100})
        self.tell(f"All traffic goes to version {self.wanted.version}; watching it for {self.watched:g} s")
        bad = next(self._watched(), "")
        if bad:
            old = [one for one in both if one.name != self.wanted.entity]
            self._changed(old, _serving(before))
            raise ServingError(
                f"version {self.wanted.version} went wrong under traffic: {bad}. The one before serves again"
            )

    def _watched(self) -> Iterator[str]:
        until = time.monotonic() + self.watched
        while True:
            yield from self._wrong()
            if time.monotonic() >= until:
                return
            time.sleep(min(PAUSE, max(0.0, until - time.monotonic())))

    def _alone(self) -> None:
        """Nothing is served, and paid for, beside the new version."""
        if shares(self.found()).keys() != {self.wanted.entity}:
            self._changed([self.wanted.served()], {self.wanted.entity: 100})

    def _wrong(self, entity: str = "") -> list[str]:
        """What is wrong with its answers; that it does not answer at all is wrong, too."""
        try:
            with refused(f"asking {self.wanted.name}"):
                return list(wrong(self.client, self.wanted.name, self.questions, entity))
        except ServingError as error:
            return [error.message]

    def _changed(self, entities: Sequence[Any], to: dict[str, int]) -> None:
        with refused(f"changing {self.wanted.name}"):
            self.client.serving_endpoints.update_config(
                self.wanted.name, served_entities=[*entities], traffic_config=traffic(to)
            )
        self._settled()

    def _settled(self) -> Any:  # noqa: ANN401 - a class of the SDK's
        """The endpoint, when its change is there. Raises ServingError, with the build's last words, when it failed."""
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
        from databricks.sdk.errors.base import DatabricksError  # noqa: PLC0415 - a second

        try:
            told = self.client.serving_endpoints.build_logs(self.wanted.name, self.wanted.entity).logs or ""
        except DatabricksError:
            return ""
        return ":\n" + "\n".join(told.strip().splitlines()[-_LINES:])


def owned(found: Any) -> None:  # noqa: ANN401 - a class of the SDK's
    """Raises ServingError for an endpoint that this project did not make."""
    if TAG not in {tag.key for tag in found.tags or ()}:
        raise ServingError(
            f"{found.name} was not made by this project (no tag {TAG}), so it is left alone; give another --endpoint"
        )


def in_progress(found: Any) -> bool:  # noqa: ANN401 - a class of the SDK's
    """Whether a change is under way."""
    return bool(found.state and found.state.config_update and found.state.config_update.value == "IN_PROGRESS")


def shares(found: Any) -> dict[str, int]:  # noqa: ANN401 - a class of the SDK's
    """Each served version's per cent of the traffic, by its name there."""
    if found is None or found.config is None:
        return {}
    routes = found.config.traffic_config.routes if found.config.traffic_config else []
    told = {one.served_entity_name or one.served_model_name: one.traffic_percentage for one in routes or ()}
    return {one.name: told.get(one.name, 0) for one in found.config.served_entities or ()}


def kept_entities(found: Any) -> list[Any]:  # noqa: ANN401 - a class of the SDK's
    """What an endpoint serves, as it is told to serve it."""
    from databricks.sdk.service.serving import ServedEntityInput  # noqa: PLC0415 - a second

    fields = ServedEntityInput.__dataclass_fields__.keys()
    told = [one.as_dict() for one in (found.config.served_entities or () if found.config else ())]
    return [ServedEntityInput.from_dict({name: one[name] for name in one.keys() & fields}) for one in told]


def progress(found: Any) -> Iterator[str]:  # noqa: ANN401 - a class of the SDK's
    """How each version that is to be served stands."""
    for one in (found.pending_config.served_entities or ()) if found.pending_config else ():
        state = one.state.deployment.value.removeprefix("DEPLOYMENT_").lower() if one.state else "waiting"
        yield f"{one.name} {state}"


def _serving(before: dict[str, int]) -> dict[str, int]:
    return {name: share for name, share in before.items() if share}
