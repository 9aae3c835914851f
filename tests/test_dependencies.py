"""The pages of licences and the bill of materials name every pinned package."""

from __future__ import annotations

import re
from importlib import metadata

from tools.dependencies import PINS, Dependency, build_sbom, list_dependencies, list_faults, read_rows


def test_the_page_of_licences_is_current() -> None:
    """Mend it with ``python -m tools.dependencies``."""
    pins = re.findall(r"^([\w.-]+)==([^ ;\\\n]+)", PINS.read_text(encoding="utf-8"), re.M)
    rows = read_rows()
    assert [(name, version) for name, version, _licence in rows] == sorted(pins)
    found = {(one.name, one.version): one.licence for one in list_dependencies()}
    for name, version, licence in rows:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if installed == version:
            assert licence == found[name, version]


def test_a_licence_that_is_not_known_is_named() -> None:
    assert list_faults(list_dependencies()) == []
    (fault,) = list_faults([Dependency("copied", "1.0", (), "AGPL-3.0")])
    assert fault.startswith("copied 1.0: the licence 'AGPL-3.0' is not among those allowed")


def test_the_bill_of_materials_holds_every_package_with_its_hashes() -> None:
    found = build_sbom(list_dependencies())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    pinned = PINS.read_text(encoding="utf-8")
    held = [one["value"] for row in found["components"] for one in row["properties"]]
    assert sorted(held) == sorted(re.findall(r"sha256:([0-9a-f]{64})", pinned))
    references = [row["bom-ref"] for row in found["components"]]
    assert found["dependencies"] == [{"ref": "releve", "dependsOn": references}]
    assert len(set(references)) == len(references)
