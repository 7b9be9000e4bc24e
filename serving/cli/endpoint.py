"""The commands about an endpoint of Databricks Model Serving: deploy, status, teardown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import ServingError
from .workspace import azure_options, azure_workspace_at

_ENDPOINT_OPTION = click.option("--endpoint", help="The endpoint. [default: the last part of the model's name]")
_NOTHING_LEFT = "nothing billable is left of what this project made"
_NAME_OPTION = click.option(
    "--name", default="multichain", show_default=True, help="The registered model, of three levels."
)


def size_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes how large it has to be."""
    rate = click.option(
        "--requests-per-second", "rate", default=1.0, show_default=True, type=click.FloatRange(min=0, min_open=True)
    )
    seconds = click.option(
        "--seconds",
        default=4.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        help="How long a request takes; an image of 20 s holds a unit for 20 s.",
    )
    return rate(seconds(command))


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes what it is set to."""
    secret = click.option("--secret", multiple=True, metavar="NAME=SCOPE/KEY", help="A variable from a secret scope.")
    plain = click.option("--set", "plain", multiple=True, metavar="NAME=VALUE", help="A variable that all may see.")
    environment = click.option(
        "--environment", default="prod", show_default=True, help="A tag; an endpoint of dev scales to zero."
    )
    tables = click.option(
        "--tables",
        default="",
        metavar="CATALOG.SCHEMA",
        help="Keep requests and logs in tables there.",
    )
    limit = click.option("--calls-per-minute", default=0, type=click.IntRange(min=0), help="The most; 0 is no limit.")
    policy = click.option("--budget-policy", default="", help="The id of a budget policy.")
    tag = click.option("--tag", multiple=True, metavar="NAME=VALUE", help="A further tag, which goes to the bill.")
    routed = click.option("--route-optimized/--no-route-optimized", default=True, show_default=True)
    for option in (secret, plain, environment, tables, limit, policy, tag, routed):
        command = option(command)
    return command


@click.command()
@_NAME_OPTION
@click.option("--alias", default="champion", show_default=True, help="Which version.")
@_ENDPOINT_OPTION
@size_options
@setting_options
@click.option("--golden", type=click.Path(path_type=Path), help="JSON lines with questions that it has to answer.")
@click.option("--watch", default=60.0, show_default=True, type=click.FloatRange(min=0), help="Seconds under traffic.")
@click.option("--plan", "planned", is_flag=True, help="Say what would be done, and do nothing.")
def deploy(
    name: str,
    alias: str,
    endpoint: str | None,
    golden: Path | None,
    watch: float,
    planned: bool,
    **options: Any,
) -> None:
    """Serve the version behind an alias on Databricks: created or updated, tried, and taken back if it goes wrong.

    The new version stands beside the old one without traffic, answers the example and the golden questions, gets all
    traffic and is watched. An interrupted deployment is gone on with when it is run again.
    """
    from ..endpoint import connection, invocation, rollout_plan
    from ..endpoint.rollout import EndpointRollout
    from ..endpoint.updates import EndpointUpdater

    client = connection.connect_workspace()
    changes = EndpointUpdater(
        client, _build_spec(name, alias, endpoint or name.rpartition(".")[2], options), click.echo
    )
    questions = invocation.read_golden_questions(golden)
    with connection.translate_errors("looking who you are"):
        warning = rollout_plan.warn_about_creator(client)
    if warning:
        click.echo(f"WARN  {warning}")
    if planned:
        for line in rollout_plan.describe_plan(changes):
            click.echo(line)
    else:
        EndpointRollout(changes, questions, watch).run()


@click.command()
@_NAME_OPTION
@_ENDPOINT_OPTION
def status(name: str, endpoint: str | None) -> None:
    """Show an endpoint's state, versions with their traffic, a change under way, and its last errors."""
    from ..endpoint import connection
    from ..endpoint.state import describe_endpoint

    for line in describe_endpoint(connection.connect_workspace(), endpoint or name.rpartition(".")[2]):
        click.echo(line)


@click.command()
@click.option("--name", required=True, help="A registered model for this test alone, of three levels.")
@click.option("--endpoint", default="multichain-smoke", show_default=True, help="An endpoint for this test alone.")
@click.option("--profile", default="offline", show_default=True, help="Who answers.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("smoke.md"), show_default=True, help="The report.")
def smoke(name: str, endpoint: str, profile: str, out: Path) -> None:
    """Ten minutes against a workspace, from nothing to teardown: train, deploy, ask, remove; with a written report."""
    from ..workspace.smoke_test import run_smoke_test

    run_smoke_test(name, endpoint, profile, out, click.echo)


@click.command()
@click.option("--model", default="", metavar="NAME", help="Remove this registered model with all versions, too.")
@click.option("--everything", is_flag=True, help="The Azure workspace and its resource group, too.")
@azure_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def teardown(
    model: str,
    everything: bool,
    subscription: str | None,
    group: str,
    workspace: str,
    yes: bool,
) -> None:
    """Remove what this project made in the workspace, by its tag, and look again whether anything is left.

    Endpoints, jobs, clusters for good, secret scopes. Run it again when it was interrupted.
    """
    from ..endpoint import connection
    from ..workspace.teardown import find_resources, remove_resources

    azure = azure_workspace_at(subscription, group, workspace) if everything else None
    if azure and not azure.exists():  # it went at an earlier try
        azure.delete(click.echo)
        click.echo(f"The workspace {workspace} is gone: {_NOTHING_LEFT}")
        return
    client = connection.connect_workspace()
    resources = find_resources(client, model)
    for line in azure.status() if azure else ():
        click.echo(f"  {line}")
    for resource in resources:
        click.echo(f"  {resource.in_words}")
    host = str(client.config.host)
    if (resources or azure) and not yes and click.prompt(f"Type {host} to remove all of it", default="") != host:
        raise ServingError("nothing was removed")
    remove_resources(resources, click.echo)
    remaining = find_resources(client, model)
    if any(resource.is_billable for resource in remaining):
        raise ServingError(f"still there: {', '.join(resource.in_words for resource in remaining)}; run it again")
    if azure:
        azure.delete(click.echo)
    click.echo(f"Left: {remaining[0].in_words}" if remaining else f"Looked again in {host}: {_NOTHING_LEFT}")


def _build_spec(model: str, alias: str, endpoint: str, options: dict[str, Any]) -> Any:
    """What is to be served. Raises ServingError when the alias points at nothing."""
    from mlflow import MlflowClient  # two seconds
    from mlflow.exceptions import MlflowException

    from ..endpoint.spec import EndpointSpec, choose_size, parse_variables

    try:
        version = MlflowClient(registry_uri="databricks-uc").get_model_version_by_alias(model, alias).version
    except MlflowException as error:
        raise ServingError(f"cannot find {model}@{alias} in Unity Catalog: {error.message.splitlines()[0]}") from None
    return EndpointSpec(
        endpoint,
        model,
        str(version),
        choose_size(options["rate"], options["seconds"]),
        options["environment"],
        parse_variables(options["secret"], options["plain"]),
        options["route_optimized"],
        options["tables"],
        options["calls_per_minute"],
        options["budget_policy"],
        dict(word.partition("=")[::2] for word in options["tag"]),
    )
