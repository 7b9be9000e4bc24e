"""A version's bill of materials: every distribution with its version, address and licence, in the form of CycloneDX."""

import json
from pathlib import Path

import mlflow

from training.packaging.bill_of_materials import BILL_FILE, write_bill_of_materials


def test_bill_of_a_version_lists_its_requirements(logged: str) -> None:
    folder = Path(mlflow.artifacts.download_artifacts(logged))
    bill = json.loads((folder / "artifacts" / "manifest" / BILL_FILE).read_text("utf-8"))
    pins = (folder / "requirements.txt").read_text("utf-8").split()
    assert sorted(f"{component['name']}=={component['version']}" for component in bill["components"]) == sorted(pins)
    assert bill["metadata"]["component"]["name"] == next((folder / "code").iterdir()).name
    (root,) = [entry for entry in bill["dependencies"] if len(entry.get("dependsOn", [])) == len(pins)]
    assert root["ref"] == bill["metadata"]["component"]["bom-ref"]


def test_licence_is_an_expression_an_identifier_or_a_name(tmp_path: Path) -> None:
    pins = ["mlflow==3", "regex==1", "numpy==2", "py4j==1", "nosuch-distribution==1"]
    write_bill_of_materials("multichain_1", pins, tmp_path / "bill.json")
    text = (tmp_path / "bill.json").read_text("utf-8")
    licences = {component["name"]: component.get("licenses") for component in json.loads(text)["components"]}
    assert licences["regex"] == [{"expression": "Apache-2.0 AND CNRI-Python"}]
    assert licences["py4j"] in ([{"license": {"name": "BSD License"}}], [{"license": {"id": "BSD-3-Clause"}}])
    assert licences["nosuch-distribution"] is None
    assert all(licences[name] for name in ("mlflow", "numpy"))
    assert (json.loads(text)["bomFormat"], json.loads(text)["specVersion"]) == ("CycloneDX", "1.6")
