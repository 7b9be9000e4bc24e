"""References: what they may read, and the order that follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract import references
from model.contract.fields import Field
from model.contract.requests import Request
from model.contract.stage_contract import Contract, StageContract

NAMES = ("a", "b", "c")
IN = (
    Field("text", "text", "", required=True, maximum=10_000),
    Field("list", "list", ""),
    Field("more", "text", "", maximum=10_000),
    Field("n", "integer", "", maximum=9),
)
OUT = (Field("told", "text", ""), Field("rows", "list", ""), Field("picture", "image", ""))
CONTRACT = Contract({name: StageContract(name, IN, OUT) for name in NAMES})

letters = st.text(alphabet=st.sampled_from('{}."\\:$%!r[]_ abcxyz\n'), max_size=60)


def response(**told: str) -> dict[str, dict[str, object]]:
    empty = CONTRACT.empty_response()
    return empty | {name: empty[name] | {"told": text} for name, text in told.items()}


def asked(**texts: str) -> Request:
    return Request({name: {"text": text} for name, text in texts.items()})


def test_a_reference_is_replaced() -> None:
    filled = references.fill_references(
        CONTRACT.stages["b"],
        {"text": "Draw {a.told}, {a.told}!", "more": "{a.told}", "n": 3},
        CONTRACT,
        response(a="it"),
    )
    assert filled == {"text": "Draw it, it!", "more": "it", "n": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{a.told}}", "{a.told}"),
        ("{{{a.told}}}", "{{a.told}}"),
        ("{a}", "{a}"),
        ("{}", "{}"),
        ("{x.y}", "{x.y}"),
        ("{{x.y}}", "{{x.y}}"),
        ('{"a": {"told": 1}}', '{"a": {"told": 1}}'),
        ("{ a.told }", "{ a.told }"),
        ("%(a.told)s ${a.told}", "%(a.told)s $it"),
    ],
)
def test_braces(text: str, expected: str) -> None:
    assert (
        references.fill_references(CONTRACT.stages["b"], {"text": text}, CONTRACT, response(a="it"))["text"] == expected
    )


def test_a_substituted_text_is_not_read_again() -> None:
    filled = references.fill_references(
        CONTRACT.stages["c"], {"text": "{a.told}"}, CONTRACT, response(a="{b.told}", b="secret")
    )
    assert filled["text"] == "{b.told}"


@given(letters.filter(lambda text: not any(f"{{{name}." in text for name in NAMES)))
def test_text_that_names_no_stage_stays_as_it_is(text: str) -> None:
    assert references.fill_references(CONTRACT.stages["a"], {"text": text}, CONTRACT, response()) == {"text": text}
    assert references.make_plan(asked(a=text), CONTRACT).dependencies == {"a": set()}


@given(letters)
def test_whatever_is_written_only_text_fields_of_the_response_are_read(text: str) -> None:
    made = references.make_plan(Request({"a": {"text": text}, "b": {"text": "x"}, "c": {"text": "x"}}), CONTRACT)
    if "a" not in made.errors:
        filled = references.fill_references(CONTRACT.stages["a"], {"text": text}, CONTRACT, response(b="B", c="C"))[
            "text"
        ]
        assert set(filled) <= set(text) | {"B", "C"}


@pytest.mark.parametrize(
    "field", ["rows", "picture", "nope", "__class__", "told.upper", "told!r", "told:>9", "", "usage", "ran"]
)
def test_a_reference_to_what_is_no_text_field(field: str) -> None:
    made = references.make_plan(asked(a="x", b=f"{{a.{field}}}"), CONTRACT)
    assert str(made.errors["b"]) == (
        "b: a reference to a names no text field of it; it has {a.told}, {a.error}, {a.answered_by}"
    )


def test_a_reference_to_a_stage_that_is_not_asked() -> None:
    made = references.make_plan(asked(b="{a.told}"), CONTRACT)
    assert str(made.errors["b"]) == (
        "b: it refers to a, which this request does not contain; add a or remove the reference"
    )


def test_only_declared_text_fields_may_refer() -> None:
    request = Request({"a": {"text": "x", "n": 3}, "b": {"text": "{a.told}", "n": 3}})
    assert references.make_plan(request, CONTRACT).dependencies == {"a": set(), "b": {"a"}}


@pytest.mark.parametrize(
    ("texts", "circle"),
    [
        ({"a": "{a.told}"}, {"a"}),
        ({"a": "{b.told}", "b": "{a.told}"}, {"a", "b"}),
        ({"a": "{b.told}", "b": "{c.told}", "c": "{a.told}"}, {"a", "b", "c"}),
        ({"a": "{b.told}", "b": "{a.told}", "c": "{a.told}"}, {"a", "b"}),
        ({"a": "x", "b": "{a.told}", "c": "{a.told} {b.told}"}, set()),
    ],
)
def test_circles(texts: dict[str, str], circle: set[str]) -> None:
    made = references.make_plan(asked(**texts), CONTRACT)
    assert made.errors.keys() == circle
    assert {str(error) for error in made.errors.values()} == {
        f"{name}: circular reference between stages; remove one of the references" for name in circle
    }


@given(st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), min_size=3))
def test_what_is_not_in_a_circle_can_be_ordered(graph: dict[str, set[str]]) -> None:
    made = references.make_plan(
        asked(**{name: " ".join(f"{{{n}.told}}" for n in needs) for name, needs in graph.items()}), CONTRACT
    )
    assert made.dependencies == graph
    done = set(made.errors)
    for _ in NAMES:
        done |= {name for name, needs in graph.items() if needs <= done}
    assert done == set(NAMES)


def test_a_list_may_be_another_stages() -> None:
    request = Request({"a": {"text": "x"}, "b": {"text": "x", "list": "{a.rows}"}})
    assert references.make_plan(request, CONTRACT).dependencies == {"a": set(), "b": {"a"}}
    told = response() | {"a": {"rows": ["1", "{c.told}"]}}
    filled = references.fill_references(CONTRACT.stages["b"], request.stages["b"], CONTRACT, told)
    assert filled == {"text": "x", "list": ["1", "{c.told}"]}


@pytest.mark.parametrize(
    ("reference", "wrong"),
    [
        ("{a.told}", "b: a reference to a names no list field of it; it has {a.rows}, {a.notes}"),
        ("{x.rows}", "b: a list may refer to a list of one of the stages a, b, c"),
        ("{c.rows}", "b: it refers to c, which this request does not contain; add c or remove the reference"),
    ],
)
def test_a_list_that_refers_to_none(reference: str, wrong: str) -> None:
    made = references.make_plan(Request({"a": {"text": "x"}, "b": {"text": "x", "list": reference}}), CONTRACT)
    assert str(made.errors["b"]) == wrong


def test_an_optional_default_that_refers_to_what_is_not_asked_is_left_out() -> None:
    inputs = (IN[0], Field("list", "list", "", default="{a.rows}"))
    contract = Contract(CONTRACT.stages | {"b": StageContract("b", inputs, OUT, unless=("a", "ran"))})
    alone = Request({"b": contract.stages["b"].parse({"text": "x"})})
    assert references.make_plan(alone, contract) == references.Plan({"b": {"text": "x"}}, {"b": set()})
    both = references.make_plan(Request({"a": {"text": "x"}} | alone.stages), contract)
    assert (both.values["b"], both.dependencies["b"]) == ({"text": "x", "list": "{a.rows}"}, {"a"})


@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(letters, letters), min_size=1), letters)
def test_whatever_is_asked_each_stage_gets_texts_of_its_own_row_or_an_error(
    texts: dict[str, tuple[str, str]], told: str
) -> None:
    request = Request({name: {"text": text, "more": more} for name, (text, more) in texts.items()})
    made = references.make_plan(request, CONTRACT)
    assert made.dependencies.keys() == texts.keys()
    for name in texts.keys() - made.errors.keys():
        assert made.dependencies[name] <= texts.keys()
        filled = references.fill_references(
            CONTRACT.stages[name], made.values[name], CONTRACT, response(a=told, b=told, c=told)
        )
        assert set("".join(filled.values())) <= set("".join(texts[name])) | set(told)
