"""Specs of endpoints: sizes, names of served entities, variables, AI Gateway, telemetry, tags and traffic."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.endpoint.spec import (
    UNITS_BY_SIZE,
    EndpointSpec,
    WorkloadSize,
    choose_size,
    parse_variables,
    traffic_config,
)
from serving.errors import ServingError

SPEC = EndpointSpec("multi-chain-eu", "dev.assistants.multichain", "7", WorkloadSize("Small", 4))
LIMITS = {"MULTICHAIN_DEADLINE_SECONDS": "280", "MULTICHAIN_RESPONSE_BYTES": "15000000"}
REFERENCE_SYNTAX = "--secret expects NAME=scope/key, such as OPENAI_API_KEY=multichain/openai"
SETTING_SYNTAX = "--set expects NAME=VALUE, such as MULTICHAIN_TRACES=0.1"


@pytest.mark.parametrize(
    ("rate", "seconds", "size"),
    [
        (1, 4.000001, WorkloadSize("Medium", 5)),
        (1, 4.0000001, WorkloadSize("Small", 4)),
        (1.1, 10, WorkloadSize("Medium", 11)),
        (1, 16, WorkloadSize("Medium", 16)),
        (1, 17, WorkloadSize("Large", 17)),
        (4, 16, WorkloadSize("Large", 64)),
        (0.000001, 0.1, WorkloadSize("Small", 1)),
    ],
)
def test_size_changes_exactly_where_its_units_are_exceeded(rate: float, seconds: float, size: WorkloadSize) -> None:
    assert choose_size(rate, seconds) == size


def test_load_of_one_unit_too_many_is_refused_with_the_remedies() -> None:
    with pytest.raises(ServingError) as caught:
        choose_size(13, 5)
    assert caught.value.message == (
        "13 requests a second of 5 s each occupy 65 units of concurrency, and the largest size has 64; reduce the "
        "load, use spark_udf for batches, or deploy several endpoints"
    )


@given(st.integers(1, 64), st.integers(0, 99))
def test_size_has_enough_units_and_no_smaller_size_has(slots: int, hundredths: int) -> None:
    size = choose_size(slots - hundredths / 100, 1)
    maxima = [maximum for _, maximum in UNITS_BY_SIZE.values()]
    assert size.slots == slots
    assert UNITS_BY_SIZE[size.name][1] == min(maximum for maximum in maxima if maximum >= slots)


@pytest.mark.parametrize(
    ("name", "units"), [("Small", "4 units"), ("Medium", "8 to 16 units"), ("Large", "16 to 64 units")]
)
def test_size_in_words_names_fixed_units_or_their_range(name: str, units: str) -> None:
    sentence = f"{name}: {units}, each of which serves one request at a time; the load needs 3"
    assert WorkloadSize(name, 3).in_words == sentence


def test_entity_name_of_a_spec_never_changes() -> None:
    """Another name for the same settings would deploy a version again that serves already."""
    assert SPEC.entity_name == "v7-b15793"


def test_entity_name_ignores_what_does_not_change_the_container() -> None:
    equivalent = replace(
        SPEC,
        name="renamed",
        size=WorkloadSize("Small", 1),
        route_optimized=False,
        tables="dev.logs",
        calls_per_minute=9,
        budget_policy="p",
        tags={"a": "b"},
    )
    assert equivalent.entity_name == SPEC.entity_name


def test_entity_name_ignores_the_order_of_variables() -> None:
    orders = {"A": "1", "B": "2"}, {"B": "2", "A": "1"}
    first, second = (replace(SPEC, variables=variables).entity_name for variables in orders)
    assert first == second


@pytest.mark.parametrize(
    "change",
    [
        {"version": "8"},
        {"model": "prod.assistants.multichain"},
        {"size": WorkloadSize("Medium", 4)},
        {"environment": "dev"},
        {"variables": {"A": "1"}},
    ],
)
def test_entity_name_changes_with_each_setting_of_the_container(change: dict[str, Any]) -> None:
    assert replace(SPEC, **change).entity_name != SPEC.entity_name


@pytest.mark.parametrize(("environment", "scales"), [("dev", True), ("prod", False), ("development", False)])
def test_only_dev_scales_to_zero(environment: str, scales: bool) -> None:
    assert replace(SPEC, environment=environment).served_entity().scale_to_zero_enabled is scales


def test_served_entity_has_the_version_and_its_limits() -> None:
    assert SPEC.served_entity().as_dict() == {
        "name": SPEC.entity_name,
        "entity_name": "dev.assistants.multichain",
        "entity_version": "7",
        "workload_size": "Small",
        "scale_to_zero_enabled": False,
        "environment_vars": LIMITS,
    }


def test_variables_of_a_spec_replace_the_limits() -> None:
    variables = {"MULTICHAIN_DEADLINE_SECONDS": "60", "A": "1"}
    entity = replace(SPEC, variables=variables).served_entity()
    assert entity.environment_vars == LIMITS | variables


def test_gateway_without_tables_and_limit_tracks_usage_alone() -> None:
    assert SPEC.ai_gateway().as_dict() == {"usage_tracking_config": {"enabled": True}}


def test_gateway_stores_requests_and_limits_calls_a_minute() -> None:
    assert replace(SPEC, tables="dev.logs", calls_per_minute=600).ai_gateway().as_dict() == {
        "usage_tracking_config": {"enabled": True},
        "inference_table_config": {
            "catalog_name": "dev",
            "enabled": True,
            "schema_name": "logs",
            "table_name_prefix": "multi_chain_eu",
        },
        "rate_limits": [{"calls": 600, "key": "endpoint", "renewal_period": "minute"}],
    }


def test_telemetry_has_a_table_for_logs_metrics_and_traces() -> None:
    assert SPEC.telemetry_config() is None
    assert replace(SPEC, tables="dev.logs").telemetry_config().as_dict() == {
        "table_names": {
            "logs_table": "dev.logs.multi_chain_eu_logs",
            "metrics_table": "dev.logs.multi_chain_eu_metrics",
            "traces_table": "dev.logs.multi_chain_eu_traces",
        }
    }


def test_project_tag_is_the_first_tag_and_may_be_replaced() -> None:
    def list_tags(spec: EndpointSpec) -> list[tuple[str, str]]:
        return [(tag.key, tag.value) for tag in spec.endpoint_tags()]

    assert list_tags(SPEC) == [("multichain", "prod")]
    tagged = replace(SPEC, environment="dev", tags={"a": "1", "team": "x"})
    assert list_tags(tagged) == [("multichain", "dev"), ("a", "1"), ("team", "x")]


def test_traffic_config_has_a_route_for_each_share_in_order() -> None:
    assert traffic_config({"v2": 70, "v1": 30, "v3": 0}).as_dict() == {
        "routes": [
            {"served_entity_name": "v2", "traffic_percentage": 70},
            {"served_entity_name": "v1", "traffic_percentage": 30},
            {"served_entity_name": "v3", "traffic_percentage": 0},
        ]
    }


def test_variables_are_references_to_secrets_and_plain_values() -> None:
    assert parse_variables(["A_TOKEN=team.prod@eu-1/key_1.x@y-z"], ["B=c=d", "C= e "]) == {
        "A_TOKEN": "{{secrets/team.prod@eu-1/key_1.x@y-z}}",
        "B": "c=d",
        "C": " e ",
    }


@pytest.mark.parametrize(
    "word", ["", "A", "A=scope", "A=scope/", "A=/key", "=scope/key", "A=scope/key/x", "A B=scope/key", "A=a/{{b}}"]
)
def test_malformed_secret_is_refused_with_the_syntax(word: str) -> None:
    with pytest.raises(ServingError) as caught:
        parse_variables([word], [])
    assert caught.value.message == REFERENCE_SYNTAX


@pytest.mark.parametrize("word", ["", "A", "A=", "=1"])
def test_malformed_setting_is_refused_with_the_syntax(word: str) -> None:
    with pytest.raises(ServingError) as caught:
        parse_variables([], [word])
    assert caught.value.message == SETTING_SYNTAX


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HF_TOKEN", "CLIENT_SECRET_ID", "PASSWORD"])
def test_setting_named_like_a_secret_is_refused_without_its_value(name: str) -> None:
    with pytest.raises(ServingError) as caught:
        parse_variables([], [f"{name}=sk-planted"])
    assert caught.value.message == (
        f"{name} looks like a secret, which everyone who sees the endpoint could read; use --secret"
    )


def test_thirty_variables_with_the_limits_are_accepted() -> None:
    settings = [f"A{number}={number}" for number in range(28)]
    assert len(parse_variables([], [*settings, "MULTICHAIN_RESPONSE_BYTES=1"])) == 29
    with pytest.raises(ServingError) as caught:
        parse_variables(["B=scope/key"], settings)
    assert caught.value.message == "too many variables: an endpoint accepts 30, 2 of which set its limits"
