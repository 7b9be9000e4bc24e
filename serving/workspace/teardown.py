"""Find the resources that this project created in a workspace, by tag, and remove them, dependents first.

Each resource is removed by itself, so that an interrupted teardown can be run again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..endpoint.connection import translate_errors
from ..endpoint.spec import PROJECT_TAG
from .databricks_app import is_owned

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_BILLABLE_KINDS = ("app", "endpoint", "cluster", "workspace")
SCOPE_MARK = "made-by-multichain"
"""Key of the secret that marks a scope of this project, since scopes have no tags."""


@dataclass(frozen=True, slots=True)
class ManagedResource:
    """A resource that this project created.

    Attributes:
        kind: Kind of the resource, such as ``endpoint``.
        name: Name of the resource.
        remove: Removes the resource.
    """

    kind: str
    name: str
    remove: Callable[[], object]

    @property
    def is_billable(self) -> bool:
        """Whether the resource costs money while nobody uses it."""
        return self.kind in _BILLABLE_KINDS

    @property
    def in_words(self) -> str:
        """Kind and name, and whether the resource costs nothing."""
        return f"{self.kind} {self.name}{'' if self.is_billable else ' (costs nothing)'}"


def find_resources(client: "WorkspaceClient", model: str = "") -> list[ManagedResource]:
    """Return the resources that this project created, in the order of removal.

    Args:
        client: The workspace.
        model: Registered model to include; empty for none.

    Raises:
        ServingError: The workspace refused a call.
    """
    resources: list[ManagedResource] = []
    for kind, find in (
        ("Apps", _find_apps),
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
    """Remove resources in order; a resource that no longer exists is skipped.

    Args:
        resources: The resources, from ``find_resources``.
        report: Receives a line for each resource.

    Raises:
        ServingError: The workspace refused a call.
    """
    from databricks.sdk.errors import NotFound  # takes a second to import

    for resource in resources:
        with translate_errors(f"removing the {resource.kind} {resource.name}"):
            try:
                resource.remove()
            except NotFound:
                report(f"Removed already: {resource.in_words}")
            else:
                report(f"Removed: {resource.in_words}")


def _find_apps(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for app in client.apps.list():
        if is_owned(app):
            yield ManagedResource("app", app.name, partial(client.apps.delete, app.name))


def _find_endpoints(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for endpoint in client.serving_endpoints.list():
        if PROJECT_TAG in {tag.key for tag in endpoint.tags or ()}:
            name = str(endpoint.name)
            yield ManagedResource("endpoint", name, partial(client.serving_endpoints.delete, name))


def _find_jobs(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for job in client.jobs.list():
        if job.job_id and job.settings and PROJECT_TAG in (job.settings.tags or {}):
            job_id = job.job_id
            yield ManagedResource("job", str(job.settings.name), partial(client.jobs.delete, job_id))


def _find_clusters(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    """Yield the clusters, to be deleted permanently: a plain deletion only stops a cluster and keeps it for a month."""
    for cluster in client.clusters.list():
        if cluster.cluster_id and PROJECT_TAG in (cluster.custom_tags or {}):
            cluster_id = cluster.cluster_id
            yield ManagedResource(
                "cluster", str(cluster.cluster_name), partial(client.clusters.permanent_delete, cluster_id)
            )


def _find_scopes(client: "WorkspaceClient") -> Iterator[ManagedResource]:
    for scope in client.secrets.list_scopes():
        name = str(scope.name)
        if SCOPE_MARK in {secret.key for secret in client.secrets.list_secrets(name)}:
            yield ManagedResource("secret scope", name, partial(client.secrets.delete_scope, name))


def _find_model(model: str) -> Iterator[ManagedResource]:
    """Yield the registered model with all its versions, if the model exists."""
    from mlflow import MlflowClient  # takes two seconds to import
    from mlflow.exceptions import MlflowException

    if not model:
        return
    registry = MlflowClient(registry_uri="databricks-uc")
    try:
        registry.get_registered_model(model)
    except MlflowException:
        return
    yield ManagedResource("registered model", model, partial(registry.delete_registered_model, model))
