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
from releve.live.worker_health import SILENT_AFTER, InstallationCollector

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
    assert yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["rule_files"] == [RULES.name]


@pytest.mark.parametrize(
    ("alert", "seen_after"),
    [("ReleveDown", 0.0), ("ReleveWorkerUnhealthy", SILENT_AFTER.total_seconds()), ("RelevePathFailing", 36.0)],
)
def test_a_page_comes_within_a_minute_by_the_intervals_of_the_files(alert: str, seen_after: float) -> None:
    times = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["global"]
    (rule,) = (rule for rule in read_rules() if rule["alert"] == alert)
    waits = (times["scrape_interval"], times["evaluation_interval"], rule.get("for", "0s"))
    assert rule["labels"]["severity"] == "page"
    assert seen_after + sum(float(text.removesuffix("s")) for text in waits) <= 60


def test_prometheus_reads_the_rules(tmp_path: Path) -> None:
    """By promtool, or by the server itself, which Debian has without it."""
    if shutil.which("promtool"):
        line = ["promtool", "check", "rules", str(RULES)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return
    if not shutil.which("prometheus"):
        pytest.skip("no promtool and no prometheus on this machine")
    config = tmp_path / "prometheus.yml"
    config.write_text(f"rule_files: [{RULES}]\n", encoding="utf-8")
    line = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with subprocess.Popen([*line, "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        said = []
        for text in running.stderr:
            said.append(text)
            if "Completed loading of configuration file" in text or "Error loading" in text:
                break
        running.terminate()
        running.stderr.read()
    assert "Completed loading of configuration file" in said[-1], "".join(said)
