"""Run the doors as a Databricks App: the page at ``/`` and MCP at ``/mcp``, for an endpoint.

An App whose name begins with ``mcp-`` is offered as an MCP server to agents in the workspace. The App asks the endpoint
with the rights of the user who calls, or with its own where a call brings no user's token.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..endpoint.connection import translate_errors
from ..errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

APP_NAME = "mcp-multichain"
ENDPOINT_RESOURCE = "endpoint"
"""Key of the App's resource, by which app.yaml refers to the endpoint."""
_DESCRIPTION = "Made by multichain: answers questions over documents and draws pictures; a page, and MCP at /mcp."
_MARK = "Made by multichain"
"""Beginning of the description of an App of this project, since Apps have no tags."""
_SCOPE = "serving.serving-endpoints"
"""What the App may do in a user's name: query endpoints."""
_ROOT = Path(__file__).parents[2]
_SOURCES = ("app.yaml", "requirements.txt", "commandline", "serving", "model/__init__.py", "model/errors.py")
_CONFIG_FOLDER = "model/config"
_SUFFIXES = {".py", ".yaml", ".txt", ".html", ".css", ".js", ".svg"}


def deploy_app(client: "WorkspaceClient", endpoint: str, report: Callable[[str], None]) -> str:
    """Create or update the App, upload its source, and start it.

    Args:
        client: The workspace.
        endpoint: The endpoint that the App asks.
        report: Receives a line for each step.

    Returns:
        The App's address.

    Raises:
        ServingError: An App of the same name was not made by this project, or the workspace refused a call.
    """
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service import apps

    resource = apps.AppResource(
        name=ENDPOINT_RESOURCE,
        serving_endpoint=apps.AppResourceServingEndpoint(
            name=endpoint, permission=apps.AppResourceServingEndpointServingEndpointPermission.CAN_QUERY
        ),
    )
    app = apps.App(name=APP_NAME, description=_DESCRIPTION, resources=[resource], user_api_scopes=[_SCOPE])
    with translate_errors(f"deploying the App {APP_NAME}"):
        try:
            existing = client.apps.get(APP_NAME)
        except NotFound:
            report(f"Creating the App {APP_NAME}; this takes some minutes")
            client.apps.create_and_wait(app)
        else:
            _require_owned(existing)
            client.apps.update(APP_NAME, app)
            if existing.compute_status and existing.compute_status.state == apps.ComputeState.STOPPED:
                client.apps.start_and_wait(APP_NAME)
        folder = f"/Workspace/Users/{client.current_user.me().user_name}/.{APP_NAME}"
        count = _upload_sources(client, folder)
        report(f"Uploaded {count} files to {folder}")
        deployment = apps.AppDeployment(source_code_path=folder, mode=apps.AppDeploymentMode.SNAPSHOT)
        client.apps.deploy_and_wait(APP_NAME, deployment)
        return str(client.apps.get(APP_NAME).url)


def describe_app(client: "WorkspaceClient") -> Iterator[str]:
    """Yield a line about the App; nothing when there is none.

    Args:
        client: The workspace.

    Raises:
        ServingError: The workspace refused a call.
    """
    from databricks.sdk.errors import NotFound

    with translate_errors(f"reading the App {APP_NAME}"):
        try:
            app = client.apps.get(APP_NAME)
        except NotFound:
            return
    state = app.app_status.state.value.lower() if app.app_status and app.app_status.state else "unknown"
    compute = app.compute_status.state.value.lower() if app.compute_status and app.compute_status.state else "unknown"
    ownership = "" if is_owned(app) else "; not created by this project"
    yield f"App {APP_NAME}: {state}, compute {compute}{ownership}, at {app.url}"


def is_owned(app: Any) -> bool:  # a class of the SDK
    """Return whether this project made an App."""
    return str(app.description or "").startswith(_MARK)


def list_sources() -> Iterator[Path]:
    """Yield the files that the App needs, relative to the project's folder."""
    for name in (*_SOURCES, _CONFIG_FOLDER):
        path = _ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file.relative_to(_ROOT) for file in files if file.is_file() and file.suffix in _SUFFIXES)


def _require_owned(app: Any) -> None:
    if not is_owned(app):
        raise ServingError(
            f"the App {APP_NAME} was not made by this project and is not changed; remove or rename it first"
        )


def _upload_sources(client: "WorkspaceClient", folder: str) -> int:
    """Upload the files that the App needs, and return their number."""
    from databricks.sdk.service.workspace import ImportFormat

    sources = list(list_sources())
    for parent in sorted({str(source.parent) for source in sources}):
        client.workspace.mkdirs(f"{folder}/{parent}".removesuffix("/."))
    for source in sources:
        content = (_ROOT / source).read_bytes()
        client.workspace.upload(f"{folder}/{source}", content, format=ImportFormat.AUTO, overwrite=True)
    return len(sources)
