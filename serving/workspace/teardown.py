"""What this project made in a workspace is found by its tag, and removed, in an order in which nothing is left hanging.

Each thing is looked for anew and removed by itself, so that a teardown which was interrupted is simply run again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..endpoint.connection import refused
from ..endpoint.spec import TAG

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_BILLABLE = ("endpoint", "cluster", "workspace")
SCOPE_MARK = "made-by-multichain"
"""The secret that tells that a scope was made by this project, since scopes have no tags."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is there: what it is, its name, and how it is removed."""

    kind: str
    name: str
    remove: Callable[[], object]

    @property
    def billable(self) -> bool:
        """Whether it costs while nobody uses it."""
        return self.kind in _BILLABLE

    @property
    def told(self) -> str:
        """In words."""
        return f"{self.kind} {self.name}{'' if self.billable else ' (costs nothing)'}"


def things(client: "WorkspaceClient", model: str = "") -> list[Thing]:
    """All that this project made, in the order of its removal; the registered ``model`` if it is named."""
    made: list[Thing] = []
    for kind, find in (("endpoints", _endpoints), ("jobs", _jobs), ("clusters", _clusters), ("scopes", _scopes)):
        with refused(f"listing {kind}"):
            made += find(client)
    with refused("listing models"):
        return made + list(_models(model))


def removed(found: Sequence[Thing], tell: Callable[[str], None]) -> None:
    """Removes them in order; what is gone meanwhile is passed over. Raises ServingError."""
    from databricks.sdk.errors import NotFound  # a second

    for thing in found:
        with refused(f"removing the {thing.kind} {thing.name}"):
            try:
                thing.remove()
            except NotFound:
                tell(f"Gone already: {thing.told}")
            else:
                tell(f"Removed: {thing.told}")


def _endpoints(client: "WorkspaceClient") -> Iterator[Thing]:
    for one in client.serving_endpoints.list():
        if TAG in {tag.key for tag in one.tags or ()}:
            name = str(one.name)
            yield Thing("endpoint", name, partial(client.serving_endpoints.delete, name))


def _jobs(client: "WorkspaceClient") -> Iterator[Thing]:
    for one in client.jobs.list():
        if one.job_id and one.settings and TAG in (one.settings.tags or {}):
            number = one.job_id
            yield Thing("job", str(one.settings.name), partial(client.jobs.delete, number))


def _clusters(client: "WorkspaceClient") -> Iterator[Thing]:
    """For good: deleting one only stops it, and keeps it for a month."""
    for one in client.clusters.list():
        if one.cluster_id and TAG in (one.custom_tags or {}):
            number = one.cluster_id
            yield Thing("cluster", str(one.cluster_name), partial(client.clusters.permanent_delete, number))


def _scopes(client: "WorkspaceClient") -> Iterator[Thing]:
    for one in client.secrets.list_scopes():
        name = str(one.name)
        if SCOPE_MARK in {secret.key for secret in client.secrets.list_secrets(name)}:
            yield Thing("secret scope", name, partial(client.secrets.delete_scope, name))


def _models(model: str) -> Iterator[Thing]:
    """A registered model with all its versions."""
    from mlflow import MlflowClient  # two seconds
    from mlflow.exceptions import MlflowException

    if not model:
        return
    registry = MlflowClient(registry_uri="databricks-uc")
    try:
        registry.get_registered_model(model)
    except MlflowException:
        return
    yield Thing("registered model", model, partial(registry.delete_registered_model, model))
