"""The image of examples/deploy/container: built by buildah, of another user than root, healthy behind HTTPS."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from releve import __version__
from releve.cli import main
from tests.test_wheel import ROOT

FOLDER = ROOT / "examples" / "deploy" / "container"
TEXT = (FOLDER / "Containerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text("utf-8"))
BASE = "RELEVE_BASE_IMAGE"
"""Names a tar of a Debian with python3, python3-venv and ca-certificates, of which the image is built."""


def test_the_image_has_two_stages_an_own_user_and_a_probe() -> None:
    assert len(re.findall(r"^FROM ", TEXT, re.MULTILINE)) == 2
    assert "\nUSER 10001:10001\n" in TEXT.rpartition("FROM ")[2]
    assert "\nHEALTHCHECK " in TEXT
    assert "--require-hashes" in TEXT


def test_the_compose_file_runs_each_part_with_its_probe_and_by_commands_that_are_there() -> None:
    services = COMPOSE["services"]
    assert {*services} == {"database", "desk", "worker", "gate", "caddy"}
    assert [name for name, row in services.items() if row.get("image") == f"releve:{__version__}"] == [
        "desk", "worker", "gate",
    ]  # fmt: skip
    for name in ("worker", "gate"):
        words = services[name]["command"]
        command = main.get_command(main.make_context("releve", [*words, "--help"], resilient_parsing=True), words[0])
        assert command is not None
        assert words[1] in command.commands  # type: ignore[attr-defined]
        assert services[name]["healthcheck"]["test"][0] == "CMD"
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    assert all("logging" in row for row in services.values()), "logs are rotated"


class Builder:
    """buildah with a storage of its own, without namespaces, which a container of CI does not have."""

    def __init__(self, folder: Path) -> None:
        config = folder / "containers.conf"
        config.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
        more = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", "CONTAINERS_CONF": str(config)}
        self.environ = os.environ | more
        self.line = ["buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]

    def __call__(self, *words: str | Path) -> str:
        done = subprocess.run([*self.line, *words], env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout.strip()


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Builder]:
    if shutil.which("buildah") is None:
        pytest.skip("no buildah on this machine")
    if not os.environ.get(BASE):
        pytest.skip(f"{BASE} names no base of the image")
    yield (found := Builder(tmp_path))
    subprocess.run([*found.line, "rm", "--all"], env=found.environ, check=False, capture_output=True)


@pytest.mark.slow
def test_the_image_serves_a_desk_that_its_own_probe_finds_healthy(buildah: Builder, tmp_path: Path) -> None:
    base = buildah("from", "scratch")
    buildah("add", base, os.environ[BASE], "/")
    buildah("commit", "--rm", base, "localhost/base")
    context = tmp_path / "release"
    subprocess.run([str(ROOT / "scripts" / "wheel"), str(context)], check=True, capture_output=True)
    shutil.copy(ROOT / "requirements" / "run.txt", context / f"releve-{__version__}.requirements.txt")
    bundle = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    buildah(
        "build", "--format", "docker", "--build-arg", "BASE=localhost/base", "-f", FOLDER / "Containerfile",
        "-v", f"{bundle}:/etc/ssl/certs/ca-certificates.crt:ro", "-t", "releve", context,
    )  # fmt: skip
    config = json.loads(buildah("inspect", "--type", "image", "localhost/releve"))["Docker"]["config"]
    assert config["User"] == "10001:10001"
    box = buildah("from", "localhost/releve")
    assert f"version {__version__}" in buildah("run", box, "--", "releve", "--version")
    buildah("run", box, "--", "releve", "init", "--administrator", "ines")
    settings = ["RELEVE_HTTPS=1", "RELEVE_URL=https://desk.example.org", "RELEVE_ALLOWED_HOSTS=desk.example.org"]
    given = [word for row in settings for word in ("--env", row)]
    line = [*buildah.line, "run", *given, box, "--", *config["Entrypoint"], *config["Cmd"]]
    with subprocess.Popen(line, env=buildah.environ) as running:
        try:
            probe = config["Healthcheck"]["Test"]
            words = probe[1:] if probe[0] == "CMD" else shlex.split(probe[1])
            until = time.monotonic() + 300
            while True:
                asked = [*buildah.line, "run", *given, box, "--", *words]
                if subprocess.run(asked, env=buildah.environ, capture_output=True, check=False).returncode == 0:
                    break
                assert time.monotonic() < until
                assert running.poll() is None
                time.sleep(1)
        finally:
            running.terminate()
