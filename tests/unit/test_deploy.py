"""What `deploy/` says is one thing in every place: commands, versions, variables; units and compose are well formed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from pipelines.cli import COMMANDS, main
from pipelines.operations.channels import list_channels
from pipelines.operations.thresholds import VARIABLES
from pipelines.settings import PROJECT

DEPLOY = PROJECT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "thongsuot" in service["image"]}
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
# Keys of the Compose specification that are used here; another one is a slip, or belongs on this list.
KEYS = {
    "image", "build", "env_file", "volumes", "restart", "read_only", "tmpfs", "cap_drop", "cap_add", "security_opt",
    "logging", "command", "ipc", "ports", "stop_grace_period", "healthcheck", "network_mode", "pid", "depends_on",
    "environment", "working_dir",
}  # fmt: skip


def read_unit(path: Path) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, encoding="utf-8")
    return parser


def list_words(text: str) -> list[str]:
    """A command without where it is installed, and with one port and one way to name the workspace."""
    return [re.sub(r"^/opt/thongsuot/(\.venv/bin/)?", "", word) for word in shlex.split(text)]


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze, which reads units as systemd does, is not installed")
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        text = text.replace("/opt/thongsuot/.venv/bin", str(Path(sys.executable).parent))
        text = text.replace("/opt/thongsuot", str(PROJECT))
        text = re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    names = [str(tmp_path / unit.name) for unit in UNITS]
    # In an environment without a running systemd it still reads and checks the files.
    process = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *names],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    ours = [line for line in process.stderr.splitlines() if "thongsuot" in line]
    assert (ours, process.returncode) == ([], 0), process.stderr


def test_no_unit_runs_as_root_and_each_writes_where_it_must() -> None:
    for unit in UNITS:
        if unit.suffix == ".service":
            service = read_unit(unit)["Service"]
            assert service["User"] == "thongsuot" and service["UMask"] == "0077", unit.name
            assert service["ProtectSystem"] == "strict" and service["NoNewPrivileges"] == "yes", unit.name
            assert service["CapabilityBoundingSet"] == "" and service["ProtectKernelModules"] == "yes", (
                unit.name
            )
        else:
            timer = read_unit(unit)["Timer"]
            assert "OnCalendar" in timer and (unit.parent / f"{unit.stem}.service").exists()


def test_units_and_containers_start_the_same_processes() -> None:
    for name in ("code", "daemon", "web"):
        unit = read_unit(DEPLOY / "systemd" / f"thongsuot-{name}.service")["Service"]["ExecStart"]
        assert list_words(unit) == list_words(SERVICES[name]["command"]), name


def test_every_command_of_ours_exists_with_its_options() -> None:
    texts = [service["command"] for service in OURS.values()]
    texts += [read_unit(unit)["Service"]["ExecStart"] for unit in UNITS if unit.suffix == ".service"]
    names = {command.name for command in COMMANDS}
    calls = [match for text in texts for match in re.findall(r"thongsuot (watch|backup|\w+)([^;']*)", text)]
    assert {name for name, _ in calls} >= {"watch", "backup"}
    for name, rest in calls:
        assert name in names
        options = {word for parameter in main.commands[name].params for word in parameter.opts}
        assert {word for word in rest.split() if word.startswith("--")} <= options


def test_every_service_is_pinned_restarts_and_gains_no_rights() -> None:
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name
        assert re.search(r":\d+\.\d+(\.\d+)?[\w.-]*$", service["image"]), f"{name}: an image of no version"
        assert service["restart"] == "unless-stopped" and service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        for other in service.get("depends_on", {}):
            assert "healthcheck" in SERVICES[other], f"{name} waits for {other}, which has no health check"
    # What is published is the proxy's, on the one network that they share.
    assert [service["ports"] for service in SERVICES.values() if "ports" in service] == [["443:443"]]


def test_processes_see_one_another_as_on_one_machine() -> None:
    """Marks of runs and the writer's lock name processes: docs/security.md."""
    others = [service for name, service in OURS.items() if name != "code"]
    assert others and all(service["pid"] == "service:code" for service in others)
    addresses = re.findall(r"(?:--host|-h) (\S+)", " ".join(service["command"] for service in OURS.values()))
    assert set(addresses) == {"127.0.0.1"}


def test_the_image_is_pinned_has_this_version_and_no_root() -> None:
    bases = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    assert len(set(bases)) == 1 and re.search(r":3\.\d+\.\d+-", bases[0])
    lines = CONTAINERFILE.splitlines()
    assert "USER thongsuot" in lines and lines.index("USER thongsuot") < max(
        n for n, line in enumerate(lines) if line.startswith("CMD")
    )
    # Dagster's own processes write for this account alone, as under UMask of the units.
    assert 'ENTRYPOINT ["/bin/sh", "-c", "umask 077; exec' in CONTAINERFILE
    assert "--require-hashes" in CONTAINERFILE and "HEALTHCHECK" in CONTAINERFILE
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {service["image"] for service in OURS.values()} == {f"thongsuot:{project['version']}"}
    assert f"thongsuot:{project['version']}" in CONTAINERFILE


def test_the_example_of_the_environment_holds_variables_that_there_are() -> None:
    text = (DEPLOY / "thongsuot.env").read_text(encoding="utf-8")
    pairs = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "pipelines").rglob("*.py")]
    sources.append((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    assert [name for name in pairs if not any(name in source for source in sources)] == []
    assert len(list_channels(pairs)) == 1
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert [name for name in VARIABLES.values() if name not in example] == []


def test_the_proxy_asks_for_a_login_and_reaches_loopback_alone(tmp_path: Path) -> None:
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert "basic_auth" in text and re.findall(r"reverse_proxy ([\d.]+):", text) == ["127.0.0.1"]
    assert text.count("{") == text.count("}")
    for name in ("THONGSUOT_SITE", "THONGSUOT_LOGIN", "THONGSUOT_LOGIN_HASH"):
        assert f"{{${name}" in text and f"${{{name}:?" in str(SERVICES["proxy"]["environment"][name])


def test_the_web_server_of_the_unit_is_the_one_with_the_guard() -> None:
    words = list_words(SERVICES["web"]["command"])
    assert words[:3] == ["python", "-m", "pipelines.web"]
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0


def test_the_image_is_prepared_as_an_installation_is() -> None:
    """Each module is a program: run as one that has nothing to run, it would do nothing and end with 0."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    modules = re.findall(r"^\t-\$\(BIN\)/python -m (pipelines\S+)", makefile, re.MULTILINE)
    assert modules == re.findall(r"python -m (pipelines\S+)", CONTAINERFILE) and len(modules) == 3
    for module in modules:
        assert "__main__" in PROJECT.joinpath(*module.split(".")).with_suffix(".py").read_text(
            encoding="utf-8"
        )
