"""Structures of documents that a prompt asks for, and the graphs that they become."""

import pytest

from model.blocks import BlockSpan
from model.diagram.from_text.concepts import build_graph
from model.diagram.from_text.structures import Entry, Structure, find_sections, find_structure
from model.diagram.graph import DiagramGraph, Layer
from model.passages import Chunk, Passage

STEPS = "1. Find the set.\n2. Ask the owner.\n3. Restore into a scratch area."
PARTS = "- clients\n  - notebooks\n  - dashboards\n- storage"
TABLE = "| Site | Opened | Staff |\n| --- | --- | --- |\n| Bristol | 1987 | 231 |\n| Kassel | 1999 | 138 |"
TIMES = "| Time | Event |\n| --- | --- |\n| 08:52 | First call |\n| 09:15 | Restart |\n| 13:27 | Queue empty |"
RECORD = "code: E17\nmeaning: Lid open\nremedy: Close the lid"


def make_passage(text: str, kind: str = "list", heading: str = "Restore one folder", language: str = "") -> Passage:
    blocks = (BlockSpan(kind, 0, len(text)),)  # type: ignore[arg-type]
    chunk = Chunk("it/a.md", "Backup", f"Backup > {heading}", 0, 0, len(text), text, (), blocks, language=language)
    return Passage(chunk, 1.0)


def list_labels(graph: DiagramGraph) -> list[str]:
    return [node.label for node in graph.nodes.values()]


def list_edges(graph: DiagramGraph) -> list[str]:
    return [f"{graph.nodes[e.source].label} | {e.label} | {graph.nodes[e.target].label}" for e in graph.edges]


@pytest.mark.parametrize("prompt", ["How do I restore a folder?", "A flow chart of restoring one folder"])
def test_procedure_becomes_a_flow_of_its_steps(prompt: str) -> None:
    graph = build_graph(prompt, [make_passage(STEPS)])
    assert (graph.style, graph.sources) == ("flow", ["it/a.md"])
    assert list_labels(graph) == ["Find the set", "Ask the owner", "Restore into a scratch area"]
    assert [node.step for node in graph.nodes.values()] == [1, 2, 3]
    assert list_edges(graph)[0] == "Find the set |  | Ask the owner"


def test_procedure_is_drawn_as_a_map_where_the_prompt_asks_for_one() -> None:
    graph = build_graph("A mind map of restoring a folder", [make_passage(STEPS)])
    assert graph.style == "map"
    assert list_edges(graph)[0] == "Restore one folder |  | Find the set"


def test_parts_become_layers_with_their_members() -> None:
    graph = build_graph("The layers of the lakehouse", [make_passage(PARTS, heading="Lakehouse")])
    assert graph.layers == [Layer("clients", ("0 0", "0 1")), Layer("", ("1 0",))]
    assert list_labels(graph) == ["Notebooks", "Dashboards", "Storage"]


def test_table_becomes_a_map_with_the_names_of_its_columns() -> None:
    graph = build_graph("The sites of the backup", [make_passage(TABLE, "table", "Sites")])
    assert list_edges(graph) == [
        "Sites |  | Bristol",
        "Sites |  | Kassel",
        "Bristol | Opened | 1987",
        "Kassel | Opened | 1999",
        "Bristol | Staff | 231",
        "Kassel | Staff | 138",
    ]


def test_table_of_times_becomes_a_flow() -> None:
    graph = build_graph("A timeline of the backup outage", [make_passage(TIMES, "table", "Outage")])
    assert list_labels(graph) == ["08:52: First call", "09:15: Restart", "13:27: Queue empty"]
    assert graph.style == "flow"


def test_record_becomes_a_map_with_the_names_of_its_fields() -> None:
    graph = build_graph("A diagram of the lid code E17", [make_passage(RECORD, "fields", "Errors")])
    assert list_edges(graph) == [
        "Errors | code | E17",
        "Errors | meaning | Lid open",
        "Errors | remedy | Close the lid",
    ]


@pytest.mark.parametrize("text", ["Path: question → search → answer", "question -> search -> answer"])
def test_line_of_arrows_becomes_a_chain(text: str) -> None:
    structure = find_structure("restore folder", [make_passage(text, "paragraph")], "")
    assert structure is not None
    assert [entry.label for entry in structure.entries][1:] == ["search", "answer"]
    assert structure.is_sequence


def test_sentences_are_steps_for_a_prompt_that_asks_what_to_do_alone() -> None:
    passage = make_passage("The fuse has blown. Replace it. Never bridge it.", "paragraph", "Display stays dark")
    graph = build_graph("What to do when the display stays dark", [passage])
    assert list_labels(graph) == ["The fuse has blown", "Replace it", "Never bridge it"]
    assert build_graph("The dark display", [passage]).style == "map"


def test_numbered_lines_under_a_line_without_a_mark_are_steps() -> None:
    steps = "Schritt 1: Gerät ausschalten.\nSchritt 2: Deckel lösen.\nSchritt 3: Batterie einsetzen."
    text = f"3. Batterie wechseln\n\n{steps}"
    passage = Passage(Chunk("a.txt", "", "", 0, 0, len(text), text, language="german"), 1.0)
    graph = build_graph("Ablauf: Batterie wechseln", [passage])
    assert list_labels(graph) == ["Gerät ausschalten", "Deckel lösen", "Batterie einsetzen"]


def test_structure_of_another_subject_is_not_drawn() -> None:
    graph = build_graph("A dragon in front of a castle", [make_passage(STEPS)])
    assert graph.sources == []
    assert "Dragon" in list_labels(graph)


def test_structure_with_the_most_words_is_chosen() -> None:
    passages = [make_passage(PARTS, heading="Folder"), make_passage(STEPS)]
    structure = find_structure("restore one folder", passages, "")
    assert structure is not None
    assert structure.entries[0] == Entry("Find the set")


def test_sections_of_a_document_are_drawn_where_sentences_say_too_little() -> None:
    passages = [make_passage("Red.", "paragraph", heading) for heading in ("Schedule", "Test", "Restore")]
    graph = build_graph("A picture of the backup", passages)
    assert list_edges(graph) == ["Backup |  | Schedule", "Backup |  | Test", "Backup |  | Restore"]
    assert find_sections("a castle", passages) is None
    assert find_sections("the backup", passages[:1]) is None
    assert find_sections("the backup", passages) == Structure(
        "Backup", (Entry("Schedule"), Entry("Test"), Entry("Restore")), is_sequence=False, source="it/a.md"
    )


def test_list_in_a_passage_without_blocks_is_found() -> None:
    passage = Passage.from_text(f"Restore one folder\n\n{STEPS}", "a.md")
    assert list_labels(build_graph("How do I restore a folder?", [passage]))[0] == "Find the set"


def test_prompt_alone_is_drawn_where_the_documents_give_fewer_than_three_nodes() -> None:
    graph = build_graph("Foxes in winter", [Passage.from_text("Foxes eat mice.", "a.txt")])
    assert (list_labels(graph), graph.sources) == (["Foxes", "Winter"], [])


def test_prompt_that_quotes_a_passage_is_from_the_documents() -> None:
    text = "Halden was founded in 1987 by **Margaret Halden**."
    graph = build_graph(f"{text} [1]", [Passage.from_text(text, "a.md"), Passage.from_text("Other.", "b.md")])
    assert graph.sources == ["a.md"]
    assert (
        build_graph("Halden was founded in 1990 by Margaret Halden.", [Passage.from_text(text, "a.md")]).sources == []
    )


def test_title_of_a_long_prompt_is_that_of_the_structure() -> None:
    prompt = "A diagram of: 1. Find the set in the folder. 2. Ask the owner. 3. Restore the folder into a scratch area."
    graph = build_graph(prompt, [make_passage(STEPS)])
    assert (graph.style, graph.title) == ("flow", "Restore one folder")
