"""Lists in prompts, and the diagram styles that prompts name."""

import pytest

from model.diagram.from_text.concepts import build_graph
from model.diagram.from_text.prompt_parsing import Item, choose_style, parse_list


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("A conceptual diagram of LangChain in use", "map"),
        ("Flow of a request", "flow"),
        ("The steps of training", "flow"),
        ("a -> b -> c", "flow"),
        ("a -> b", "map"),
        ("The layers of a lakehouse", "layers"),
        ("Architecture of a web shop", "layers"),
        ("Snowflakes and overflow", "map"),
    ],
)
def test_style_follows_from_the_words_of_the_prompt(prompt: str, style: str) -> None:
    assert choose_style(prompt) == style


@pytest.mark.parametrize(
    ("prompt", "head", "names"),
    [
        ("Training: load, split and embed", "Training", ["load", "split", "embed"]),
        ("Training: load, then split, and then embed.", "Training", ["load", "split", "embed"]),
        ("a -> b -> c", "", ["a", "b", "c"]),
        ("Steps:\n1. Load\n2. Split", "Steps", ["Load", "Split"]),
        ("水循环:蒸发、凝结、降水", "水循环", ["蒸发", "凝结", "降水"]),
        ("LangChain is a framework", "", []),
        ("A, b and c", "", []),
        ("Note: " + "word " * 30 + ", b", "", []),
    ],
)
def test_parse_list_returns_heading_and_items(prompt: str, head: str, names: list[str]) -> None:
    assert parse_list(prompt) == (head, [Item(name) for name in names])


def test_item_without_a_name_is_left_out() -> None:
    assert parse_list("Stack: app, (), API")[1] == [Item("app"), Item("API")]
    assert parse_list("Stack: app, ()") == ("", [])


def test_parse_list_takes_members_from_brackets() -> None:
    assert parse_list("Stack: app (web, phone), API")[1] == [Item("app", ("web", "phone")), Item("API")]


def test_flow_connects_each_step_to_the_next() -> None:
    graph = build_graph("Flow of training: load, split, embed", [])
    assert [(node.label, node.step) for node in graph.nodes.values()] == [("Load", 1), ("Split", 2), ("Embed", 3)]
    assert graph.in_words == "Flow of Training: Load → Split; Split → Embed."


def test_layers_of_a_list_keep_its_order_and_members() -> None:
    graph = build_graph("The layers of a shop: clients (web, phone), API, database", [])
    assert [(layer.name, [graph.nodes[key].label for key in layer.keys]) for layer in graph.layers] == [
        ("clients", ["Web", "Phone"]),
        ("", ["API"]),
        ("", ["Database"]),
    ]
    assert graph.in_words == "Layers of A shop, from the top: clients, Web, Phone; API; Database."


def test_layers_follow_from_the_statements_of_a_sentence() -> None:
    graph = build_graph("The browser calls the API, the API reads the database and writes the log", [], "layers")
    assert [[graph.nodes[key].label for key in layer.keys] for layer in graph.layers] == [
        ["Browser"],
        ["API"],
        ["Database", "Log"],
    ]


def test_layers_of_circular_statements_hold_each_node_once() -> None:
    graph = build_graph("The cat chases the dog. The dog chases the cat.", [], "layers")
    assert sorted(key for layer in graph.layers for key in layer.keys) == sorted(graph.nodes)


def test_style_argument_overrides_the_style_of_the_prompt() -> None:
    assert build_graph("The layers of a shop: web, API", [], "flow").style == "flow"


def test_cyrillic_list_is_drawn_around_its_heading() -> None:
    graph = build_graph("Круговорот воды: испарение, осадки", [])
    assert graph.in_words == "Diagram of Круговорот воды: Круговорот воды → испарение; Круговорот воды → осадки."


def test_title_is_capitalized_except_in_georgian() -> None:
    assert build_graph("water: ice, steam", []).title == "Water"
    assert build_graph("წყალი: ყინული, ორთქლი", []).title == "წყალი"  # Georgian has capitals only for whole words
