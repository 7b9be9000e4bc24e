"""Each result of the workflow is printed in exact lines."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from model.blocks import make_fields, make_paragraph
from model.profile import Profile
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.manifest import Manifest
from model.runtime.usage import Usage
from training import report, step_results
from training.documents.document import Document
from training.documents.load import LoadResult, SkippedDocument
from training.forget import RemovalCounts
from training.indexing.build import BuildResult
from training.indexing.estimate import BuildEstimate
from training.indexing.index_update import DocumentDiff
from training.promotion.gate import Comparison, Verdict
from training.promotion.promote import Decision
from training.verification.preflight import PreflightFinding, PreflightReport

ADDED = DocumentDiff(new=("b.txt",), changed=(), removed=(), unchanged=("a.txt",))
SAME = DocumentDiff(new=(), changed=(), removed=(), unchanged=("a.txt", "b.txt"))
DOCUMENTS = [
    Document("a.txt", (make_paragraph("A"),), page=1),
    Document("a.txt", (make_paragraph("B"), make_fields([("n", "1")])), page=2),
    Document("b.txt", (make_paragraph("C"),)),
]
WORSE = Comparison("recall", 0.5, 0.75, -0.5, 0.125, 8, "worse")
WORSE_LINE = "worse   recall                    0.5 against      0.75   difference [-0.5000, +0.1250]   n=8"


def read_lines(capsys: pytest.CaptureFixture[str], *results: Any) -> list[str]:
    """Return the lines that are printed for the results."""
    report.print_results(results)
    return capsys.readouterr().out.splitlines()


def make_build(usage: Usage | None = None, *skipped: SkippedDocument, **settings: Any) -> BuildResult:
    """Return the result of a build of two documents and three chunks."""
    manifest = Manifest({}, 3, 2048, {}, {}, "english", {}, {})
    loaded = LoadResult(DOCUMENTS, [*skipped], [], Counter({"text": 2}))
    return BuildResult(Path("/data/index"), loaded, manifest, usage or Usage(), 1.26, **settings)


def make_estimate(cost: float | None, **settings: Any) -> BuildEstimate:
    """Return the estimate of a build of two documents and three chunks."""
    skipped = [SkippedDocument("c.pdf", "it is damaged")]
    return BuildEstimate(
        LoadResult(DOCUMENTS, skipped, [], Counter({"text": 2})),
        3,
        "openai:ada",
        1200,
        34567,
        cost,
        settings.pop("changes", None),
        **settings,
    )


def make_promotion(
    verdict: Verdict, champion: str, against: str = "", force_reason: str = ""
) -> step_results.Promotion:
    return step_results.Promotion(Decision(verdict, against), "bot", champion, force_reason)


def test_result_of_an_unknown_kind_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match=r"^int$"):
        report.print_result(3)


def test_results_are_printed_before_a_later_step_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def run_steps() -> Any:
        yield step_results.LoggedModel("models:/m-1")
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        report.print_results(run_steps())
    assert capsys.readouterr().out == "Logged the model models:/m-1\n"


@pytest.mark.parametrize(
    ("is_complete", "lines"),
    [
        (False, ["warn  m ends soon", "fail  x has ended"]),
        (True, ["ok    c answers", "warn  m ends soon", "fail  x has ended"]),
    ],
)
def test_findings_that_are_in_order_are_printed_on_request(
    is_complete: bool, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [
        PreflightFinding("ok", "c answers"),
        PreflightFinding("warn", "m ends soon"),
        PreflightFinding("fail", "x has ended"),
    ]
    assert read_lines(capsys, step_results.Preflight(PreflightReport(findings), is_complete)) == lines


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (
            step_results.DescribedIndex(RemoteIndex({"name": "c.s.i"}, "e", False, 12345, {}), Path("/data/index")),
            ["Described the AI Search index c.s.i of 12,345 rows:", "/data/index"],
        ),
        (
            step_results.Registration("bot", "7", "sqlite:///a.db"),
            ["Registered version 7 of bot in sqlite:///a.db"],
        ),
        (
            RemovalCounts(1234, 2345, 3456),
            ["Removed 1,234 chunks of the index, 2,345 kept vectors and 3,456 questions"],
        ),
        (
            step_results.RemainingVersion("bot", "2", ("a.txt", "b.txt")),
            [
                "Version 2 of bot still contains a.txt, b.txt; delete the version if they must be removed there, too",
            ],
        ),
        (step_results.StepTimer({"build": 1.25, "gate": 12.06}), ["Steps: build 1.2 s, gate 12.1 s"]),
    ],
)
def test_result_is_printed_in_words(result: Any, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert read_lines(capsys, result) == lines


def test_verification_is_printed_as_its_process_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_result(step_results.Verification("ok    a\nfail  b"))
    assert capsys.readouterr().out == "ok    a\nfail  b"


def test_refused_promotion_prints_comparisons_and_weakness_only(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = Verdict(False, ("less recall",), (WORSE,), "too few examples")
    lines = read_lines(capsys, make_promotion(refusal, "", "3"))
    assert lines == [WORSE_LINE, "Note: too few examples"]


def test_promotion_prints_version_reasons_and_alias(capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(capsys, make_promotion(Verdict(True, ("better", "cheaper")), "4", "3"))
    assert lines == [
        "Promoted version 4 of bot against version 3: better; cheaper",
        "The alias champion points at this version: models:/bot@champion",
    ]


def test_first_promotion_names_no_other_version(capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(capsys, make_promotion(Verdict(True, ("no floor is missed",)), "1"))
    assert lines[0] == "Promoted version 1 of bot: no floor is missed"


def test_forced_promotion_prints_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(capsys, make_promotion(Verdict(False, ("less recall",), (WORSE,)), "4", "3", "urgent"))
    assert lines == [
        WORSE_LINE,
        "Promoted version 4 of bot against version 3: less recall",
        "The promotion was forced: urgent",
        "The alias champion points at this version: models:/bot@champion",
    ]


def test_reason_is_not_printed_when_no_force_was_needed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(capsys, make_promotion(Verdict(True, ("better",)), "4", "3", "urgent"))
    assert "The promotion was forced: urgent" not in lines


@pytest.mark.parametrize("settings", [{}, {"changes": ADDED}, {"changes": SAME}, {"is_written": False}])
def test_written_index_is_printed_with_counts_and_time(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_lines(capsys, make_build(**settings))[-2:] == [
        "Built an index of 2 documents, 3 chunks, 2048 dimensions, in 1.3 s:",
        "/data/index",
    ]


def test_unchanged_index_is_printed_as_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_lines(capsys, make_build(changes=SAME, is_written=False)) == [
        "Files         2 text",
        "Blocks        3 paragraph, 1 fields",
        "Documents: 0 new, 0 changed, 0 removed, 2 unchanged",
        "The index of 2 documents, 3 chunks is up to date; documents read in 1.3 s:",
        "/data/index",
    ]


def test_build_prints_skipped_documents_reason_and_changes_first(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = [SkippedDocument("c.pdf", "it is damaged"), SkippedDocument("d.txt", "it is empty")]
    build = make_build(None, *skipped, changes=ADDED, rebuild_reason="The whole index is rebuilt: no manifest")
    assert read_lines(capsys, build)[:7] == [
        "Skipped c.pdf: it is damaged",
        "Skipped d.txt: it is empty",
        "Files         2 text",
        "Blocks        3 paragraph, 1 fields",
        "Skipped       1 PDF, 1 text",
        "The whole index is rebuilt: no manifest",
        "Documents: 1 new, 0 changed, 0 removed, 1 unchanged",
    ]


def test_table_of_what_was_read_has_a_row_for_each_subject(capsys: pytest.CaptureFixture[str]) -> None:
    build = make_build(None, SkippedDocument("a/b.exe", "unknown"), SkippedDocument("a/Makefile", "unknown"))
    loaded = build.load_result
    loaded.languages.update({"english": 1200, "german": 3})
    loaded.scanned_pages, loaded.copies, loaded.similar = 7, 2, 1
    assert read_lines(capsys, build)[2:8] == [
        "Files         2 text",
        "Blocks        3 paragraph, 1 fields",
        "Languages     1,200 english, 3 german",
        "Scanned pages 7",
        "Passages      2 in several documents, 1 nearly the same as another",
        "Skipped       1 .exe, 1 other",
    ]


@pytest.mark.parametrize(
    ("usage", "lines"),
    [
        (Usage(), []),
        (Usage(1234, cost=0.0000125), ["Embedded 1,234 tokens for $0.000013"]),
        (Usage(1234, cost=0.5, cost_known=False), ["Embedded 1,234 tokens at an unknown cost"]),
        (Usage(cost_known=False), ["Embedded 0 tokens at an unknown cost"]),
    ],
)
def test_tokens_are_printed_when_something_was_embedded(
    usage: Usage, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_lines(capsys, make_build(usage))[4:] == lines


@pytest.mark.parametrize(
    ("cost", "words"),
    [(None, "at an unknown cost"), (0.0, "at no cost"), (0.00000125, "for about $0.0000013")],
)
def test_estimate_prints_counts_model_and_cost(
    cost: float | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report.print_estimate(make_estimate(cost, changes=ADDED, rebuild_reason="The whole index is rebuilt: damaged"))
    assert capsys.readouterr().out.splitlines() == [
        "Skipped c.pdf: it is damaged",
        "Files         2 text",
        "Blocks        3 paragraph, 1 fields",
        "Skipped       1 PDF",
        "The whole index is rebuilt: damaged",
        "Documents: 1 new, 0 changed, 0 removed, 1 unchanged",
        "Would build an index of 2 documents, 3 chunks",
        f"Would embed 1,200 texts, about 34,567 tokens, with openai:ada {words}",
    ]


def test_remote_index_is_printed_with_its_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], profile: Profile
) -> None:
    index = RemoteIndex({"name": "c.s.i"}, "e", False, 12345, {})
    monkeypatch.setattr("training.indexing.ai_search.inspect_index", lambda _profile: index)
    report.print_remote_index(profile)
    assert capsys.readouterr().out == ("Would describe the AI Search index c.s.i of 12,345 rows; nothing is embedded\n")
