"""Roll a version out to an endpoint: add the version without traffic, check its answers, move the traffic, or go back.

Each step starts from the current state of the endpoint, so that an interrupted rollout continues when run again.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ServingError
from .connection import translate_errors
from .invocation import GoldenQuestion, find_wrong_answers
from .spec import ALL_TRAFFIC, EndpointSpec
from .state import is_updating, require_owned, served_entities, traffic_shares
from .updates import PAUSE_SECONDS, EndpointUpdater


@dataclass(frozen=True, slots=True)
class EndpointRollout:
    """The steps by which the version of a spec comes to serve at an endpoint.

    Attributes:
        updater: Changes the endpoint, and holds the spec.
        questions: Golden questions that the version must answer.
        watch_seconds: For how long the answers are checked under traffic.
    """

    updater: EndpointUpdater
    questions: Sequence[GoldenQuestion]
    watch_seconds: float

    @property
    def spec(self) -> EndpointSpec:
        """The specification of the endpoint."""
        return self.updater.spec

    def run(self) -> None:
        """Create or update the endpoint, so that the version has all traffic.

        Raises:
            ServingError: The version does not serve, or failed its check. A previous version keeps or regains
                the traffic.
        """
        endpoint = self.updater.get()
        if endpoint is None:
            self.updater.create()
            self._check_first()
        else:
            self._update(endpoint)
        self.updater.report(f"{self.spec.name} serves version {self.spec.version} of {self.spec.model}")

    def _update(self, endpoint: Any) -> None:  # a class of the SDK
        require_owned(endpoint)
        if is_updating(endpoint):
            self.updater.report(f"A change of the endpoint {self.spec.name} is in progress; waiting for its end")
            endpoint = self.updater.wait_until_settled()
        self.updater.update_settings(endpoint)
        current_shares = traffic_shares(endpoint)
        if not _nonzero_shares(current_shares):
            self.updater.serve([self.spec.served_entity()], {self.spec.entity_name: ALL_TRAFFIC})
            self._check_first()
        elif current_shares.get(self.spec.entity_name) != ALL_TRAFFIC:
            self._add_without_traffic(endpoint, current_shares)
            self._check_without_traffic(current_shares)
            self._move_traffic(endpoint, current_shares)
        self._remove_others()

    def _check_first(self) -> None:
        """Check the answers of a version that has no predecessor to go back to."""
        problems = self._find_problems()
        if problems:
            raise ServingError(
                f"version {self.spec.version} serves at {self.spec.name}, but failed its check: {problems[0]}"
            )

    def _add_without_traffic(self, endpoint: Any, shares: dict[str, int]) -> None:  # a class of the SDK
        """Add the new version without traffic, and keep the versions that have traffic."""
        if self.spec.entity_name in shares:
            return
        serving_entities = [entity for entity in served_entities(endpoint) if shares.get(entity.name)]
        self.updater.report(f"Adding version {self.spec.version} without traffic")
        self.updater.serve(
            [*serving_entities, self.spec.served_entity()], {**_nonzero_shares(shares), self.spec.entity_name: 0}
        )

    def _check_without_traffic(self, shares: dict[str, int]) -> None:
        """Check the answers of the new version before it receives traffic."""
        problems = self._find_problems(self.spec.entity_name)
        if problems:
            raise ServingError(
                f"version {self.spec.version} failed its check without traffic: {problems[0]}. "
                f"The traffic stays at {', '.join(_nonzero_shares(shares))}; the next deployment removes the version"
            )
        self.updater.report(
            f"Version {self.spec.version} answers the example and {len(self.questions)} golden questions"
        )

    def _move_traffic(self, endpoint: Any, shares: dict[str, int]) -> None:  # a class of the SDK
        """Move all traffic to the new version, and back when its answers under traffic are wrong."""
        number, entity = self.spec.version, self.spec.entity_name
        old = [served for served in served_entities(endpoint) if shares.get(served.name) and served.name != entity]
        self.updater.serve(
            [*old, self.spec.served_entity()], {**dict.fromkeys(_nonzero_shares(shares), 0), entity: ALL_TRAFFIC}
        )
        self.updater.report(f"All traffic goes to version {number}; checking its answers for {self.watch_seconds:g} s")
        problem = next(self._watch(), "")
        if problem:
            self.updater.serve(old, _shares_without(shares, entity))
            raise ServingError(
                f"version {number} failed its check under traffic: {problem}. The previous version serves again"
            )

    def _watch(self) -> Iterator[str]:
        """Yield the problems of answers under traffic, until ``watch_seconds`` have passed."""
        until = time.monotonic() + self.watch_seconds
        while True:
            yield from self._find_problems()
            if time.monotonic() >= until:
                return
            time.sleep(min(PAUSE_SECONDS, max(0.0, until - time.monotonic())))

    def _remove_others(self) -> None:
        """Remove all versions but the new one, since each costs money."""
        if traffic_shares(self.updater.get()).keys() != {self.spec.entity_name}:
            self.updater.serve([self.spec.served_entity()], {self.spec.entity_name: ALL_TRAFFIC})

    def _find_problems(self, entity: str = "") -> list[str]:
        """Return a sentence for each wrong answer; a failed call counts as a wrong answer."""
        name = self.spec.name
        try:
            with translate_errors(f"asking {name}"):
                return list(find_wrong_answers(self.updater.client, name, self.questions, entity))
        except ServingError as error:
            return [error.message]


def _shares_without(shares: dict[str, int], entity: str) -> dict[str, int]:
    """Return the traffic of the other versions; the first one takes over the share of ``entity``."""
    others = {name: share for name, share in _nonzero_shares(shares).items() if name != entity}
    receiver = next(iter(others))
    return others | {receiver: ALL_TRAFFIC - sum(others.values()) + others[receiver]}


def _nonzero_shares(shares: dict[str, int]) -> dict[str, int]:
    """Return the shares of the versions that have traffic."""
    return {name: share for name, share in shares.items() if share}
