"""Define the commands that build an index, log and register a version, and remove documents."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from model.contract import description
from model.profile import Profile
from model.profile_validation import validate_profile

from ..progress import show_progress
from .options import (
    INDEX,
    MAX_COST,
    NAME,
    PROFILE,
    SIGN,
    UPDATE,
    choose_documents,
    document_options,
    gate_options,
    is_sample,
)

if TYPE_CHECKING:
    from ..documents.load import LoadOptions


@click.command()
@PROFILE
@document_options
@UPDATE
@INDEX
@MAX_COST
@NAME
@SIGN
@gate_options
def run(
    profile: str,
    documents: tuple[str, ...],
    more_documents: tuple[str, ...],
    index: Path,
    max_cost: float | None,
    name: str,
    sign: Path | None,
    evaluation: Path | None,
    judges: str,
    force: str,
    loading: "LoadOptions",
    update: bool,
) -> None:
    """Run all steps from documents to a served version.

    Check the models, build the index, log, verify and register a version, and promote the version if it is no worse
    than the champion. The first failure stops the run.
    """
    from ..report import print_results
    from ..workflow import BuildOptions, PromotionOptions, run_all

    with (
        show_progress("Reading documents") as reading,
        show_progress("Embedding chunks") as progress,
        show_progress("Asking") as asking,
    ):
        paths = choose_documents(Profile.read(profile), documents, more_documents)
        options = BuildOptions(
            paths, index, update, max_cost, replace(loading, evaluation=evaluation, progress=reading), progress
        )
        promotion = PromotionOptions(evaluation, judges, force, asking, is_sample(paths))
        print_results(run_all(profile, options, name, promotion, sign))


@click.command()
@PROFILE
@document_options
@UPDATE
@INDEX
@MAX_COST
@click.option("--dry-run", is_flag=True, help="Print what would be embedded and at what cost; change nothing.")
def build(
    profile: str,
    documents: tuple[str, ...],
    more_documents: tuple[str, ...],
    index: Path,
    max_cost: float | None,
    dry_run: bool,
    loading: "LoadOptions",
    update: bool,
) -> None:
    """Build an index of documents.

    A profile whose index is in Databricks AI Search has no index to build; the index is described instead.
    """
    from ..indexing.estimate import estimate_build
    from ..report import print_estimate, print_remote_index, print_result
    from ..workflow import BuildOptions, build_or_describe

    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    with show_progress("Reading documents") as reading, show_progress("Embedding chunks") as progress:
        if dry_run and not loaded_profile.backend.is_local:
            print_remote_index(loaded_profile)
            return
        paths = choose_documents(loaded_profile, documents, more_documents)
        loading = replace(loading, progress=reading)
        if dry_run:
            print_estimate(estimate_build(loaded_profile, paths, index, update=update, load_options=loading))
        else:
            options = BuildOptions(paths, index, update, max_cost, loading, progress)
            print_result(build_or_describe(loaded_profile, options))


@click.command()
@PROFILE
@click.option("--mermaid", is_flag=True, help="Print only the diagram, as Mermaid.")
def describe(profile: str, mermaid: bool) -> None:
    """Print the pipeline of a profile: stages, fields, references and providers."""
    summary = description.describe_contract(validate_profile(Profile.read(profile)))
    if not mermaid:
        click.echo(summary["text"] + "\n\n* required, = the profile has a default\n")
    click.echo(summary["mermaid"])


@click.command()
@PROFILE
@INDEX
@SIGN
def log(profile: str, index: Path, sign: Path | None) -> None:
    """Log an index as an MLflow model, and print the model's URI. Checks the profile's models first."""
    from ..packaging.log_model import log_model
    from ..report import print_result, print_results
    from ..verification.token_measure import measure_tokens
    from ..versions.registry import check_store
    from ..workflow import check_profile_models, require_ready

    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    check_store()
    opened_index = loaded_profile.open_index(index)
    print_result(preflight := check_profile_models(loaded_profile, opened_index))
    print_results(measure_tokens(loaded_profile, opened_index))
    click.echo(log_model(profile, index, tags=require_ready(preflight), facts=loaded_profile.facts, signing_key=sign))


@click.command()
@PROFILE
@INDEX
def preflight(profile: str, index: Path) -> None:
    """Check the models of a profile: whether they are reachable and permitted, and when they end.

    Makes one tiny chat call and one tiny embedding call for each list of models, and generates no image. If the index
    exists, its embedding model is compared with the profile's.
    """
    from ..report import print_result
    from ..workflow import check_profile_models, require_ready

    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    opened_index = loaded_profile.open_index(index) if index.exists() else None
    print_result(preflight := check_profile_models(loaded_profile, opened_index, is_complete=True))
    require_ready(preflight)
    click.echo("Ready")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@PROFILE
@INDEX
@click.option(
    "--evaluation",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Evaluation file whose questions about the documents are removed, too.",
)
@NAME
@SIGN
def forget(
    sources: tuple[str, ...], profile: str, index: Path, evaluation: tuple[Path, ...], name: str, sign: Path | None
) -> None:
    """Remove documents from the index, the kept vectors and evaluation files, and promote a version without them.

    SOURCE is the name by which answers cite a document. Older versions that contain the documents are listed, and
    rollback refuses them.
    """
    from ..report import print_results
    from ..workflow import forget_everywhere

    with show_progress("Embedding chunks") as progress:
        print_results(forget_everywhere(profile, sources, index, evaluation, name, progress, sign))
    click.echo("The original documents were not deleted; a build from a location that contains them adds them again")
    click.echo("Answers of batches may quote them: run python -m serving batch --update again, or delete its outputs")
