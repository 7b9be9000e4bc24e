"""Model catalog: prices, context windows and end dates, shipped or in a file of the user."""

from datetime import date
from pathlib import Path

import pytest

from model.config import environment
from model.errors import ProfileError, SettingError
from model.providers import model_catalog
from model.providers.model_catalog import ModelFacts, TokenCounts
from model.runtime.usage import Usage


def test_shipped_catalog_has_date_prices_and_listed_successors() -> None:
    catalog = model_catalog.load_catalog()
    assert catalog.date == date(2026, 11, 24)
    assert catalog.models["openai"]["gpt-4.1"] == ModelFacts(
        2.0,
        0.5,
        8.0,
        window=1_047_576,
        temperature=True,
        structured=True,
        ends=date(2027, 1, 14),
        successor="gpt-6-luna",
    )
    successors = {facts.successor for facts in catalog.models["openai"].values() if facts.successor}
    assert successors <= catalog.models["openai"].keys()


def test_cost_distinguishes_cached_tokens_and_image_tokens() -> None:
    assert model_catalog.cost_of("openai", "gpt-4.1", TokenCounts(1000, 400, 100)) == pytest.approx(
        (600 * 2 + 400 * 0.5 + 800) / 1e6
    )
    assert model_catalog.cost_of(
        "openai", "gpt-image-2", TokenCounts(10, image_input=20, image_output=4096)
    ) == pytest.approx((10 * 5 + 20 * 8 + 4096 * 30) / 1e6)
    assert model_catalog.cost_of("openai", "text-embedding-3-small", TokenCounts(1_000_000)) == pytest.approx(0.02)


def test_dated_snapshot_has_the_facts_of_its_model() -> None:
    assert model_catalog.find_model("openai", "gpt-4.1-2025-04-14") == model_catalog.find_model("openai", "gpt-4.1")
    assert model_catalog.find_model("openai", "gpt-4.1-huge") == ModelFacts()


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "unheard-of"), ("azure", "gpt-4.1"), ("openai", "gpt-5.6-sol")]
)
def test_unknown_price_is_none_instead_of_zero(provider: str, model: str) -> None:
    assert model_catalog.cost_of(provider, model, TokenCounts(1)) is None
    assert model_catalog.price_usage(provider, model, TokenCounts(1, output=2)) == Usage(1, 2, cost_known=False)


def test_catalog_variable_replaces_shipped_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("date: 2026-01-01\ncompatible:\n  llama3.3: {input: 0, output: 0, window: 8192}\n", "utf-8")
    monkeypatch.setenv(environment.PRICES.name, str(file))
    assert model_catalog.cost_of("compatible", "llama3.3", TokenCounts(5, output=5)) == 0.0
    assert model_catalog.price_usage("compatible", "llama3.3", TokenCounts(5, output=5)) == Usage(
        5, 5, cost=0.0, cost_known=True
    )
    assert model_catalog.cost_of("openai", "gpt-4.1", TokenCounts(1)) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("openai: {}\n", r"prices.yaml:1: a table of prices needs a date"),
        ("date: 2026-01-01\nopenai:\n  a: {imput: 1}\n", r"prices.yaml:3: a: expected some of cached_input, ends, "),
        ("date: 2026-01-01\nopenai:\n  a: {input: -1}\n", r"prices.yaml:3: a: input must be a number of US dollars"),
        ("date: 2026-01-01\nopenai:\n  a: 3\n", r"prices.yaml:3: a: expected some of"),
    ],
)
def test_invalid_catalog_raises_profile_error_with_line(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text, "utf-8")
    monkeypatch.setenv(environment.PRICES.name, str(file))
    with pytest.raises(ProfileError, match=sentence):
        model_catalog.load_catalog()


def test_missing_catalog_file_raises_setting_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.PRICES.name, "/no/such.yaml")
    with pytest.raises(SettingError, match=r"there is no file /no/such\.yaml, which MULTICHAIN_PRICES names"):
        model_catalog.load_catalog()
