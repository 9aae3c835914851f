"""The rules and the dashboard of examples/deploy name metrics that the program exports, and read as they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from releve.desk import system
from releve.live.worker_health import InstallationCollector

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"
RULES = DEPLOY / "alerts.yml"
_METRIC = re.compile(r"\breleve_[a-z_]+")


def read_rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.mark.django_db
@pytest.mark.database
def test_each_metric_of_the_rules_and_the_dashboard_is_exported() -> None:
    families = [*InstallationCollector().collect(), *system.REQUESTS.collect()]
    exported = {family.name + "_total" * (family.type == "counter") for family in families}
    dashboard = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    expressions = [rule["expr"] for rule in read_rules()]
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    named = {name for text in expressions for name in _METRIC.findall(text)}
    assert named
    assert named <= exported


def test_each_rule_says_who_is_called_and_what_to_do() -> None:
    rules = read_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "action"}
        if rule["labels"]["severity"] == "page":
            assert rule.get("for", "0s") in ("0s", "15s", "30s"), "beside two scrapes, within a minute"
    assert yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["rule_files"] == [RULES.name]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_reads_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
