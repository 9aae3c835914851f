"""The charter as OSCAL: ids that stay, references that lead somewhere, no standing lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from releve.plugins.inspection.engine import oscal
from releve.situation import compute_standings, list_findings
from tests.situation.control_rows import answer, raised, verify
from tests.situation.rule_chain import START, Chain
from tests.situation.test_standings import CHARTER, TODAY, check


def list_references(value: Any) -> tuple[set[str], set[str]]:
    """Return the ids that a document defines, and those that it refers to."""
    own: set[str] = set()
    named: set[str] = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "uuid":
                own.add(inner)
            elif name.endswith("-uuid"):
                named.add(inner)
            elif name == "href" and inner.startswith("#"):
                named.add(inner[1:])
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            more, others = list_references(inner)
            own, named = own | more, named | others
    return own, named


def test_the_documents_are_whole_and_their_ids_stay() -> None:
    assert CHARTER is not None
    chain = Chain()
    check(chain)
    grid = compute_standings(chain.situation, chain.operator, chain.rules, TODAY, 1, until=TODAY)
    results = oscal.build_assessment_results(CHARTER, grid, TODAY, START)
    for document in (results, oscal.build_assessment_plan(CHARTER, START), oscal.build_catalog(CHARTER, START)):
        own, named = list_references(document)
        assert named <= own
    assert results == oscal.build_assessment_results(CHARTER, grid, TODAY, START)
    (result,) = results["assessment-results"]["results"]
    states = Counter(row["props"][0]["value"] for row in result["findings"])
    assert states == Counter(kept=13, unknown=3 * 21 - 13)
    satisfied = {row["description"] for row in result["findings"] if row["target"]["status"]["state"] == "satisfied"}
    assert satisfied == {"kept"}
    catalog = oscal.build_catalog(CHARTER, START)["catalog"]
    controls = {control["id"] for group in catalog["groups"] for control in group["controls"]}
    assert controls == set(grid.measures)


def test_the_plan_of_action_follows_the_findings_and_their_answers() -> None:
    assert CHARTER is not None
    chain = Chain()
    assert oscal.build_plan_of_action(CHARTER, list_findings(chain.situation), START) is None
    raised(chain)
    seen = []
    for act in (None, answer, verify):
        if act is not None:
            act(chain)
        document = oscal.build_plan_of_action(CHARTER, list_findings(chain.situation), START)
        assert document is not None
        own, named = list_references(document)
        assert named <= own
        (risk,) = document["plan-of-action-and-milestones"]["risks"]
        lifecycles = [row["lifecycle"] for row in risk.get("remediations", [])]
        seen.append((risk["status"], risk["deadline"], lifecycles))
    due = "2026-12-10T23:59:00Z"
    assert seen == [("open", due, []), ("remediating", due, ["planned"]), ("closed", due, ["completed"])]


def write_documents(folder: Path) -> list[Path]:
    """Write all four documents of an audit with a finding."""
    assert CHARTER is not None
    chain = Chain()
    check(chain)
    raised(chain)
    answer(chain)
    grid = compute_standings(chain.situation, chain.operator, chain.rules, TODAY, 1, until=TODAY)
    documents = {
        "catalog": oscal.build_catalog(CHARTER, START),
        "plan": oscal.build_assessment_plan(CHARTER, START),
        "results": oscal.build_assessment_results(CHARTER, grid, TODAY, START),
        "poam": oscal.build_plan_of_action(CHARTER, list_findings(chain.situation), START),
    }
    paths = [folder / f"{name}.json" for name in documents]
    for path, document in zip(paths, documents.values(), strict=True):
        path.write_text(json.dumps(document), encoding="utf-8")
    return paths


READ_BY_TRESTLE = """
import sys
from pathlib import Path
from trestle.oscal import assessment_plan, assessment_results, catalog, poam
kinds = (catalog.Catalog, assessment_plan.AssessmentPlan, assessment_results.AssessmentResults,
         poam.PlanOfActionAndMilestones)
for path, kind in zip(sys.argv[1:], kinds):
    print(kind.oscal_read(Path(path)).uuid)
"""


@pytest.mark.slow
def test_trestle_reads_every_document(tmp_path: Path) -> None:
    """compliance-trestle accepts all four; its command is looked for on the path."""
    command = shutil.which("trestle")
    if command is None:
        pytest.skip("compliance-trestle is not installed")
    paths = write_documents(tmp_path)
    python = Path(command).with_name("python")
    done = subprocess.run([python, "-c", READ_BY_TRESTLE, *paths], capture_output=True, text=True, check=False)
    written = [next(iter(json.loads(path.read_text()).values()))["uuid"] for path in paths]
    assert done.stdout.split() == written, done.stderr


@pytest.mark.slow
def test_oscal_validate_finds_no_error(tmp_path: Path) -> None:
    """oscal-validate: structure, identifiers and references of all four documents."""
    command = shutil.which("oscal-validate")
    if command is None:
        pytest.skip("oscal-validate is not installed")
    for path in write_documents(tmp_path):
        done = subprocess.run([command, path, "--resolve", tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert ": 0 ERROR" in done.stdout.splitlines()[-1]


def test_the_library_has_the_fields_that_the_importer_of_ciso_assistant_requires() -> None:
    """No schema of the libraries is published: these are its importer's checks, as of 2026."""
    assert CHARTER is not None
    library = yaml.safe_load(yaml.safe_dump(oscal.build_ciso_library(CHARTER)))
    assert {"urn", "name", "version", "objects"} <= library.keys()
    assert list(library["objects"]) == ["framework"], "one framework, or a list of frameworks"
    framework = library["objects"]["framework"]
    assert {"ref_id", "urn"} <= framework.keys()
    assert framework["requirement_nodes"]
    urns = [library["urn"], framework["urn"]]
    urns += [node["urn"] for node in framework["requirement_nodes"]]
    assert len(urns) == len(set(urns))
    for urn in urns:
        assert re.fullmatch(r"urn:[a-z0-9._-]+:[a-z0-9_-]+:[a-z0-9_-]+:[a-z0-9._:-]+", urn), urn


def test_the_library_of_ciso_assistant_is_a_tree_in_french_and_english() -> None:
    assert CHARTER is not None
    library = yaml.safe_load(yaml.safe_dump(oscal.build_ciso_library(CHARTER)))
    framework = library["objects"]["framework"]
    nodes = framework["requirement_nodes"]
    urns = [node["urn"] for node in nodes]
    assert len(urns) == len(set(urns)) == 7 + 21
    assert all(urn == urn.lower() for urn in urns)
    groups = {row["ref_id"] for row in framework["implementation_groups_definition"]}
    for node in nodes:
        if node["assessable"]:
            parent = nodes[urns.index(node["parent_urn"])]
            assert (parent["assessable"], parent["depth"], node["depth"]) == (False, 1, 2)
            assert set(node["implementation_groups"]) <= groups
            assert node["description"]
            assert node["translations"]["en"]["description"]
    assert isinstance(library["version"], int)
