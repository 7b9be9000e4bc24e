"""Specify an endpoint of Databricks Model Serving, and convert the spec into the SDK's classes."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ..errors import ServingError

UNITS_BY_SIZE = {"Small": (4, 4), "Medium": (8, 16), "Large": (16, 64)}
"""Units of concurrency for each workload size of Databricks Model Serving: minimum and maximum."""


@dataclass(frozen=True, slots=True)
class WorkloadSize:
    """A workload size of Databricks Model Serving.

    Attributes:
        name: Small, Medium or Large.
        slots: Units of concurrency that the expected load needs.
    """

    name: str
    slots: int

    @property
    def in_words(self) -> str:
        """Name, units of concurrency and needed units, as a sentence."""
        minimum, maximum = UNITS_BY_SIZE[self.name]
        units = f"{maximum} units" if minimum == maximum else f"{minimum} to {maximum} units"
        return f"{self.name}: {units}, each of which serves one request at a time; the load needs {self.slots}"


def choose_size(requests_per_second: float, seconds: float) -> WorkloadSize:
    """Return the smallest workload size for a load, by Little's law.

    Args:
        requests_per_second: Expected rate of requests.
        seconds: Duration of one request.

    Raises:
        ServingError: The load exceeds the largest size.
    """
    slots = max(1, math.ceil(round(requests_per_second * seconds, 6)))
    for name, (_, maximum) in UNITS_BY_SIZE.items():
        if slots <= maximum:
            return WorkloadSize(name, slots)
    raise ServingError(
        f"{requests_per_second:g} requests a second of {seconds:g} s each occupy {slots} units of concurrency, and the "
        f"largest size has {UNITS_BY_SIZE['Large'][1]}; reduce the load, use spark_udf for batches, or deploy several "
        "endpoints"
    )


PROJECT_TAG = "multichain"
"""Tag of the resources that this project created. Resources without the tag are never changed or removed."""
ALL_TRAFFIC = 100
"""Per cent."""
_LIMIT_VARIABLES = {"MULTICHAIN_DEADLINE_SECONDS": "280", "MULTICHAIN_RESPONSE_BYTES": "15000000"}
"""Limits of the model, below those of an endpoint: 297 s a request, 16 MB a response."""
_MAX_VARIABLES = 30
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD")


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """The specification of an endpoint that serves one version.

    Attributes:
        name: Name of the endpoint.
        model: Registered model, as CATALOG.SCHEMA.MODEL.
        version: Number of the version.
        size: Workload size.
        environment: Value of the project's tag. With ``dev``, the endpoint scales to zero.
        variables: Environment variables of the served version.
        route_optimized: Whether the endpoint is created with route optimisation.
        tables: CATALOG.SCHEMA for inference and telemetry tables; empty for none.
        calls_per_minute: Rate limit of the endpoint; 0 means no limit.
        budget_policy: Id of a budget policy; empty for none.
        tags: Further tags of the endpoint.
    """

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
        """Name of the served entity: the version, and a hash by which other settings get another name."""
        settings = json.dumps([self.model, self.size.name, self.environment, sorted(self.variables.items())])
        return f"v{self.version}-{sha256(settings.encode()).hexdigest()[:6]}"

    def served_entity(self) -> Any:  # a class of the SDK
        """Return the ServedEntityInput of the version."""
        from databricks.sdk.service.serving import ServedEntityInput  # takes a second to import

        return ServedEntityInput(
            name=self.entity_name,
            entity_name=self.model,
            entity_version=self.version,
            workload_size=self.size.name,
            scale_to_zero_enabled=self.environment == "dev",
            environment_vars=_LIMIT_VARIABLES | dict(self.variables),
        )

    def ai_gateway(self) -> Any:
        """Return the AiGatewayConfig: usage tracking, and the inference table and rate limit of the spec."""
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
        """Return the TelemetryConfig with tables for logs, metrics and traces; None without ``tables``."""
        from databricks.sdk.service import serving

        if not self.tables:
            return None
        prefix = f"{self.tables}.{self.name.replace('-', '_')}"
        names = {f"{kind}_table": f"{prefix}_{kind}" for kind in ("logs", "metrics", "traces")}
        return serving.TelemetryConfig(table_names=serving.UnityCatalogTableNames(**names))

    def endpoint_tags(self) -> list[Any]:
        """Return the tags of the endpoint as EndpointTag, with the project's tag first. The bill shows them, too."""
        from databricks.sdk.service.serving import EndpointTag

        return [EndpointTag(key, value) for key, value in {PROJECT_TAG: self.environment, **self.tags}.items()]


def traffic_config(shares: Mapping[str, int]) -> Any:
    """Return the TrafficConfig of ``shares``: per cent of the requests by name of the served entity."""
    from databricks.sdk.service.serving import Route, TrafficConfig

    return TrafficConfig([Route(traffic_percentage=share, served_entity_name=name) for name, share in shares.items()])


def parse_variables(secrets: Sequence[str], settings: Sequence[str]) -> dict[str, str]:
    """Return the environment variables of a served version.

    Args:
        secrets: Variables with the value of a secret, as ``NAME=scope/key``.
        settings: Variables with a plain value, as ``NAME=VALUE``.

    Returns:
        Values by name; a secret as Databricks' reference ``{{secrets/scope/key}}``.

    Raises:
        ServingError: A variable is malformed or looks like a plain secret, or there are more than an endpoint accepts.
    """
    values: dict[str, str] = {}
    for word in secrets:
        name, _, secret_path = word.partition("=")
        if not re.fullmatch(r"\w+=[\w.@-]+/[\w.@-]+", word):
            raise ServingError("--secret expects NAME=scope/key, such as OPENAI_API_KEY=multichain/openai")
        values[name] = f"{{{{secrets/{secret_path}}}}}"
    for word in settings:
        name, _, value = word.partition("=")
        if not (name and value):
            raise ServingError("--set expects NAME=VALUE, such as MULTICHAIN_TRACES=0.1")
        if _SECRET_NAME.search(name):
            raise ServingError(
                f"{name} looks like a secret, which everyone who sees the endpoint could read; use --secret"
            )
        values[name] = value
    if len(_LIMIT_VARIABLES | values) > _MAX_VARIABLES:
        raise ServingError(
            f"too many variables: an endpoint accepts {_MAX_VARIABLES}, {len(_LIMIT_VARIABLES)} of which set its limits"
        )
    return values
