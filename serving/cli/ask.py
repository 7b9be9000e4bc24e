"""The command ``ask``: send a request to a version."""

import json
from pathlib import Path
from typing import Any

import click

from ..errors import ServingError

CHAMPION_URI = "models:/multichain@champion"


@click.command()
@click.argument("request_json", metavar="[JSON]", required=False)
@click.option("--question", help="Question for the stage qa.")
@click.option("--prompt", help="Prompt for the stage image_generation; may contain the reference {qa.answer}.")
@click.option(
    "--target",
    default=CHAMPION_URI,
    show_default=True,
    help="Where the request goes: models:/NAME@ALIAS, a folder, http://HOST:PORT, or endpoints:/NAME.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("multichain.png"),
    show_default=True,
    help="File for the picture; the suffix is replaced by that of the image format.",
)
@click.option("--json", "raw", is_flag=True, help="Print the whole response as JSON, and write no picture.")
@click.option("--good", metavar="WHY", help="Record in MLflow that the answer is good, with the reason.")
@click.option("--bad", metavar="WHY", help="Record in MLflow that the answer is bad, with the reason.")
@click.option("--expected", default="", metavar="ANSWER", help="With --bad: the expected answer.")
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
    """Send one request, as JSON or by --question and --prompt, and print the response.

    With python -m training evaluate --from-traces, answers that are marked by --good or --bad become
    examples of an evaluation.
    """
    from ..local import display, feedback
    from ..targets import open_target

    rationale = good if bad is None else bad
    if good is not None and bad is not None:
        raise click.UsageError("--good and --bad exclude each other; give one of them, not both")
    if expected and bad is None:
        raise click.UsageError("--expected needs --bad")
    if rationale is not None:
        feedback.enable_tracing()
    request = _build_request(request_json, question, prompt)
    response = open_target(target).ask(request)
    if raw:
        click.echo(json.dumps(response, ensure_ascii=False))
    else:
        for line in display.format_response(response, out):
            click.echo(line)
    if rationale is not None:
        feedback.record_feedback(response["meta"]["trace_id"], rationale, expected, good=bad is None)
        assessment = "good" if bad is None else "bad"
        click.echo(f"Recorded the answer as {assessment} in the trace {response['meta']['trace_id']}")
    if display.has_failed(response):
        raise click.exceptions.Exit(1)


def _build_request(request_json: str | None, question: str | None, prompt: str | None) -> dict[str, Any]:
    """Return the request of ``ask``, from JSON or from a question and a prompt."""
    if request_json is not None:
        if question or prompt:
            raise click.UsageError("the request is either JSON or --question and --prompt, not both")
        try:
            request = json.loads(request_json)
        except ValueError as error:
            raise ServingError(f"the request is not JSON ({error}); put the JSON in single quotes") from None
        if not isinstance(request, dict):
            raise ServingError('the request is not a JSON object such as {"qa": {"question": "…"}}')
        return request
    request = {"qa": {"question": question}} if question is not None else {}
    if prompt is not None:
        request["image_generation"] = {"prompt": prompt}
    if not request:
        raise click.UsageError("the request is missing; give JSON, --question or --prompt")
    return request
