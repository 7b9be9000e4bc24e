"""Validate a profile. Each message has the file, the line, and the nearest valid name."""

import re
from collections.abc import Iterator

from . import stages
from .config import settings
from .contract import references
from .contract.fields import StageValues
from .contract.stage_contract import COMMON_FIELDS as GIVEN
from .contract.stage_contract import RUN_FIELD, Contract
from .errors import ConfigError, InvalidRequestError, ProfileError
from .profile import COMMON_SETTINGS, GATE, Profile, is_provider, provider_role
from .providers import PROVIDERS, load_provider, provider_settings
from .providers.server_facts import ANY_SERVER
from .retrieval.local.index import Index
from .stages import Stage

_NAME = re.compile(r"[A-Za-z][\w-]*")


def validate_profile(profile: Profile) -> Contract:
    """Return the contract of ``profile``.

    Raises:
        ProfileError: Something is wrong with the profile; one line for each problem.
    """
    for stage_by_stage in (_check_sections, _check_stages):
        _raise_all(stage_by_stage(profile))
    contract = profile.contract
    _raise_all(_check_fields(profile, contract))
    _raise_all(_check_references(profile, contract))
    return contract


def _raise_all(messages: Iterator[str]) -> None:
    lines = list(messages)
    if lines:
        raise ProfileError("\n".join(lines))


def _check_sections(profile: Profile) -> Iterator[str]:
    for problem in profile.backend.find_problems(profile.index):
        yield f"{profile.yaml_file.locate('index', *problem.path)}: index: {problem.message}"
    if profile.embeddings:
        yield from _check_provider(profile, ("embeddings",), profile.embeddings, "embeddings")
    if not isinstance(profile.gate, dict):
        yield f"{profile.yaml_file.locate(GATE)}: gate: expected measures with a number each, such as {{recall: 0.9}}"
        return
    for name, floor in profile.gate.items():
        if isinstance(floor, bool) or not isinstance(floor, int | float):
            yield f"{profile.yaml_file.locate(GATE, str(name))}: gate: {name} must be a number"


def _check_stages(profile: Profile) -> Iterator[str]:
    for name, entry in profile.stages.items():
        location = profile.yaml_file.locate("stages", name)
        if name == "meta":
            yield f"{location}: a stage cannot be called meta, which every response has; give it another name"
        elif not _NAME.fullmatch(str(name)):
            yield f"{location}: a stage's name is made of letters, digits, _ and -, and begins with a letter"
        if not isinstance(entry, dict) or entry.get("kind") not in stages.list_kinds():
            kinds = stages.list_kinds()
            suggestion = settings.suggest(entry["kind"], kinds) if isinstance(entry, dict) and "kind" in entry else ""
            yield f"{profile.yaml_file.locate('stages', name, 'kind')}: {name}: " + (
                f"there is no kind {entry['kind']}; {suggestion}"
                if suggestion
                else f"its kind is missing; {settings.suggest('', kinds)}"
            )
        else:
            yield from _check_stage(profile, name, entry)


def _check_stage(profile: Profile, name: str, entry: StageValues) -> Iterator[str]:
    """Yield what is wrong with the settings, providers and defaults of one stage."""
    kind = stages.load_kind(entry["kind"])
    settings_of_stage = profile.stage_settings(name)
    problems = list(settings.find_problems(kind, settings_of_stage))
    try:
        # fields that depend on the settings are unknown while a setting is wrong
        inputs = getattr(kind, "inputs", None) if problems else kind.declare_fields(name, **settings_of_stage)[0]
    except ConfigError as error:
        yield f"{profile.yaml_file.locate('stages', name, 'runnable')}: {name}: {error}"
        return
    known_settings = [*settings.list_settings(kind), *COMMON_SETTINGS, *(field.name for field in inputs or ())]
    for key in entry.keys() - set(known_settings) if inputs is not None else ():
        location = profile.yaml_file.locate("stages", name, str(key))
        yield f"{location}: {name}: there is no setting {key}; {settings.suggest(str(key), known_settings)}"
    for problem in problems:
        yield f"{profile.yaml_file.locate('stages', name, *problem.path)}: {name}: {problem.message}"
    if settings_of_stage.get("documents") and not profile.backend.is_local:
        location = profile.yaml_file.locate("stages", name, "documents")
        yield f"{location}: {name}: documents works with a local index only; give the stage a filter instead"
    yield from _check_stage_providers(profile, name, kind)


def _check_stage_providers(profile: Profile, name: str, kind: type[Stage]) -> Iterator[str]:
    """Yield what is wrong with the providers of one stage."""
    for key, parameter in settings.list_settings(kind).items():
        value = profile.stages[name].get(key)
        if is_provider(value):
            yield from _check_provider(profile, ("stages", name, key), value, provider_role(kind, key))
        elif key in profile.stages[name] and settings.find_protocol(parameter):
            location = profile.yaml_file.locate("stages", name, key)
            yield f"{location}: {name}: {key} must name a provider, such as {{provider: offline}}"


def _check_provider(profile: Profile, path: tuple[str, ...], entry: StageValues, role: str) -> Iterator[str]:
    label, name = ": ".join(path[1:] or path), entry.get("provider")
    if not isinstance(name, str) or name not in PROVIDERS:
        sentence = f"there is no provider {name}; {settings.suggest(str(name), PROVIDERS)}"
        yield f"{profile.yaml_file.locate(*path, 'provider')}: {label}: {sentence}"
        return
    provider = load_provider(name).locate(ANY_SERVER)
    if role not in provider.factories:
        yield f"{profile.yaml_file.locate(*path)}: {label}: the provider {name} has no {role}; name another"
        return
    if not profile.backend.is_local and settings.requires_dependency(provider.factories[role], Index):
        location = profile.yaml_file.locate(*path)
        yield f"{location}: {label}: the provider {name} works with a local index only; name another"
        return
    completed = provider.complete_settings(role, provider_settings(entry))
    problems = list(settings.find_problems(provider.factories[role], completed))
    for problem in problems:
        yield f"{profile.yaml_file.locate(*path, *problem.path)}: {label}: {problem.message}"
    if problems:
        return
    if entry.get("pace") and entry["pace"] != profile.find_pace(name, role):
        yield (
            f"{profile.yaml_file.locate(*path, 'pace')}: {label}: another entry of {name} has another pace, and both "
            "call the same server; write the pace in one of them"
        )
    try:
        provider.check_settings(role, completed)
    except ConfigError as error:
        yield f"{profile.yaml_file.locate(*path, 'model')}: {label}: {error}"


def _check_fields(profile: Profile, contract: Contract) -> Iterator[str]:
    """Yield names that a stage cannot give its fields, and defaults that do not fit."""
    for name, stage in contract.stages.items():
        common = {field.name for field in GIVEN}
        for field in stage.inputs:
            if field.name == RUN_FIELD.name:
                yield f"{profile.yaml_file.locate('stages', name)}: {name}: an input cannot be called run; rename it"
            if field.default is None:
                continue
            try:
                field.parse(field.default)
            except InvalidRequestError as error:
                yield f"{profile.yaml_file.locate('stages', name, field.name)}: {name}.{field.name}: {error}"
        for field in stage.outputs:
            if field.name in common:
                location = profile.yaml_file.locate("stages", name)
                yield f"{location}: {name}: an output cannot be called {field.name}; rename it"


def _check_references(profile: Profile, contract: Contract) -> Iterator[str]:
    """Yield references to stages or fields that do not exist, and circular references."""
    needs: dict[str, set[str]] = {name: set() for name in contract.stages}
    for name, stage in contract.stages.items():
        for field in stage.inputs:
            if field.default is None:
                continue
            for reference in references.find_references(stage, {field.name: field.default}, contract):
                needs[name].add(reference.stage)
                explanation = references.explain_problem(reference, contract)
                if explanation:
                    yield f"{profile.yaml_file.locate('stages', name, field.name)}: {name}.{field.name}: {explanation}"
            for dotted in _unknown_references(str(field.default), contract) if field.kind == "text" else ():
                location = profile.yaml_file.locate("stages", name, field.name)
                suggestion = settings.suggest(dotted.partition(".")[0], contract.stages)
                yield f"{location}: {name}.{field.name}: {{{dotted}}} names no stage; {suggestion}"
        if stage.unless:
            needs[name].add(stage.unless[0])
            yield from (
                f"{profile.yaml_file.locate('stages', name, 'unless')}: {name}: {w}"
                for w in _check_condition(name, contract)
            )
    for name in references.find_cycle(needs):
        location = profile.yaml_file.locate("stages", name)
        yield f"{location}: {name}: circular reference between stages; remove one of the references"


def _unknown_references(text: str, contract: Contract) -> Iterator[str]:
    """Yield what looks like a reference in a profile's text and names no stage; ``{{x.y}}`` is plain text."""
    for match in re.finditer(r"(?<!\{)\{(\w[\w-]*)\.(\w+)\}(?!\})", text):
        if match[1] not in contract.stages:
            yield f"{match[1]}.{match[2]}"


def _check_condition(name: str, contract: Contract) -> Iterator[str]:
    stage, field = contract.stages[name].unless or ("", "")
    if stage not in contract.stages:
        yield f"unless names the stage {stage}, which is not there; {settings.suggest(stage, contract.stages)}"
        return
    booleans = [
        output_field.name for output_field in contract.stages[stage].output_fields if output_field.kind == "boolean"
    ]
    if field not in booleans:
        options = [f"{stage}.{output_field}" for output_field in booleans]
        yield f"unless takes a field that is true or false; {settings.suggest(f'{stage}.{field}', options)}"
