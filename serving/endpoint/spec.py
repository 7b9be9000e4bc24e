"""What an endpoint is to be, as the SDK's classes tell it to Databricks Model Serving."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ..errors import ServingError

UNITS_BY_SIZE = {"Small": (4, 4), "Medium": (8, 16), "Large": (16, 64)}
"""Workload sizes of Databricks Model Serving: units that are always there, and at most."""


@dataclass(frozen=True, slots=True)
class WorkloadSize:
    """A workload size, and what it means."""

    name: str
    slots: int

    @property
    def in_words(self) -> str:
        """In words."""
        minimum, maximum = UNITS_BY_SIZE[self.name]
        units = f"{maximum} units" if minimum == maximum else f"{minimum} to {maximum} units"
        return f"{self.name}: {units}, each of which serves one request at a time; {self.slots} are needed"


def choose_size(requests_per_second: float, seconds: float) -> WorkloadSize:
    """The smallest workload size for so many requests a second that take so many ``seconds`` each (Little's law).

    Raises ServingError for more than the largest one has.
    """
    slots = max(1, math.ceil(round(requests_per_second * seconds, 6)))
    for name, (_, maximum) in UNITS_BY_SIZE.items():
        if slots <= maximum:
            return WorkloadSize(name, slots)
    raise ServingError(
        f"{requests_per_second:g} requests a second of {seconds:g} s each hold {slots} units at once, and the largest "
        f"size has {UNITS_BY_SIZE['Large'][1]}; ask for less, in batches with spark_udf, or deploy several endpoints"
    )


PROJECT_TAG = "multichain"
"""The tag of what this project made; nothing else is ever changed or removed."""
ALL_TRAFFIC = 100
"""Per cent of the traffic."""
_LIMIT_VARIABLES = {"MULTICHAIN_DEADLINE_SECONDS": "280", "MULTICHAIN_RESPONSE_BYTES": "15000000"}
"""Below what an endpoint allows: 297 s a request, 16 MB a response."""
_MAX_VARIABLES = 30
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD")


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """An endpoint: which version of which model, how large, with what settings; ``dev`` ones may sleep."""

    name: str
    model: str
    version: str
    size: WorkloadSize
    environment: str = "prod"
    variables: Mapping[str, str] = field(default_factory=dict)
    route_optimized: bool = True
    tables: str = ""
    calls_per_minute: int = 0
    budget_policy: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def entity_name(self) -> str:
        """The name of the version among what the endpoint serves: another one for other settings."""
        settings = json.dumps([self.model, self.size.name, self.environment, sorted(self.variables.items())])
        return f"v{self.version}-{sha256(settings.encode()).hexdigest()[:6]}"

    def served_entity(self) -> Any:  # a class of the SDK's
        """The version as the endpoint serves it."""
        from databricks.sdk.service.serving import ServedEntityInput  # a second

        return ServedEntityInput(
            name=self.entity_name,
            entity_name=self.model,
            entity_version=self.version,
            workload_size=self.size.name,
            scale_to_zero_enabled=self.environment == "dev",
            environment_vars=_LIMIT_VARIABLES | dict(self.variables),
        )

    def ai_gateway(self) -> Any:
        """AI Gateway: usage is tracked; requests are kept in ``tables`` (CATALOG.SCHEMA) and limited, where wanted."""
        from databricks.sdk.service import serving

        config = serving.AiGatewayConfig(usage_tracking_config=serving.AiGatewayUsageTrackingConfig(enabled=True))
        if self.tables:
            catalog, _, schema = self.tables.partition(".")
            prefix = self.name.replace("-", "_")
            config.inference_table_config = serving.AiGatewayInferenceTableConfig(catalog, True, schema, prefix)
        if self.calls_per_minute:
            minute = serving.AiGatewayRateLimitRenewalPeriod.MINUTE
            key = serving.AiGatewayRateLimitKey.ENDPOINT
            config.rate_limits = [serving.AiGatewayRateLimit(minute, self.calls_per_minute, key)]
        return config

    def telemetry_config(self) -> Any:
        """Logs, metrics and traces go to ``tables``; None where none are named."""
        from databricks.sdk.service import serving

        if not self.tables:
            return None
        prefix = f"{self.tables}.{self.name.replace('-', '_')}"
        names = {f"{kind}_table": f"{prefix}_{kind}" for kind in ("logs", "metrics", "traces")}
        return serving.TelemetryConfig(table_names=serving.UnityCatalogTableNames(**names))

    def endpoint_tags(self) -> list[Any]:
        """The tags of the endpoint, which go to the bill, too."""
        from databricks.sdk.service.serving import EndpointTag

        return [EndpointTag(key, value) for key, value in {PROJECT_TAG: self.environment, **self.tags}.items()]


def traffic_config(shares: Mapping[str, int]) -> Any:
    """So many per cent of the requests to each served entity."""
    from databricks.sdk.service.serving import Route, TrafficConfig

    return TrafficConfig([Route(traffic_percentage=share, served_entity_name=name) for name, share in shares.items()])


def parse_variables(secrets: Sequence[str], settings: Sequence[str]) -> dict[str, str]:
    """The variables of a served version, of ``NAME=scope/key`` and ``NAME=VALUE``. Raises ServingError."""
    values: dict[str, str] = {}
    for word in secrets:
        name, _, secret_path = word.partition("=")
        if not re.fullmatch(r"\w+=[\w.@-]+/[\w.@-]+", word):
            raise ServingError("--secret takes NAME=scope/key, such as OPENAI_API_KEY=multichain/openai")
        values[name] = f"{{{{secrets/{secret_path}}}}}"
    for word in settings:
        name, _, value = word.partition("=")
        if not (name and value):
            raise ServingError("--set takes NAME=VALUE, such as MULTICHAIN_TRACES=0.1")
        if _SECRET_NAME.search(name):
            raise ServingError(
                f"{name} looks like a secret, which everyone who sees the endpoint could read; use --secret"
            )
        values[name] = value
    if len(_LIMIT_VARIABLES | values) > _MAX_VARIABLES:
        raise ServingError(
            f"an endpoint takes {_MAX_VARIABLES} variables at most, {len(_LIMIT_VARIABLES)} of which set its limits"
        )
    return values
