"""The commands that ask a version, and serve one on this machine."""

import json
from pathlib import Path
from typing import Any

import click

from ..errors import ServingError

CHAMPION_URI = "models:/multichain@champion"


@click.command()
@click.argument("request_json", metavar="[JSON]", required=False)
@click.option("--question", help="A question for the stage qa.")
@click.option("--prompt", help="A prompt for the stage image_generation; may refer to {qa.answer}.")
@click.option(
    "--target",
    default=CHAMPION_URI,
    show_default=True,
    help="models:/NAME@ALIAS, a folder, http://HOST:PORT, or endpoints:/NAME.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("multichain.png"),
    show_default=True,
    help="Where a picture goes; its suffix becomes that of its format.",
)
@click.option("--json", "raw", is_flag=True, help="Print the whole response as JSON instead.")
@click.option("--good", metavar="WHY", help="Keep in MLflow that the answer is good, and why.")
@click.option("--bad", metavar="WHY", help="Keep in MLflow that it is bad, and why.")
@click.option("--expected", default="", metavar="ANSWER", help="With --bad: what it should have been.")
def ask(
    request_json: str | None,
    question: str | None,
    prompt: str | None,
    target: str,
    out: Path,
    raw: bool,
    good: str | None,
    bad: str | None,
    expected: str,
) -> None:
    """Send one request, as JSON or by --question and --prompt, and show the response.

    A judged answer becomes a row of an evaluation with python -m training evaluate --from-traces.
    """
    from ..local import client, display, feedback

    why = good if bad is None else bad
    if good is not None and bad is not None:
        raise click.UsageError("an answer is --good or --bad, not both")
    if expected and bad is None:
        raise click.UsageError("--expected goes with --bad")
    if why is not None:
        feedback.enable_tracing()
    request = _build_request(request_json, question, prompt)
    response = client.open_target(target).ask(request)
    if raw:
        click.echo(json.dumps(response, ensure_ascii=False))
    else:
        for line in display.format_response(response, out):
            click.echo(line)
    if why is not None:
        feedback.record_feedback(response["meta"]["trace_id"], why, expected, good=bad is None)
        click.echo(f"Kept that it is {'good' if bad is None else 'bad'}, at the trace {response['meta']['trace_id']}")
    if display.has_failed(response):
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--target", default=CHAMPION_URI, show_default=True, help="The version to serve.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--stream", is_flag=True, help="Serve /stream too: server-sent events while a request is answered.")
def up(target: str, host: str, port: int, stream: bool) -> None:
    """Serve a version over REST on this machine, as MLflow does."""
    from ..local.server import serve

    serve(target, host, port, stream=stream)


def _build_request(request_json: str | None, question: str | None, prompt: str | None) -> dict[str, Any]:
    if request_json is not None:
        if question or prompt:
            raise click.UsageError("give the request as JSON, or by --question and --prompt, not both")
        try:
            request = json.loads(request_json)
        except ValueError as error:
            raise ServingError(f"the request is not JSON ({error}); put it in single quotes") from None
        if not isinstance(request, dict):
            raise ServingError('the request is not a JSON object such as {"qa": {"question": "…"}}')
        return request
    request = {"qa": {"question": question}} if question is not None else {}
    if prompt is not None:
        request["image_generation"] = {"prompt": prompt}
    if not request:
        raise click.UsageError("give a request: JSON, --question or --prompt")
    return request
