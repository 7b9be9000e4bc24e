"""``python -m serving workspace``: an Azure Databricks workspace, a cluster for notebooks, and secrets."""

import os
from collections.abc import Callable
from typing import Any

import click

from ..errors import ServingError


def azure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes where the workspace is."""
    subscription = click.option("--subscription", envvar="AZURE_SUBSCRIPTION_ID", help="[env: AZURE_SUBSCRIPTION_ID]")
    group = click.option("--group", default="multichain", show_default=True, help="The resource group.")
    name = click.option("--workspace", default="multichain", show_default=True, help="The workspace's name.")
    return subscription(group(name(command)))


@click.group()
def workspace() -> None:
    """Make, look at and remove an Azure Databricks workspace."""


@workspace.command()
@azure_options
@click.option("--location", default="westeurope", show_default=True, help="Azure's region.")
@click.option("--environment", default="dev", show_default=True, help="The tag's value.")
@click.option("--cluster", help="Make a cluster of this name for notebooks.")
@click.option(
    "--terminate-after", default=30, show_default=True, type=click.IntRange(10, 10_000), help="Minutes unused."
)
@click.option("--secret", multiple=True, metavar="VARIABLE", help="Put this variable's value into the secret scope.")
def create(
    subscription: str | None,
    group: str,
    workspace: str,
    location: str,
    environment: str,
    cluster: str | None,
    terminate_after: int,
    secret: tuple[str, ...],
) -> None:
    """Make the resource group and a premium workspace, where they are not there, and what is in it."""
    from ..endpoint import connection
    from ..workspace import contents

    missing = [name for name in secret if not os.environ.get(name)]
    if missing:
        raise ServingError(f"{', '.join(missing)} is not set here, so there is no secret to put")
    host = azure_workspace_at(subscription, group, workspace).create(location, environment, click.echo)
    click.echo(f"The workspace is there; next: export DATABRICKS_HOST={host}")
    if not (cluster or secret):
        return
    client = connection.connect_workspace(host)
    if cluster:
        click.echo(contents.create_cluster(client, cluster, terminate_after, environment))
    if secret:
        click.echo(contents.put_secrets(client, f"multichain-{environment}", secret))


@workspace.command()
@azure_options
def status(subscription: str | None, group: str, workspace: str) -> None:
    """Show the resource group and the workspace."""
    for line in azure_workspace_at(subscription, group, workspace).status():
        click.echo(line)


@workspace.command()
@azure_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(subscription: str | None, group: str, workspace: str, yes: bool) -> None:
    """Remove the workspace and the resource group, as far as this project made them."""
    azure_workspace = azure_workspace_at(subscription, group, workspace)
    for line in azure_workspace.status():
        click.echo(line)
    if not yes and click.prompt(f"Type {workspace} to remove what this project made", default="") != workspace:
        raise ServingError("nothing was removed")
    azure_workspace.delete(click.echo)


def azure_workspace_at(subscription: str | None, group: str, workspace: str) -> Any:  # Azure
    """The place. Raises ServingError without a subscription."""
    from ..workspace.azure_workspace import AzureWorkspace

    if not subscription:
        raise ServingError("which subscription? give --subscription, or set AZURE_SUBSCRIPTION_ID")
    return AzureWorkspace(subscription, group, workspace)
