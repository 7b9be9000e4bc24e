"""What is wrong with a profile, each with its file, its line and what was meant."""

import re
from collections.abc import Iterator

from . import stages
from .config import arguments
from .contract import references
from .contract.fields import Values
from .contract.stage_contract import COMMON as GIVEN
from .contract.stage_contract import RUN, Contract
from .errors import InvalidRequestError, ProfileError
from .profile import COMMON, GATE, Profile, is_provider, provided
from .providers import MODULES, provider

_NAME = re.compile(r"[A-Za-z][\w-]*")


def check(profile: Profile) -> Contract:
    """The contract of ``profile``. Raises ProfileError, with a line for each thing that is wrong."""
    for stage_by_stage in (_parts, _stages):
        _raise(stage_by_stage(profile))
    contract = profile.contract
    _raise(_fields(profile, contract))
    _raise(_references(profile, contract))
    return contract


def _raise(wrong: Iterator[str]) -> None:
    found = list(wrong)
    if found:
        raise ProfileError("\n".join(found))


def _parts(profile: Profile) -> Iterator[str]:
    for name, sentence in profile.kind.wrong(profile.index):
        yield f"{profile.source.place('index', name)}: index: {sentence}"
    if profile.embeddings:
        yield from _provider(profile, ("embeddings",), profile.embeddings, "embeddings")
    if not isinstance(profile.gate, dict):
        yield f"{profile.source.place(GATE)}: gate: expected measures with a number each, such as {{recall: 0.9}}"
        return
    for name, floor in profile.gate.items():
        if isinstance(floor, bool) or not isinstance(floor, int | float):
            yield f"{profile.source.place(GATE, str(name))}: gate: {name} is expected to be a number"


def _stages(profile: Profile) -> Iterator[str]:
    for name, told in profile.stages.items():
        at = profile.source.place("stages", name)
        if name == "meta":
            yield f"{at}: a stage cannot be called meta, which every response has; give it another name"
        elif not _NAME.fullmatch(str(name)):
            yield f"{at}: a stage's name is made of letters, digits, _ and -, and begins with a letter"
        if not isinstance(told, dict) or told.get("kind") not in stages.kinds():
            known = stages.kinds()
            meant = arguments.meant(told["kind"], known) if isinstance(told, dict) and "kind" in told else ""
            yield f"{profile.source.place('stages', name, 'kind')}: {name}: " + (
                f"there is no kind {told['kind']}; {meant}"
                if meant
                else f"its kind is missing; {arguments.meant('', known)}"
            )
        else:
            yield from _entries(profile, name, told)


def _entries(profile: Profile, name: str, told: Values) -> Iterator[str]:
    """Settings, providers and defaults of one stage."""
    kind = stages.kind(told["kind"])
    own = profile.settings(name)
    try:
        inputs, _ = kind.declare(name, **own)
    except ProfileError as error:
        yield f"{profile.source.place('stages', name, 'runnable')}: {name}: {error}"
        return
    except TypeError:
        inputs = ()  # a setting is missing, which is said below
    known = [*arguments.names(kind), *COMMON, *(one.name for one in inputs)]
    for key in told.keys() - set(known):
        place = profile.source.place("stages", name, str(key))
        yield f"{place}: {name}: there is no setting {key}; {arguments.meant(str(key), known)}"
    for key, sentence in arguments.wrong(kind, own):
        yield f"{profile.source.place('stages', name, key)}: {name}: {sentence}"
    if own.get("documents") and not profile.kind.OWN:
        place = profile.source.place("stages", name, "documents")
        yield f"{place}: {name}: documents is for an index of one's own; give the stage a filter instead"
    for key, value in own.items():
        if is_provider(value):
            yield from _provider(profile, ("stages", name, key), value, key)


def _provider(profile: Profile, path: tuple[str, ...], told: Values, role: str) -> Iterator[str]:
    where, name = ": ".join(path[1:] or path), told.get("provider")
    if name not in MODULES:
        sentence = f"there is no provider {name}; {arguments.meant(str(name), MODULES)}"
        yield f"{profile.source.place(*path, 'provider')}: {where}: {sentence}"
        return
    make = getattr(provider(name), role, None)
    if make is None:
        yield f"{profile.source.place(*path)}: {where}: the provider {name} has no {role}; name another"
        return
    if not profile.kind.OWN and arguments.needs(make, "index"):
        yield f"{profile.source.place(*path)}: {where}: the provider {name} needs an index of one's own; name another"
        return
    own = provided(told)
    wrong = list(arguments.wrong(make, own))
    for key, sentence in wrong:
        yield f"{profile.source.place(*path, key)}: {where}: {sentence}"
    try:
        if not wrong and hasattr(provider(name), "check"):
            provider(name).check(role, own)
    except ProfileError as error:
        yield f"{profile.source.place(*path, 'model')}: {where}: {error}"


def _fields(profile: Profile, contract: Contract) -> Iterator[str]:
    """Names that a stage cannot give its fields, and defaults that do not fit."""
    for name, stage in contract.stages.items():
        common = {one.name for one in GIVEN}
        for one in stage.inputs:
            if one.name == RUN.name:
                yield f"{profile.source.place('stages', name)}: {name}: an input cannot be called run; rename it"
            if one.default is None:
                continue
            try:
                one.read(one.default)
            except InvalidRequestError as error:
                yield f"{profile.source.place('stages', name, one.name)}: {name}.{one.name}: {error}"
        for one in stage.outputs:
            if one.name in common:
                place = profile.source.place("stages", name)
                yield f"{place}: {name}: an output cannot be called {one.name}; rename it"


def _references(profile: Profile, contract: Contract) -> Iterator[str]:
    """References to nowhere, and those that come back to themselves."""
    needs: dict[str, set[str]] = {name: set() for name in contract.stages}
    for name, stage in contract.stages.items():
        for one in stage.inputs:
            if one.default is None:
                continue
            for reference in references.references(stage, {one.name: one.default}, contract):
                needs[name].add(reference.stage)
                wrong = references.problem(reference, contract)
                if wrong:
                    yield f"{profile.source.place('stages', name, one.name)}: {name}.{one.name}: {wrong}"
            for dotted in _nowhere(str(one.default), contract) if one.kind == "text" else ():
                place = profile.source.place("stages", name, one.name)
                meant = arguments.meant(dotted.partition(".")[0], contract.stages)
                yield f"{place}: {name}.{one.name}: {{{dotted}}} names no stage; {meant}"
        if stage.unless:
            needs[name].add(stage.unless[0])
            yield from (
                f"{profile.source.place('stages', name, 'unless')}: {name}: {w}" for w in _unless(name, contract)
            )
    for name in references.circle(needs):
        yield f"{profile.source.place('stages', name)}: {name}: what it waits for comes back to itself; cut the circle"


def _nowhere(text: str, contract: Contract) -> Iterator[str]:
    """What looks like a reference in a profile's own text, and names no stage; ``{{x.y}}`` is meant as it is."""
    for match in re.finditer(r"(?<!\{)\{(\w[\w-]*)\.(\w+)\}(?!\})", text):
        if match[1] not in contract.stages:
            yield f"{match[1]}.{match[2]}"


def _unless(name: str, contract: Contract) -> Iterator[str]:
    stage, field = contract.stages[name].unless or ("", "")
    if stage not in contract.stages:
        yield f"unless names the stage {stage}, which is not there; {arguments.meant(stage, contract.stages)}"
        return
    booleans = [one.name for one in contract.stages[stage].declared if one.kind == "boolean"]
    if field not in booleans:
        options = [f"{stage}.{one}" for one in booleans]
        yield f"unless takes a field that is true or false; {arguments.meant(f'{stage}.{field}', options)}"
