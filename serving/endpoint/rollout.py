"""A version onto an endpoint: beside the one that serves, tried without traffic, then in its place, or back.

Each step looks at what is there, so that a deployment which was interrupted goes on where it was.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ServingError
from . import updates as changes
from .connection import refused
from .invocation import Golden, wrong
from .spec import ALL, Wanted
from .state import entities, in_progress, owned, shares
from .updates import Changes


@dataclass(frozen=True, slots=True)
class Deployment:
    """How the version that is wanted comes to serve: what it is asked first, and for how many seconds it is watched."""

    changes: Changes
    questions: Sequence[Golden]
    watched: float

    @property
    def wanted(self) -> Wanted:
        """What is to be there."""
        return self.changes.wanted

    def run(self) -> None:
        """Deploys. Raises ServingError when it did not come to serve; what served before does then."""
        found = self.changes.found()
        if found is None:
            self.changes.create()
            self._first()
        else:
            self._updated(found)
        self.changes.tell(f"{self.wanted.name} serves version {self.wanted.version} of {self.wanted.model}")

    def _updated(self, found: Any) -> None:  # a class of the SDK's
        owned(found)
        if in_progress(found):
            self.changes.tell(f"A change of {self.wanted.name} is under way; waiting for it")
            found = self.changes.settled()
        self.changes.settings(found)
        before = shares(found)
        if not _serving(before):
            self.changes.serve([self.wanted.served()], {self.wanted.entity: ALL})
            self._first()
        elif before.get(self.wanted.entity) != ALL:
            self._beside(found, before)
            self._tried(before)
            self._moved(found, before)
        self._alone()

    def _first(self) -> None:
        """Tries a version that has nothing before it to go back to."""
        found = self._wrong()
        if found:
            told = f"{self.wanted.name} serves version {self.wanted.version}"
            raise ServingError(f"{told}, and its answers are wrong: {found[0]}")

    def _beside(self, found: Any, before: dict[str, int]) -> None:  # a class of the SDK's
        """The new version beside those that serve, without traffic."""
        if self.wanted.entity in before:
            return
        kept = [one for one in entities(found) if before.get(one.name)]
        self.changes.tell(f"Adding version {self.wanted.version} without traffic")
        self.changes.serve([*kept, self.wanted.served()], {**_serving(before), self.wanted.entity: 0})

    def _tried(self, before: dict[str, int]) -> None:
        found = self._wrong(self.wanted.entity)
        if found:
            raise ServingError(
                f"version {self.wanted.version} was tried without traffic, and its answers are wrong: {found[0]}. "
                f"{', '.join(_serving(before))} serves as before; the next deployment takes it away"
            )
        self.changes.tell(f"Version {self.wanted.version} answers the example and {len(self.questions)} questions")

    def _moved(self, found: Any, before: dict[str, int]) -> None:  # a class of the SDK's
        """All traffic to the new version; back again when what it answers under it is wrong."""
        number, entity = self.wanted.version, self.wanted.entity
        old = [one for one in entities(found) if before.get(one.name) and one.name != entity]
        self.changes.serve([*old, self.wanted.served()], {**dict.fromkeys(_serving(before), 0), entity: ALL})
        self.changes.tell(f"All traffic goes to version {number}; watching it for {self.watched:g} s")
        bad = next(self._watched(), "")
        if bad:
            self.changes.serve(old, _without(before, entity))
            raise ServingError(f"version {number} went wrong under traffic: {bad}. The one before serves again")

    def _watched(self) -> Iterator[str]:
        until = time.monotonic() + self.watched
        while True:
            yield from self._wrong()
            if time.monotonic() >= until:
                return
            time.sleep(min(changes.PAUSE, max(0.0, until - time.monotonic())))

    def _alone(self) -> None:
        """Nothing is served, and paid for, beside the new version."""
        if shares(self.changes.found()).keys() != {self.wanted.entity}:
            self.changes.serve([self.wanted.served()], {self.wanted.entity: ALL})

    def _wrong(self, entity: str = "") -> list[str]:
        """What is wrong with its answers; that it does not answer at all is wrong, too."""
        name = self.wanted.name
        try:
            with refused(f"asking {name}"):
                return list(wrong(self.changes.client, name, self.questions, entity))
        except ServingError as error:
            return [error.message]


def _without(before: dict[str, int], entity: str) -> dict[str, int]:
    """The traffic of the others; the first of them gets what ``entity`` had."""
    others = {name: share for name, share in _serving(before).items() if name != entity}
    first = next(iter(others))
    return others | {first: ALL - sum(others.values()) + others[first]}


def _serving(before: dict[str, int]) -> dict[str, int]:
    return {name: share for name, share in before.items() if share}
