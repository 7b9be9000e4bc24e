"""What this project made in a workspace is found by its tag, and removed, in an order in which nothing is left hanging.

Each thing is looked for anew and removed by itself, so that a teardown which was interrupted is simply run again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..endpoint.connection import translate_errors
from ..endpoint.spec import PROJECT_TAG

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_BILLABLE_KINDS = ("endpoint", "cluster", "workspace")
SCOPE_MARK = "made-by-multichain"
"""The secret that tells that a scope was made by this project, since scopes have no tags."""


@dataclass(frozen=True, slots=True)
class ManagedResource:
    """Something that is there: what it is, its name, and how it is removed."""

    kind: str
    name: str
    remove: Callable[[], object]

    @property
    def is_billable(self) -> bool:
        """Whether it costs while nobody uses it."""
        return self.kind in _BILLABLE_KINDS

    @property
    def in_words(self) -> str:
        """In words."""
        return f"{self.kind} {self.name}{'' if self.is_billable else ' (costs nothing)'}"


def find_resources(client: "WorkspaceClient", model: str = "") -> list[ManagedResource]:
    """All that this project made, in the order of its removal; the registered ``model`` if it is named."""
    resources: list[ManagedResource] = []
    for kind, find in (
        ("endpoints", _find_endpoints),
        ("jobs", _find_jobs),
        ("clusters", _find_clusters),
        ("scopes", _find_scopes),
    ):
        with translate_errors(f"listing {kind}"):
            resources += find(client)
    with translate_errors("listing models"):
        return resources + list(_find_model(model))


def remove_resources(resources: Sequence[ManagedResource], report: Callable[[str], None]) -> None:
    """Removes them in order; what is gone meanwhile is passed over. Raises ServingError."""
    from databricks.sdk.errors import NotFound  # a second

    for resource in resources:
        with translate_errors(f"removing the {resource.kind} {resource.name}"):
            try:
                resource.remove()
            except NotFound:
                report(f"Gone already: {resource.in_words}")
            else:
                report(f"Removed: {resource.in_words}")


def _find_endpoints(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for endpoint in client.serving_endpoints.list():
        if PROJECT_TAG in {tag.key for tag in endpoint.tags or ()}:
            name = str(endpoint.name)
            yield ManagedResource("endpoint", name, partial(client.serving_endpoints.delete, name))


def _find_jobs(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for job in client.jobs.list():
        if job.job_id and job.settings and PROJECT_TAG in (job.settings.tags or {}):
            number = job.job_id
            yield ManagedResource("job", str(job.settings.name), partial(client.jobs.delete, number))


def _find_clusters(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    """For good: deleting one only stops it, and keeps it for a month."""
    for cluster in client.clusters.list():
        if cluster.cluster_id and PROJECT_TAG in (cluster.custom_tags or {}):
            number = cluster.cluster_id
            yield ManagedResource(
                "cluster", str(cluster.cluster_name), partial(client.clusters.permanent_delete, number)
            )


def _find_scopes(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for scope in client.secrets.list_scopes():
        name = str(scope.name)
        if SCOPE_MARK in {secret.key for secret in client.secrets.list_secrets(name)}:
            yield ManagedResource("secret scope", name, partial(client.secrets.delete_scope, name))


def _find_model(model: str) -> Iterator[ManagedResource]:
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
    yield ManagedResource("registered model", model, partial(registry.delete_registered_model, model))
