"""The packages that an installation gets: their licences as a page, all of them as an SBOM.

    python -m tools.dependencies              write docs/licences.md
    python -m tools.dependencies --check      status 1 where a licence is not among those allowed
    python -m tools.dependencies --sbom FILE  write a bill of materials (CycloneDX 1.6, JSON)

The packages and their hashes are those of requirements/run.txt; a licence is what the installed
package says of itself. One that this platform does not install keeps the row it has.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from releve import __version__

ROOT = Path(__file__).parents[1]
PAGE, PINS = ROOT / "docs" / "licences.md", ROOT / "requirements" / "run.txt"
ALLOWED = re.compile(r"(?i)\b(?:MIT|BSD|Apache|ISC|PSF|Python|MPL|Mozilla|LGPL|OFL|ZPL|Zlib|Unlicense)")
"""Licences that a program under Apache-2.0 may be installed beside; LGPL: linked, not copied; OFL:
fonts, unchanged; Unlicense: given to the public domain."""
READ = {"colorama": "BSD-3-Clause", "pyrage": "MIT", "python-dateutil": "Apache-2.0 OR BSD-3-Clause"}
"""Licences read in the package's own files, where its metadata do not say."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^ ;\\]+)([^\\\n]*)((?:\\\n[^\\\n]*)*)", re.M)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_ROW = re.compile(r"^\| (\S+) \| (\S+) \| (.+) \|$", re.M)
_HEAD = """# Licences of the packages

Written by `python -m tools.dependencies` from what the packages say of themselves; Relève itself is
under [Apache-2.0](../LICENSE). These are all that an installation with every extra gets
([requirements/run.txt](../requirements/run.txt)). `./scripts/supply-chain` refuses a licence that
is not among those it knows, and writes the same list as an SBOM (CycloneDX).

| package | version | licence |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One pinned package."""

    name: str
    version: str
    hashes: tuple[str, ...]
    licence: str


def list_dependencies() -> list[Dependency]:
    """Return the pinned packages, in the order of their names."""
    rows = {name: licence for name, _version, licence in read_rows()}
    found = []
    for name, version, _marker, hashes in _PIN.findall(PINS.read_text(encoding="utf-8")):
        try:
            licence = READ.get(name) or _find_licence(metadata.metadata(name))
        except metadata.PackageNotFoundError:
            licence = rows.get(name, "unknown")
        found.append(Dependency(name, version, tuple(_HASH.findall(hashes)), licence))
    return sorted(found, key=lambda one: (one.name, one.version))


def read_rows() -> list[tuple[str, str, str]]:
    """Return the rows of the page: name, version, licence."""
    return _ROW.findall(PAGE.read_text(encoding="utf-8"))[1:] if PAGE.exists() else []


def _find_licence(about: Any) -> str:
    """Return the licence that a package's metadata name, the most exact field first."""
    given = (about.get("License-Expression") or about.get("License") or "").strip()
    if given and "\n" not in given and len(given) <= 60:
        return given
    named = [
        line.rpartition("::")[2].strip() for line in about.get_all("Classifier") or () if line.startswith("License ::")
    ]
    return " or ".join(sorted({name for name in named if name != "OSI Approved"})) or "unknown"


def format_page(found: list[Dependency]) -> str:
    """Return the page."""
    rows = (f"| {one.name} | {one.version} | {one.licence} |\n" for one in found)
    return _HEAD + "".join(rows)


def list_faults(found: list[Dependency]) -> list[str]:
    """Return a sentence for each package whose licence is not among those allowed."""
    return [
        f"{one.name} {one.version}: the licence {one.licence!r} is not among those allowed: "
        "read it, then add it to ALLOWED in tools/dependencies.py or replace the package"
        for one in found
        if not ALLOWED.search(one.licence)
    ]


def build_sbom(found: list[Dependency]) -> dict[str, Any]:
    """Return the bill of materials, the same bytes for the same packages."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "releve",
                "name": "releve",
                "version": __version__,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [_build_component(one) for one in found],
        "dependencies": [{"ref": "releve", "dependsOn": [_purl(one) for one in found]}],
    }


def _build_component(one: Dependency) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "purl": _purl(one),
        "licenses": [{"license": {"name": one.licence}}],
        "properties": [{"name": "releve:sha256", "value": digest} for digest in one.hashes],
    }


def _purl(one: Dependency) -> str:
    return f"pkg:pypi/{one.name}@{one.version}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--sbom", type=Path)
    given = parser.parse_args()
    found = list_dependencies()
    if given.sbom is not None:
        given.sbom.parent.mkdir(parents=True, exist_ok=True)
        given.sbom.write_text(json.dumps(build_sbom(found), indent=1) + "\n", encoding="utf-8")
    elif not given.check:
        PAGE.write_text(format_page(found), encoding="utf-8")
    faults = list_faults(found)
    print("\n".join(faults) or f"{len(found)} packages, every licence among those allowed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
