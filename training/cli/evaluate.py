"""Define the command that evaluates versions and profiles."""

import json
from pathlib import Path

import click

from model.errors import CommandError
from model.profile import Profile

from ..evaluation.dataset import Example, parse_line, read_dataset
from ..evaluation.statistics import Estimate
from ..progress import show_progress
from .options import JUDGES, PROFILE


@click.command()
@click.argument("uri", required=False)
@click.option("--evaluation", type=click.Path(path_type=Path), help="Evaluation file: SQuAD, or JSON lines.")
@click.option("--from-traces", is_flag=True, help="Use questions that people judged; add them to --evaluation.")
@PROFILE
@click.option(
    "--beside",
    multiple=True,
    help="Profile whose search is also measured for comparison, if usable.",
)
@JUDGES
def evaluate(
    uri: str | None,
    evaluation: Path | None,
    from_traces: bool,
    profile: str,
    beside: tuple[str, ...],
    judges: str,
) -> None:
    """Evaluate the version at URI on an evaluation file; without URI, evaluate a profile on a SQuAD file's paragraphs.

    Each metric has a 95 % interval. A version's metrics, examples and pictures are stored in MLflow. Each JSON line is
    an object with question, answer (empty when the documents do not contain the answer), source, expected_response
    for judges, and prompt for pictures.
    """
    from ..evaluation import mlflow_run as evaluate  # MLflow takes two seconds to import

    name, examples = ("judged questions", _read_feedback(evaluation)) if from_traces else ("", [])
    if evaluation and (uri or not from_traces):
        name, examples = evaluation.name, read_dataset(evaluation).examples
    if not name:
        raise click.UsageError("give --evaluation FILE, --from-traces, or both")
    if uri:
        with show_progress("Asking") as asking:
            _print_table(evaluate.evaluate_version(uri, name, examples, judges, asking))
    elif evaluation and not from_traces:
        for table in evaluate.evaluate_profile(
            Profile.read(profile), evaluation, [Profile.read(name) for name in beside]
        ):
            _print_table(table)


def _read_feedback(file: Path | None) -> list[Example]:
    """Return the examples of the judged questions, and append the new ones to ``file``, if given.

    Raises:
        CommandError: No judged question can be used as an example, or the name of ``file`` does not end in ``.jsonl``.
    """
    from ..evaluation.human_feedback import append_lines, collect_feedback

    feedback = collect_feedback()
    lines = [json.dumps(line) for line in feedback.lines.values()]
    click.echo(f"Made {len(lines)} examples from judged questions", nl=False)
    click.echo(f", {append_lines(file, feedback.lines)} of them new in {file.absolute()}" if file else "")
    if feedback.without_expectation:
        click.echo(
            f"{feedback.without_expectation} answers are judged bad without the expected answer; state it with "
            "python -m serving ask --bad --expected"
        )
    if feedback.masked_count:
        click.echo(f"{feedback.masked_count} questions are masked in their traces, so they cannot become examples")
    if not lines:
        raise CommandError(
            "no judged question can be used as an example; judge an answer with python -m serving ask --good or --bad"
        )
    return [parse_line(line) for line in lines]


def _print_table(table: tuple[str, list[Estimate]]) -> None:
    click.echo(f"\n{table[0]}")
    for estimate in table[1]:
        click.echo(f"  {estimate.as_line}")
