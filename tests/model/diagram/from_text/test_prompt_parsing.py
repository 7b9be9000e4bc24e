"""What a prompt lists, and the form of diagram that it asks for."""

import pytest

from model.diagram.from_text.concepts import build_graph
from model.diagram.from_text.prompt_parsing import Item, choose_style, parse_list


@pytest.mark.parametrize(
    ("prompt", "form"),
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
def test_the_form(prompt: str, form: str) -> None:
    assert choose_style(prompt) == form


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
def test_a_list(prompt: str, head: str, names: list[str]) -> None:
    assert parse_list(prompt) == (head, [Item(name) for name in names])


def test_members_in_brackets() -> None:
    assert parse_list("Stack: app (web, phone), API")[1] == [Item("app", ("web", "phone")), Item("API")]


def test_a_flow_goes_from_step_to_step() -> None:
    made = build_graph("Flow of training: load, split, embed", [])
    assert [(node.label, node.step) for node in made.nodes.values()] == [("Load", 1), ("Split", 2), ("Embed", 3)]
    assert made.in_words == "Flow of Training: Load → Split; Split → Embed."


def test_layers_lie_on_one_another() -> None:
    made = build_graph("The layers of a shop: clients (web, phone), API, database", [])
    assert [(layer.name, [made.nodes[key].label for key in layer.keys]) for layer in made.layers] == [
        ("clients", ["Web", "Phone"]),
        ("", ["API"]),
        ("", ["Database"]),
    ]
    assert made.in_words == "Layers of A shop, from the top: clients, Web, Phone; API; Database."


def test_layers_out_of_what_a_sentence_says() -> None:
    made = build_graph("The browser calls the API, the API reads the database and writes the log", [], "layers")
    assert [[made.nodes[key].label for key in layer.keys] for layer in made.layers] == [
        ["Browser"],
        ["API"],
        ["Database", "Log"],
    ]


def test_layers_of_a_circle_come_to_an_end() -> None:
    made = build_graph("The cat chases the dog. The dog chases the cat.", [], "layers")
    assert sorted(key for layer in made.layers for key in layer.keys) == sorted(made.nodes)


def test_the_form_that_is_asked_for_wins() -> None:
    assert build_graph("The layers of a shop: web, API", [], "flow").style == "flow"


def test_another_script_is_drawn_around_its_subject() -> None:
    made = build_graph("Круговорот воды: испарение, осадки", [])
    assert made.in_words == "Diagram of Круговорот воды: Круговорот воды → испарение; Круговорот воды → осадки."


def test_a_title_begins_with_a_capital_where_titles_do() -> None:
    assert build_graph("water: ice, steam", []).title == "Water"
    assert build_graph("წყალი: ყინული, ორთქლი", []).title == "წყალი"  # its capitals are for whole words alone
