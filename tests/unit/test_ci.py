"""CI, the hooks and a laptop run the same commands, on the Pythons that the package supports."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from pipelines.settings import PROJECT


def read_text(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


def lint_commands() -> set[str]:
    """The tools of `make lint`, each with its subcommand: `ruff check`, `mypy` …"""
    recipe = read_text("Makefile").split("\nlint:")[1].split("\n\n")[0]
    return {" ".join(words).strip() for words in re.findall(r"\$\(BIN\)/(\w+)(?: +([a-z]+))?", recipe)}


def workflow_steps() -> list[dict[str, Any]]:
    workflow = yaml.safe_load(read_text(".github/workflows/test.yml"))
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_ci_runs_the_linters_and_then_the_test_command_of_the_readme() -> None:
    commands = [line for line in read_text(".ci/run").splitlines() if line.startswith("make")]
    assert commands == ["make lint", "make test"]
    assert "make test    # the test suite" in read_text("README.md")


@pytest.mark.parametrize("command", ["make lint", "make test", "make test-full", "make test-spark"])
def test_the_workflow_runs_what_ci_runs_the_whole_crash_matrices_and_spark(command: str) -> None:
    assert any(re.search(rf"{command}(?![\w-])", step.get("run", "")) for step in workflow_steps())


def test_the_workflow_needs_no_action_of_strangers() -> None:
    actions = {step["uses"].split("@")[0] for step in workflow_steps() if "uses" in step}
    assert actions == {"actions/checkout", "actions/setup-python", "actions/upload-artifact"}


def test_the_workflow_tests_every_python_that_the_package_supports() -> None:
    workflow = yaml.safe_load(read_text(".github/workflows/test.yml"))
    project = tomllib.loads(read_text("pyproject.toml"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_a_hook_stands_for_every_linter() -> None:
    hooks = yaml.safe_load(read_text(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    assert lint_commands() == {
        " ".join(
            word for word in hook["entry"].removeprefix(".venv/bin/").split() if not word.startswith("-")
        )
        for hook in hooks
    }


def test_the_version_stands_in_one_place_and_has_its_changes() -> None:
    number = tomllib.loads(read_text("pyproject.toml"))["project"]["version"]
    assert f"## [{number}]" in read_text("CHANGELOG.md")
    elsewhere = [
        path.relative_to(PROJECT)
        for path in (PROJECT / "pipelines").rglob("*.py")
        if number in path.read_text(encoding="utf-8")
    ]
    assert not elsewhere
