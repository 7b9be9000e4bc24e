"""The commands for an endpoint of Databricks Model Serving: deploy, status, smoke and teardown."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import click

from commandline.options import SIGNED

from ..errors import ServingError
from .workspace import azure_options, azure_workspace_at

_ENDPOINT_OPTION = click.option("--endpoint", help="Name of the endpoint. [default: the last part of the model's name]")
_NOTHING_LEFT = "no billable resource of this project is left"
_NAME_OPTION = click.option(
    "--name", default="multichain", show_default=True, help="Registered model, as CATALOG.SCHEMA.MODEL."
)


def size_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that determine the workload size: --requests-per-second and --seconds."""
    rate = click.option(
        "--requests-per-second",
        "rate",
        default=1.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        help="Expected load.",
    )
    seconds = click.option(
        "--seconds",
        default=4.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        help="Duration of one request; a request of 20 s occupies a unit of concurrency for 20 s.",
    )
    return rate(seconds(command))


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the settings of an endpoint: variables, tags, tables, limits and routing."""
    secret = click.option(
        "--secret", multiple=True, metavar="NAME=SCOPE/KEY", help="Environment variable with the value of a secret."
    )
    plain = click.option(
        "--set",
        "plain",
        multiple=True,
        metavar="NAME=VALUE",
        help="Environment variable with a value that everyone who sees the endpoint can read.",
    )
    environment = click.option(
        "--environment",
        default="prod",
        show_default=True,
        help="Value of the tag multichain; with dev, the endpoint scales to zero.",
    )
    tables = click.option(
        "--tables",
        default="",
        metavar="CATALOG.SCHEMA",
        help="Schema for the inference table and the telemetry tables.",
    )
    limit = click.option(
        "--calls-per-minute",
        default=0,
        type=click.IntRange(min=0),
        help="Rate limit of the endpoint; 0 means no limit.",
    )
    policy = click.option("--budget-policy", default="", help="Id of a budget policy.")
    tag = click.option(
        "--tag", multiple=True, metavar="NAME=VALUE", help="Further tag of the endpoint, which appears on the bill."
    )
    routed = click.option(
        "--route-optimized/--no-route-optimized",
        default=True,
        show_default=True,
        help="Route optimisation; takes effect only when the endpoint is created.",
    )
    for option in (secret, plain, environment, tables, limit, policy, tag, routed):
        command = option(command)
    return command


@click.command()
@_NAME_OPTION
@click.option("--alias", default="champion", show_default=True, help="Alias of the version to deploy.")
@_ENDPOINT_OPTION
@size_options
@setting_options
@click.option(
    "--golden", type=click.Path(path_type=Path), help="JSON Lines file with questions that the version must answer."
)
@click.option(
    "--watch",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to check the version under traffic.",
)
@SIGNED
@click.option("--app", "with_app", is_flag=True, help="Also deploy the Databricks App mcp-multichain: a page, and MCP.")
@click.option("--plan", "planned", is_flag=True, help="Print the changes, and make none.")
def deploy(
    name: str,
    alias: str,
    endpoint: str | None,
    golden: Path | None,
    watch: float,
    signed: Path | None,
    with_app: bool,
    planned: bool,
    **options: Any,
) -> None:
    """Deploy the version behind an alias to an endpoint on Databricks.

    A version of which a file was changed since it was logged is not deployed. The endpoint is created or updated. On
    an update, the new version is added without traffic, has to answer its own example and the golden questions,
    receives all traffic and is checked for --watch seconds; if an answer is wrong, the previous version keeps or
    regains the traffic. Run the command again to continue an interrupted deployment.
    """
    from ..endpoint import connection, invocation, rollout_plan
    from ..endpoint.rollout import EndpointRollout
    from ..endpoint.updates import EndpointUpdater
    from ..workspace.databricks_app import APP_NAME, deploy_app

    client = connection.connect_workspace()
    spec = _build_spec(name, alias, endpoint or name.rpartition(".")[2], options)
    updater = EndpointUpdater(client, spec, click.echo)
    questions = invocation.read_golden_questions(golden)
    with connection.translate_errors("reading the current user"):
        warning = rollout_plan.warn_about_creator(client)
    if warning:
        click.echo(f"WARN  {warning}")
    if planned:
        for line in rollout_plan.describe_plan(updater):
            click.echo(line)
        if with_app:
            click.echo(f"Create or update the App {APP_NAME}, which asks {spec.name}")
        return
    _check_files(name, spec.version, signed)
    EndpointRollout(updater, questions, watch).run()
    if with_app:
        click.echo(f"The App {APP_NAME} answers:\n{deploy_app(client, spec.name, click.echo)}")


@click.command()
@_NAME_OPTION
@_ENDPOINT_OPTION
def status(name: str, endpoint: str | None) -> None:
    """Show the state of an endpoint, with its versions, a change in progress and the last errors; and of the App."""
    from ..endpoint import connection
    from ..endpoint.state import describe_endpoint
    from ..workspace.databricks_app import describe_app

    client = connection.connect_workspace()
    for line in chain(describe_endpoint(client, endpoint or name.rpartition(".")[2]), describe_app(client)):
        click.echo(line)


@click.command()
@click.option("--name", required=True, help="Registered model for this test alone, as CATALOG.SCHEMA.MODEL.")
@click.option("--endpoint", default="multichain-smoke", show_default=True, help="Endpoint for this test alone.")
@click.option("--profile", default="offline", show_default=True, help="Profile of the version.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("smoke.md"), show_default=True, help="File for the report."
)
def smoke(name: str, endpoint: str, profile: str, out: Path) -> None:
    """Run a smoke test in a workspace, and write a report.

    The steps are train, deploy, ask and tear down. They take about ten minutes.
    """
    from ..workspace.smoke_test import run_smoke_test

    run_smoke_test(name, endpoint, profile, out, click.echo)


@click.command()
@click.option("--model", default="", metavar="NAME", help="Also remove this registered model with all its versions.")
@click.option("--everything", is_flag=True, help="Also remove the Azure workspace and its resource group.")
@azure_options
@click.option("--yes", is_flag=True, help="Remove without confirmation.")
def teardown(
    model: str,
    everything: bool,
    subscription: str | None,
    group: str,
    workspace: str,
    yes: bool,
) -> None:
    """Remove the resources of this project from the workspace, and check that none is left.

    The resources are endpoints, jobs and clusters with the project's tag, and secret scopes that the project created.
    Clusters are deleted permanently. Run the command again after an interruption.
    """
    from ..endpoint import connection
    from ..workspace.teardown import find_resources, remove_resources

    azure = azure_workspace_at(subscription, group, workspace) if everything else None
    if azure and not azure.exists():  # deleted by an earlier run; the resource group may be left
        azure.delete(click.echo)
        click.echo(f"The workspace {workspace} does not exist: {_NOTHING_LEFT}")
        return
    client = connection.connect_workspace()
    resources = find_resources(client, model)
    for line in azure.status() if azure else ():
        click.echo(f"  {line}")
    for resource in resources:
        click.echo(f"  {resource.in_words}")
    host = str(client.config.host)
    if (resources or azure) and not yes and click.prompt(f"Type {host} to remove these resources", default="") != host:
        raise ServingError("not confirmed, so nothing was removed")
    remove_resources(resources, click.echo)
    remaining = find_resources(client, model)
    if any(resource.is_billable for resource in remaining):
        names = ", ".join(resource.in_words for resource in remaining)
        raise ServingError(f"not removed: {names}; run the command again")
    if azure:
        azure.delete(click.echo)
    click.echo(f"Left: {remaining[0].in_words}" if remaining else f"Checked {host}: {_NOTHING_LEFT}")


def _check_files(name: str, version: str, public_key: Path | None) -> None:
    """Check that a version in Unity Catalog is what was logged.

    Raises:
        ServingError: The files of the version cannot be read.
        CommandError: A file was changed, or the signature is missing or wrong.
    """
    import mlflow  # the import takes two seconds
    from mlflow.exceptions import MlflowException

    from commandline.saved_version import require_unchanged
    from commandline.scratch import open_scratch_folder

    with open_scratch_folder("deploy") as folder:
        (folder / "version").mkdir()
        try:
            files = mlflow.artifacts.download_artifacts(
                f"models:/{name}/{version}", dst_path=str(folder / "version"), registry_uri="databricks-uc"
            )
        except (MlflowException, OSError) as error:
            raise ServingError(
                f"cannot read the files of version {version} of {name}, which are checked before they are deployed: "
                f"{str(error).splitlines()[0]}"
            ) from None
        require_unchanged(Path(files), public_key)


def _build_spec(model: str, alias: str, endpoint: str, options: dict[str, Any]) -> Any:
    """Return the EndpointSpec of the options, or raise ServingError when the alias does not exist."""
    from mlflow import MlflowClient  # the import takes two seconds
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
