"""``python -m serving workspace``: commands for an Azure Databricks workspace, its notebook cluster and its secrets."""

import os
from collections.abc import Callable
from typing import Any

import click

from ..errors import ServingError


def azure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that locate an Azure workspace: --subscription, --group and --workspace."""
    subscription = click.option(
        "--subscription",
        envvar="AZURE_SUBSCRIPTION_ID",
        help="Id of the Azure subscription. [env: AZURE_SUBSCRIPTION_ID]",
    )
    group = click.option("--group", default="multichain", show_default=True, help="Resource group.")
    name = click.option("--workspace", default="multichain", show_default=True, help="Name of the workspace.")
    return subscription(group(name(command)))


@click.group()
def workspace() -> None:
    """Create, inspect and delete an Azure Databricks workspace."""


@workspace.command()
@azure_options
@click.option("--location", default="westeurope", show_default=True, help="Azure region.")
@click.option(
    "--environment", default="dev", show_default=True, help="Value of the tag multichain; also names the secret scope."
)
@click.option("--cluster", help="Create a cluster of this name for notebooks.")
@click.option(
    "--terminate-after",
    default=30,
    show_default=True,
    type=click.IntRange(10, 10_000),
    help="Minutes without use after which the cluster terminates.",
)
@click.option(
    "--secret",
    multiple=True,
    metavar="VARIABLE",
    help="Store the value of this environment variable in the secret scope.",
)
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
    """Create the resource group and a premium workspace unless they exist, then the cluster and the secrets."""
    from ..endpoint import connection
    from ..workspace import contents

    missing = [name for name in secret if not os.environ.get(name)]
    if missing:
        raise ServingError(
            f"environment variable not set: {', '.join(missing)}; export the variables that --secret names"
        )
    host = azure_workspace_at(subscription, group, workspace).create(location, environment, click.echo)
    click.echo(f"The workspace is ready; next: export DATABRICKS_HOST={host}")
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
    """Show the state of the resource group and of the workspace."""
    for line in azure_workspace_at(subscription, group, workspace).status():
        click.echo(line)


@workspace.command()
@azure_options
@click.option("--yes", is_flag=True, help="Remove without confirmation.")
def delete(subscription: str | None, group: str, workspace: str, yes: bool) -> None:
    """Delete the workspace and the resource group, if this project created them."""
    azure_workspace = azure_workspace_at(subscription, group, workspace)
    for line in azure_workspace.status():
        click.echo(line)
    if (
        not yes
        and click.prompt(f"Type {workspace} to remove the resources that this project created", default="") != workspace
    ):
        raise ServingError("not confirmed, so nothing was removed")
    azure_workspace.delete(click.echo)


def azure_workspace_at(subscription: str | None, group: str, workspace: str) -> Any:  # imported inside, for the extra
    """Return the AzureWorkspace that the options locate.

    Args:
        subscription: Id of the Azure subscription; None when neither the option nor the variable is given.
        group: Name of the resource group.
        workspace: Name of the workspace.

    Raises:
        ServingError: The subscription is missing.
    """
    from ..workspace.azure_workspace import AzureWorkspace

    if not subscription:
        raise ServingError("the subscription is missing; give --subscription, or set AZURE_SUBSCRIPTION_ID")
    return AzureWorkspace(subscription, group, workspace)
