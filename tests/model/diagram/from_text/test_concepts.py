"""Graphs of prompts and passages: which nodes there are, how they are joined, and how much fits."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.diagram.from_text.concepts import MAX_NODES, build_graph
from model.diagram.graph import DiagramGraph, Edge, Layer, Node
from model.interfaces import STYLES
from model.passages import Passage

from_text = Passage.from_text


def list_edges(graph: DiagramGraph) -> list[str]:
    return [
        f"{graph.nodes[edge.source].label} | {edge.label} | {graph.nodes[edge.target].label}" for edge in graph.edges
    ]


def list_labels(graph: DiagramGraph) -> list[str]:
    return [node.label for node in graph.nodes.values()]


def list_items(count: int) -> list[str]:
    return [f"item {letter}" for letter in "abcdefghijklmnop"[:count]]


@pytest.mark.parametrize(("items", "nodes"), [(2, 2), (8, 8), (9, 9), (10, 9)])
def test_flow_has_at_most_nine_numbered_steps(items: int, nodes: int) -> None:
    graph = build_graph("Flow of work: " + ", ".join(list_items(items)), [])
    assert [node.step for node in graph.nodes.values()] == list(range(1, nodes + 1))
    assert list_labels(graph) == [f"Item {letter}" for letter in "abcdefghi"[:nodes]]
    assert graph.edges == [Edge(f"step {n}", f"step {n + 1}", "") for n in range(1, nodes)]
    assert (MAX_NODES, any(node.main for node in graph.nodes.values())) == (9, False)


@pytest.mark.parametrize(("items", "layers"), [(9, 9), (10, 9)])
def test_list_gives_at_most_nine_layers(items: int, layers: int) -> None:
    graph = build_graph("The layers of work: " + ", ".join(list_items(items)), [])
    assert graph.layers == [Layer("", (f"{n} 0",)) for n in range(layers)]
    assert list_labels(graph) == [f"Item {letter}" for letter in "abcdefghi"[:layers]]


@pytest.mark.parametrize(("members", "nodes"), [("a, b, c, d, e", "ABCDE"), ("a, b, c, d, e, f", "ABCDE")])
def test_layer_has_at_most_five_members_and_its_name(members: str, nodes: str) -> None:
    graph = build_graph(f"The layers of a shop: clients ({members}), API", [])
    keys = tuple(f"0 {n}" for n in range(5))
    assert graph.layers == [Layer("clients", keys), Layer("", ("1 0",))]
    assert list_labels(graph) == [*nodes, "API"]
    assert graph.edges == []


@pytest.mark.parametrize(("items", "nodes"), [("一二三四五六七八", 9), ("一二三四五六七八九", 9), ("一二三", 4)])
def test_list_in_another_script_is_drawn_around_its_head(items: str, nodes: int) -> None:
    graph = build_graph("水循环:" + "、".join(items), [])
    assert graph.nodes["main"] == Node("main", "水循环", main=True)
    assert len(graph.nodes) == nodes
    assert graph.edges == [Edge("main", str(n), "") for n in range(nodes - 1)]


def test_text_in_another_script_is_drawn_by_its_clauses() -> None:
    graph = build_graph("Круговорот воды, испарение, осадки", [])
    clauses = ["Круговорот воды", "испарение", "осадки"]
    assert list_labels(graph) == ["Круговорот воды, испарение, осадки", *clauses]
    assert list_labels(build_graph("Круговорот воды", [])) == ["Круговорот воды"]


@pytest.mark.parametrize(
    ("prompt", "label"),
    [
        ("LangChain in use", "LangChain"),
        ("LangChain in action!", "LangChain"),
        ("LangChain IN PRACTICE", "LangChain"),
        ("foxes in winter", "Foxes"),
        ("gpt-4", "gpt-4"),
        ("iPhone", "iPhone"),
        ("[1]", "[1]"),
    ],
)
def test_first_phrase_is_the_main_node(prompt: str, label: str) -> None:
    (main,) = [node for node in build_graph(prompt, []).nodes.values() if node.main]
    assert main.label == label


def test_passages_are_followed_from_the_subject_in_rounds() -> None:
    text = "Sugar feeds bees. Berries contain sugar. Foxes eat berries. Dogs chase cats."
    graph = build_graph("Foxes", [from_text(text, "a.txt")])
    assert list_labels(graph) == ["Foxes", "Berries", "Sugar", "Bees"]
    assert list_edges(graph) == ["Foxes | eat | Berries", "Berries | contain | Sugar", "Sugar | feeds | Bees"]


@pytest.mark.parametrize(
    ("texts", "sources"),
    [
        (["Foxes eat mice.", "Foxes see owls."], ["0.txt", "1.txt"]),
        (["Foxes eat mice. Foxes see owls."], ["0.txt"]),
        (["Dogs chase cats.", "Foxes see owls. Foxes eat mice."], ["1.txt"]),
        (["Foxes eat mice. Foxes see owls.", "Foxes like mice."], ["0.txt"]),
        (["Foxes eat mice."], []),
        ([], []),
    ],
)
def test_sources_are_those_of_the_drawn_statements_once(texts: list[str], sources: list[str]) -> None:
    passages = [from_text(text, f"{n}.txt") for n, text in enumerate(texts)]
    assert build_graph("Foxes", passages).sources == sources


def test_two_nodes_are_joined_by_their_first_statement_alone() -> None:
    text = "Foxes eat mice. Foxes like mice. Mice fear foxes. Foxes see owls."
    assert list_edges(build_graph("Foxes", [from_text(text, "a.txt")])) == ["Foxes | eat | Mice", "Foxes | see | Owls"]


def test_statements_of_the_prompt_come_before_those_of_passages() -> None:
    graph = build_graph("Foxes eat berries", [from_text("Foxes like berries. Foxes see owls. Owls eat mice.", "a.txt")])
    assert list_edges(graph) == ["Foxes | eat | Berries", "Foxes | see | Owls", "Owls | eat | Mice"]
    assert graph.sources == ["a.txt"]


@pytest.mark.parametrize("text", ["The red fox eats mice.", "Red foxes eat mice.", "A fox eats mice."])
def test_phrase_that_ends_with_the_subject_is_the_subject(text: str) -> None:
    graph = build_graph("Foxes", [from_text(f"{text} Mice see owls.", "a.txt")])
    assert [(edge.source, edge.target) for edge in graph.edges] == [("fox", "mice"), ("mice", "owl")]


def test_pronoun_goes_on_about_the_subject_of_its_own_passage() -> None:
    passages = [from_text("Foxes eat mice. They see owls.", "a.txt"), from_text("They see bears.", "b.txt")]
    assert list_edges(build_graph("Foxes", passages)) == ["Foxes | eat | Mice", "Foxes | see | Owls"]


def test_subject_is_not_joined_to_itself() -> None:
    assert build_graph("Foxes", [from_text("A red fox follows the foxes.", "a.txt")]).edges == []


@pytest.mark.parametrize("word", ["If", "When", "Unless", "Without", "While", "Although", "until"])
def test_sentence_with_a_condition_is_left_out(word: str) -> None:
    text = f"{word} it rains, foxes eat worms. Foxes see owls. Owls eat mice."
    edges = list_edges(build_graph("Foxes", [from_text(text, "a.txt")]))
    assert edges == ["Foxes | see | Owls", "Owls | eat | Mice"]


def test_word_that_starts_like_a_condition_is_no_condition() -> None:
    edges = list_edges(build_graph("Whiles", [from_text("Whiles see owls. Owls eat mice.", "a.txt")]))
    assert edges == ["Whiles | see | Owls", "Owls | eat | Mice"]


def test_passage_in_another_script_is_left_out() -> None:
    passages = [
        from_text("Foxes → мыши. Лиса ест мышей.", "a.txt"),
        from_text("Foxes see owls. Owls eat mice.", "b.txt"),
    ]
    graph = build_graph("Foxes", passages)
    assert (list_labels(graph), graph.sources) == (["Foxes", "Owls", "Mice"], ["b.txt"])


def test_full_diagram_still_joins_the_nodes_that_it_has() -> None:
    text = " ".join(f"Foxes see animal{letter}." for letter in "abcdefgh")
    more = "Foxes see owls. Animala sees animalb."
    graph = build_graph("Foxes", [from_text(f"{text} {more}", "a.txt")])
    assert len(graph.nodes) == 9
    assert list_edges(graph)[-2:] == ["Foxes | see | Animalh", "Animala | sees | Animalb"]


@pytest.mark.parametrize(
    ("text", "depths"),
    [
        ("The cat chases the mouse. The mouse eats the seed.", [["Cat"], ["Mouse"], ["Seed"]]),
        (
            "The cat likes the seed. The cat chases the mouse. The mouse eats the seed.",
            [["Cat"], ["Mouse"], ["Seed"]],
        ),
        ("The cat chases the mouse. The cat sees the owl.", [["Cat"], ["Mouse", "Owl"]]),
        ("Cats", [["Cats"]]),
    ],
)
def test_node_is_a_layer_below_all_that_lead_to_it(text: str, depths: list[list[str]]) -> None:
    graph = build_graph(text, [], "layers")
    assert [[graph.nodes[key].label for key in layer.keys] for layer in graph.layers] == depths
    assert {layer.name for layer in graph.layers} == {""}


@pytest.mark.parametrize("style", ["map", "flow"])
def test_only_the_style_layers_has_layers(style: str) -> None:
    assert build_graph("Cats chase mice", [], style).layers == []


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("w" * 90, "W" + "w" * 89),
        ("w" * 91, "W" + "w" * 88 + "…"),
        ("word " * 18, "Word" + " word" * 17),
        ("word " * 17 + "words no", "Word" + " word" * 16 + "…"),
        ("iPhone", "IPhone"),
        ("Training: load, split", "Training"),
        ("load -> split -> embed", "Load, split, embed"),
        ("draw me a nice big flow chart that shows foxes", "Foxes"),
        ("Please create an image about\n foxes", "Foxes"),
        ("show the architecture of a shop", "A shop"),
        ("the map", "The map"),
        ("A diagram of", "A diagram of"),
    ],
)
def test_title_is_the_subject_in_at_most_90_characters(prompt: str, title: str) -> None:
    assert build_graph(prompt, []).title == title


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="ab cd: ,->.()水ж\n", min_size=1, max_size=60).filter(str.strip),
    st.sampled_from(["", *STYLES]),
    st.lists(st.sampled_from(["Foxes eat mice.", "A b sees cd.", "Cats see b."]), max_size=3),
)
def test_any_graph_is_small_and_its_edges_join_its_nodes(prompt: str, style: str, texts: list[str]) -> None:
    graph = build_graph(prompt, [from_text(text, "a.txt") for text in texts], style)
    ends: list[Any] = [end for edge in graph.edges for end in (edge.source, edge.target)]
    members = [key for layer in graph.layers for key in layer.keys]
    assert graph.nodes.keys() >= {*ends, *members}
    assert all(key == node.key and node.label for key, node in graph.nodes.items())
    assert len(members) == len(set(members))
    assert len(graph.nodes) <= MAX_NODES
    assert (graph.style, len(graph.title) <= 90) == (style or graph.style, True)
