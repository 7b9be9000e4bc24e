"""Write the software bill of materials of a version: its distributions with versions, addresses and licences.

The format is CycloneDX 1.6 (ECMA-424), which vulnerability scanners and licence checks read.
"""

from collections.abc import Iterable
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

BILL_FILE = "sbom.cdx.json"
_MAX_LICENCE_NAME = 100
"""Length above which the field of a licence holds its text rather than its name."""
_CLASSIFIER = "License :: "


def write_bill_of_materials(name: str, pins: Iterable[str], file: Path) -> None:
    """Write the bill of materials of a version.

    Args:
        name: Name of the version's package.
        pins: Its distributions, as ``name==version``; their licences are read from those installed here.
        file: The JSON file.
    """
    bill = Bom()
    version_component = Component(type=ComponentType.MACHINE_LEARNING_MODEL, name=name)
    bill.metadata.component = version_component
    for distribution, _, version in (pin.partition("==") for pin in pins):
        bill.components.add(
            Component(
                type=ComponentType.LIBRARY,
                name=distribution,
                version=version,
                purl=PackageURL("pypi", None, distribution, version),
                licenses=filter(None, [_find_licence(distribution)]),
            )
        )
    bill.register_dependency(version_component, bill.components)
    file.write_text(JsonV1Dot6(bill).output_as_string(indent=1), "utf-8")


def _find_licence(distribution: str) -> License | None:
    """Return the licence that a distribution declares: an SPDX expression, a name, or its classifier."""
    try:
        declared = metadata(distribution)
    except PackageNotFoundError:
        return None
    text = _declared_licence(declared)
    return LicenseFactory().make_from_string(text) if text else None


def _declared_licence(declared: PackageMetadata) -> str:
    if "License-Expression" in declared:
        return str(declared["License-Expression"])
    name = str(declared["License"]) if "License" in declared else ""
    if 0 < len(name) <= _MAX_LICENCE_NAME and "\n" not in name:
        return name
    classifiers = declared.get_all("Classifier") or []
    names = [word.removeprefix(_CLASSIFIER).removeprefix("OSI Approved :: ") for word in classifiers]
    return next((name for name, word in zip(names, classifiers, strict=True) if _is_licence(name, word)), "")


def _is_licence(name: str, classifier: str) -> bool:
    return classifier.startswith(_CLASSIFIER) and name != "OSI Approved"
