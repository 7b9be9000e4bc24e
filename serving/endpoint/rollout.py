"""A version onto an endpoint: beside the one that serves, tried without traffic, then in its place, or back.

Each step looks at what is there, so that a deployment which was interrupted goes on where it was.
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
    """How the version that is wanted comes to serve: what it is asked first, and for how many seconds it is watched."""

    updater: EndpointUpdater
    questions: Sequence[GoldenQuestion]
    watch_seconds: float

    @property
    def spec(self) -> EndpointSpec:
        """What is to be there."""
        return self.updater.spec

    def run(self) -> None:
        """Deploys. Raises ServingError when it did not come to serve; what served before does then."""
        endpoint = self.updater.get()
        if endpoint is None:
            self.updater.create()
            self._check_first()
        else:
            self._update(endpoint)
        self.updater.report(f"{self.spec.name} serves version {self.spec.version} of {self.spec.model}")

    def _update(self, endpoint: Any) -> None:  # a class of the SDK's
        require_owned(endpoint)
        if is_updating(endpoint):
            self.updater.report(f"A change of {self.spec.name} is under way; waiting for it")
            endpoint = self.updater.wait_until_settled()
        self.updater.update_settings(endpoint)
        current_shares = traffic_shares(endpoint)
        if not _nonzero_shares(current_shares):
            self.updater.serve([self.spec.served_entity()], {self.spec.entity_name: ALL_TRAFFIC})
            self._check_first()
        elif current_shares.get(self.spec.entity_name) != ALL_TRAFFIC:
            self._add_without_traffic(endpoint, current_shares)
            self._try_without_traffic(current_shares)
            self._move_traffic(endpoint, current_shares)
        self._remove_others()

    def _check_first(self) -> None:
        """Tries a version that has nothing before it to go back to."""
        problems = self._find_problems()
        if problems:
            outcome = f"{self.spec.name} serves version {self.spec.version}"
            raise ServingError(f"{outcome}, and its answers are wrong: {problems[0]}")

    def _add_without_traffic(self, endpoint: Any, shares: dict[str, int]) -> None:  # a class of the SDK's
        """The new version beside those that serve, without traffic."""
        if self.spec.entity_name in shares:
            return
        serving_entities = [entity for entity in served_entities(endpoint) if shares.get(entity.name)]
        self.updater.report(f"Adding version {self.spec.version} without traffic")
        self.updater.serve(
            [*serving_entities, self.spec.served_entity()], {**_nonzero_shares(shares), self.spec.entity_name: 0}
        )

    def _try_without_traffic(self, shares: dict[str, int]) -> None:
        problems = self._find_problems(self.spec.entity_name)
        if problems:
            raise ServingError(
                f"version {self.spec.version} was tried without traffic, and its answers are wrong: {problems[0]}. "
                f"{', '.join(_nonzero_shares(shares))} serves as before; the next deployment takes it away"
            )
        self.updater.report(f"Version {self.spec.version} answers the example and {len(self.questions)} questions")

    def _move_traffic(self, endpoint: Any, shares: dict[str, int]) -> None:  # a class of the SDK's
        """All traffic to the new version; back again when what it answers under it is wrong."""
        number, entity = self.spec.version, self.spec.entity_name
        old = [served for served in served_entities(endpoint) if shares.get(served.name) and served.name != entity]
        self.updater.serve(
            [*old, self.spec.served_entity()], {**dict.fromkeys(_nonzero_shares(shares), 0), entity: ALL_TRAFFIC}
        )
        self.updater.report(f"All traffic goes to version {number}; watching it for {self.watch_seconds:g} s")
        problem = next(self._watch(), "")
        if problem:
            self.updater.serve(old, _shares_without(shares, entity))
            raise ServingError(f"version {number} went wrong under traffic: {problem}. The one before serves again")

    def _watch(self) -> Iterator[str]:
        until = time.monotonic() + self.watch_seconds
        while True:
            yield from self._find_problems()
            if time.monotonic() >= until:
                return
            time.sleep(min(PAUSE_SECONDS, max(0.0, until - time.monotonic())))

    def _remove_others(self) -> None:
        """Nothing is served, and paid for, beside the new version."""
        if traffic_shares(self.updater.get()).keys() != {self.spec.entity_name}:
            self.updater.serve([self.spec.served_entity()], {self.spec.entity_name: ALL_TRAFFIC})

    def _find_problems(self, entity: str = "") -> list[str]:
        """What is wrong with its answers; that it does not answer at all is wrong, too."""
        name = self.spec.name
        try:
            with translate_errors(f"asking {name}"):
                return list(find_wrong_answers(self.updater.client, name, self.questions, entity))
        except ServingError as error:
            return [error.message]


def _shares_without(shares: dict[str, int], entity: str) -> dict[str, int]:
    """The traffic of the others; the first of them gets what ``entity`` had."""
    others = {name: share for name, share in _nonzero_shares(shares).items() if name != entity}
    receiver = next(iter(others))
    return others | {receiver: ALL_TRAFFIC - sum(others.values()) + others[receiver]}


def _nonzero_shares(shares: dict[str, int]) -> dict[str, int]:
    return {name: share for name, share in shares.items() if share}
