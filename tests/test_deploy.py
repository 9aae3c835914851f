"""The units and proxies of examples/deploy, checked by the tools that read them, where they are."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from releve.cli import main
from releve.desk.http import LARGEST_BODY_BYTES

DEPLOY = Path(__file__).parents[1] / "examples" / "deploy"
UNITS = ("releve-desk.service", "releve-gate.service", "releve-worker.service")


def need(tool: str) -> str:
    found = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"no {tool} on this machine")
    return found


def run(*line: str | Path) -> str:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there in place of the installed one."""
    for path in DEPLOY.glob("releve*.*"):
        text = path.read_text(encoding="utf-8").replace("/opt/releve/bin/releve", "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return tmp_path


def test_systemd_takes_the_units(units: Path) -> None:
    tool = need("systemd-analyze")
    said = run(tool, "verify", "--man=no", *(units / name for name in (*UNITS, "releve.target")))
    assert str(units) not in said, said


@pytest.mark.parametrize("unit", UNITS)
def test_the_sandbox_leaves_little_open(units: Path, unit: str) -> None:
    """Exposure as systemd counts it, in tenths: 100 is none at all, a plain service 96."""
    run(need("systemd-analyze"), "security", "--offline=true", "--threshold=25", units / unit)


@pytest.mark.parametrize("unit", UNITS)
def test_the_commands_of_the_units_are_commands(unit: str) -> None:
    reader = configparser.RawConfigParser(strict=False)
    reader.read(DEPLOY / unit, encoding="utf-8")
    line = reader["Service"]["ExecStart"].split()[1:]
    context = main.make_context("releve", [*line, "--help"], resilient_parsing=True)
    command = main.get_command(context, line[0])
    assert command is not None
    command = command.get_command(context, line[1])  # type: ignore[attr-defined]
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in line[2:] if word.startswith("--")} <= known


def write_certificate(folder: Path) -> None:
    """Write a certificate of its own for the proxy of the test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desk.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(secret)


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    tool = need("nginx")
    write_certificate(tmp_path)
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    site = site.replace("/etc/letsencrypt/live/desk.example.org", str(tmp_path))
    site = site.replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "site.conf").write_text(site, encoding="utf-8")
    main_file = tmp_path / "nginx.conf"
    main_file.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n access_log off;\n include {tmp_path}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    run(tool, "-t", "-p", tmp_path, "-c", main_file)


def test_nginx_logs_no_address_which_holds_tokens_and_ids_of_people() -> None:
    for site in (DEPLOY / "nginx.conf").read_text(encoding="utf-8").split("server {")[1:]:
        assert "access_log off;" in site
        assert "error.log crit;" in site


def test_caddy_takes_its_file() -> None:
    run(need("caddy"), "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile")


def test_the_proxies_take_as_large_a_body_as_the_desk() -> None:
    most = LARGEST_BODY_BYTES // 1024**2 + 1
    assert f"client_max_body_size {most}m;" in (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"max_size {most}MB" in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
