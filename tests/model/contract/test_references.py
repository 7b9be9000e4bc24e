"""References between stages: the fields that they may read, and the order of the stages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract import references
from model.contract.fields import Field
from model.contract.requests import Request
from model.contract.stage_contract import Contract, StageContract

NAMES = ("a", "b", "c")
INPUTS = (
    Field("text", "text", "", required=True, maximum=10_000),
    Field("list", "list", ""),
    Field("more", "text", "", maximum=10_000),
    Field("n", "integer", "", maximum=9),
)
OUTPUTS = (Field("told", "text", ""), Field("rows", "list", ""), Field("picture", "image", ""))
CONTRACT = Contract({name: StageContract(name, INPUTS, OUTPUTS) for name in NAMES})

letters = st.text(alphabet=st.sampled_from('{}."\\:$%!r[]_ abcxyz\n'), max_size=60)


def build_response(**texts: str) -> dict[str, dict[str, object]]:
    empty = CONTRACT.empty_response()
    return empty | {name: empty[name] | {"told": text} for name, text in texts.items()}


def build_request(**texts: str) -> Request:
    return Request({name: {"text": text} for name, text in texts.items()})


def test_reference_is_replaced_by_the_text_of_its_field() -> None:
    filled = references.fill_references(
        CONTRACT.stages["b"],
        {"text": "Draw {a.told}, {a.told}!", "more": "{a.told}", "n": 3},
        CONTRACT,
        build_response(a="it"),
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
def test_braces_are_replaced_or_unescaped_only_at_a_stage_field(text: str, expected: str) -> None:
    assert (
        references.fill_references(CONTRACT.stages["b"], {"text": text}, CONTRACT, build_response(a="it"))["text"]
        == expected
    )


def test_reference_inside_substituted_text_is_not_replaced() -> None:
    filled = references.fill_references(
        CONTRACT.stages["c"], {"text": "{a.told}"}, CONTRACT, build_response(a="{b.told}", b="secret")
    )
    assert filled["text"] == "{b.told}"


@given(letters.filter(lambda text: not any(f"{{{name}." in text for name in NAMES)))
def test_text_without_a_stage_name_stays_unchanged(text: str) -> None:
    assert references.fill_references(CONTRACT.stages["a"], {"text": text}, CONTRACT, build_response()) == {
        "text": text
    }
    assert references.make_plan(build_request(a=text), CONTRACT).dependencies == {"a": set()}


@given(letters)
def test_any_text_reads_only_text_fields_of_the_response(text: str) -> None:
    plan = references.make_plan(Request({"a": {"text": text}, "b": {"text": "x"}, "c": {"text": "x"}}), CONTRACT)
    if "a" not in plan.errors:
        filled = references.fill_references(
            CONTRACT.stages["a"], {"text": text}, CONTRACT, build_response(b="B", c="C")
        )["text"]
        assert set(filled) <= set(text) | {"B", "C"}


@pytest.mark.parametrize(
    "field", ["rows", "picture", "nope", "__class__", "told.upper", "told!r", "told:>9", "", "usage", "ran"]
)
def test_text_reference_to_another_type_of_field_is_an_error(field: str) -> None:
    plan = references.make_plan(build_request(a="x", b=f"{{a.{field}}}"), CONTRACT)
    assert str(plan.errors["b"]) == (
        "b: a reference to a names no text field of it; it has {a.told}, {a.error}, {a.answered_by}"
    )


def test_reference_to_a_stage_absent_from_the_request_is_an_error() -> None:
    plan = references.make_plan(build_request(b="{a.told}"), CONTRACT)
    assert str(plan.errors["b"]) == (
        "b: it refers to a, which this request does not contain; add a or remove the reference"
    )


def test_plan_takes_dependencies_from_text_fields() -> None:
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
def test_stages_in_a_circular_reference_get_an_error(texts: dict[str, str], circle: set[str]) -> None:
    plan = references.make_plan(build_request(**texts), CONTRACT)
    assert plan.errors.keys() == circle
    assert {str(error) for error in plan.errors.values()} == {
        f"{name}: circular reference between stages; remove one of the references" for name in circle
    }


@given(st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), min_size=3))
def test_stages_outside_circular_references_can_be_ordered(graph: dict[str, set[str]]) -> None:
    plan = references.make_plan(
        build_request(**{name: " ".join(f"{{{n}.told}}" for n in needs) for name, needs in graph.items()}), CONTRACT
    )
    assert plan.dependencies == graph
    ordered_stages = set(plan.errors)
    for _ in NAMES:
        ordered_stages |= {name for name, needs in graph.items() if needs <= ordered_stages}
    assert ordered_stages == set(NAMES)


def test_list_field_may_refer_to_a_list_of_another_stage() -> None:
    request = Request({"a": {"text": "x"}, "b": {"text": "x", "list": "{a.rows}"}})
    assert references.make_plan(request, CONTRACT).dependencies == {"a": set(), "b": {"a"}}
    response = build_response() | {"a": {"rows": ["1", "{c.told}"]}}
    filled = references.fill_references(CONTRACT.stages["b"], request.stages["b"], CONTRACT, response)
    assert filled == {"text": "x", "list": ["1", "{c.told}"]}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{a.told}", "b: a reference to a names no list field of it; it has {a.rows}, {a.notes}"),
        ("{x.rows}", "b: a list may refer to a list of one of the stages a, b, c"),
        ("{c.rows}", "b: it refers to c, which this request does not contain; add c or remove the reference"),
    ],
)
def test_list_reference_without_a_list_field_is_an_error(reference: str, message: str) -> None:
    plan = references.make_plan(Request({"a": {"text": "x"}, "b": {"text": "x", "list": reference}}), CONTRACT)
    assert str(plan.errors["b"]) == message


def test_default_reference_to_an_absent_stage_is_left_out() -> None:
    inputs = (INPUTS[0], Field("list", "list", "", default="{a.rows}"))
    contract = Contract(CONTRACT.stages | {"b": StageContract("b", inputs, OUTPUTS, unless=("a", "ran"))})
    single_request = Request({"b": contract.stages["b"].parse({"text": "x"})})
    assert references.make_plan(single_request, contract) == references.Plan({"b": {"text": "x"}}, {"b": set()})
    plan = references.make_plan(Request({"a": {"text": "x"}} | single_request.stages), contract)
    assert (plan.values["b"], plan.dependencies["b"]) == ({"text": "x", "list": "{a.rows}"}, {"a"})


@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(letters, letters), min_size=1), letters)
def test_filled_text_contains_only_own_and_referenced_text(texts: dict[str, tuple[str, str]], field_text: str) -> None:
    request = Request({name: {"text": text, "more": more} for name, (text, more) in texts.items()})
    plan = references.make_plan(request, CONTRACT)
    assert plan.dependencies.keys() == texts.keys()
    for name in texts.keys() - plan.errors.keys():
        assert plan.dependencies[name] <= texts.keys()
        filled = references.fill_references(
            CONTRACT.stages[name], plan.values[name], CONTRACT, build_response(a=field_text, b=field_text, c=field_text)
        )
        assert set("".join(filled.values())) <= set("".join(texts[name])) | set(field_text)
