"""What can be said of image and compositions without a container engine: they are well-formed, and name what exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from coursewright.cli import cli
from coursewright.settings import Settings, settings_from
from coursewright_api.settings import server_settings

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = ("compose.yaml", "compose.production.yaml")
SERVICE_KEYS = {
    "build", "cap_drop", "command", "depends_on", "deploy", "environment", "extends", "healthcheck", "hostname",
    "image", "init", "logging", "networks", "ports", "profiles", "read_only", "restart", "security_opt", "shm_size",
    "stop_grace_period", "tmpfs", "volumes",
}  # fmt: skip
"""What our services use, of what the Compose Specification knows."""
TOP_KEYS = {"name", "services", "volumes", "networks"}


class Loader(yaml.SafeLoader):
    """YAML with the tag by which an override empties a list."""


Loader.add_constructor("!reset", lambda loader, node: [])


def composition(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text("utf-8"), Loader)
    return loaded


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = composition(name)["services"]
    return found


def merged() -> dict[str, dict[str, Any]]:
    """The services of both files, the second over the first, as far as these tests look."""
    both = {name: dict(service) for name, service in services(COMPOSE[0]).items()}
    for name, service in services(COMPOSE[1]).items():
        base = both[service["extends"]["service"]] if "extends" in service else both.get(name, {})
        both[name] = {**base, **service}
    return both


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    done = subprocess.run(["sh", "deploy/secrets.sh"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", COMPOSE)
def test_a_composition_says_only_what_the_specification_knows(name: str) -> None:
    loaded = composition(name)
    assert {key for key in loaded if not key.startswith("x-")} <= TOP_KEYS
    for service, keys in services(name).items():
        assert keys.keys() <= SERVICE_KEYS, service
        for limit in keys.get("deploy", {}).get("resources", {}).get("limits", {}):
            assert limit in {"cpus", "memory"}


@pytest.mark.parametrize("service", merged())
def test_what_a_service_names_exists(service: str) -> None:
    all_services, found = merged(), merged()[service]
    assert ("image" in found) or ("build" in found)
    assert not str(found["image"]).endswith(":latest")
    assert ":" in found["image"]
    needed = found.get("depends_on", {})
    for other in needed:
        assert other in all_services
        if isinstance(needed, dict) and needed[other]["condition"] == "service_healthy":
            assert "healthcheck" in all_services[other], other
    declared = {name for each in COMPOSE for name in composition(each).get("volumes", {})}
    for volume in found.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), source
        else:
            assert source in declared


def test_only_what_people_need_is_reached_from_outside() -> None:
    for name, service in services(COMPOSE[0]).items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    open_ports = {name: service["ports"] for name, service in services(COMPOSE[1]).items() if service.get("ports")}
    assert open_ports.keys() == {"proxy"}


def test_variables_have_values(secrets: dict[str, str]) -> None:
    for name in COMPOSE:
        for variable, default in re.findall(r"\$\{(\w+)(:[-?])?", (ROOT / name).read_text("utf-8")):
            assert variable in secrets or default == ":-", variable
    assert all(len(value) >= 32 for value in secrets.values())


def ours() -> Iterator[tuple[str, dict[str, Any]]]:
    """The services that run a command of ours."""
    for name, service in merged().items():
        if service.get("command", [""])[0] == "coursewright":
            yield name, service


@pytest.mark.parametrize(("name", "service"), list(ours()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_is_one(name: str, service: dict[str, Any]) -> None:
    accepted(service["command"])


def test_the_commands_of_the_image_are_some() -> None:
    (default,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    accepted(yaml.safe_load(default))
    for line in re.findall(r"coursewright (?:plugins)\b[^\n>]*", DOCKERFILE):
        accepted(shlex.split(line))


def accepted(words: list[str]) -> None:
    """The command exists and takes these options; it is not run."""
    command: click.Command | None = cli
    context = click.Context(cli)
    arguments = words[1:]
    while isinstance(command, click.Group):
        command = command.get_command(context, arguments.pop(0))
        assert command is not None, words
    assert command is not None
    command.make_context(words[1], arguments)


@pytest.mark.parametrize("file", ["settings.toml", "settings.production.toml"])
@pytest.mark.parametrize(("name", "service"), list(ours()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_setting_is_one(name: str, service: dict[str, Any], file: str, secrets: dict[str, str]) -> None:
    image = dict(re.findall(r"^(?:ENV)? +([A-Z_]+)=(\S+)", DOCKERFILE, re.MULTILINE))
    values = {**image, **service["environment"], "COURSEWRIGHT_SETTINGS": str(ROOT / "deploy" / file)}
    values = {
        key: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: secrets[found[1]], str(each)) for key, each in values.items()
    }
    given = {key: value for key, value in values.items() if key.startswith("COURSEWRIGHT_")}
    settings = settings_from(given)
    assert settings.s3 is not None
    known = {"COURSEWRIGHT_SETTINGS", *(f"COURSEWRIGHT_{field.upper()}" for field in Settings.__struct_fields__)}
    plain = {key for key in given if not key.startswith(("COURSEWRIGHT_SECRET_", "COURSEWRIGHT_SERVER_"))}
    assert plain <= known
    server = server_settings(settings)
    assert server.host == "0.0.0.0"
    assert server.database_url.startswith("postgres://coursewright:")
    assert settings.prefect_api_url == "http://prefect:4200/api"
    assert settings.data_dir == Path("/data")
    assert {"S3_ACCESS_KEY", "S3_SECRET_KEY", "JWT_KEY", "METRICS_TOKEN"} <= settings.secrets.keys()


def test_the_prefect_server_has_settings_that_prefect_knows() -> None:
    code = (
        "import sys; from prefect.settings.models.root import Settings\n"
        "def names(model):\n"
        "    for field in model.model_fields.values():\n"
        "        kind = field.annotation\n"
        "        if hasattr(kind, 'model_fields'): yield from names(kind)\n"
        "        alias = field.validation_alias\n"
        "        yield from (each for each in getattr(alias, 'choices', ()) if isinstance(each, str))\n"
        "    prefix = model.model_config.get('env_prefix', '')\n"
        "    yield from (prefix + name for name in model.model_fields)\n"
        "known = {name.lower() for name in names(Settings)}\n"
        "print(sorted(set(sys.argv[1:]) - known))\n"
    )
    used = [name.lower() for name in services(COMPOSE[0])["prefect"]["environment"]]
    used += [name.lower() for name in re.findall(r"PREFECT_\w+", DOCKERFILE)]
    import sys

    done = subprocess.run([sys.executable, "-c", code, *used], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_image_is_built_from_locks_and_runs_as_nobody_special() -> None:
    stages = DOCKERFILE.split("\nFROM ")[1:]
    assert len(stages) == 2
    for install in re.findall(r"pip install [^\n&]*", DOCKERFILE):
        assert "--require-hashes" in install or "--no-deps" in install, install
    assert re.search(r"^USER 10001:10001$", stages[1], re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text("utf-8")
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_well_formed(path: Path) -> None:
    shell = "bash" if "bash" in path.read_text("utf-8").splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(path)], check=True)


def test_secrets_come_from_files_unless_the_environment_has_them(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "entrypoint.sh").read_text("utf-8").replace("/run/secrets", str(tmp_path))
    (tmp_path / "entrypoint.sh").write_text(text)
    (tmp_path / "COURSEWRIGHT_SECRET_JWT_KEY").write_text("from a file; $(exit 1)\n")
    (tmp_path / "COURSEWRIGHT_SERVER_PORT").write_text("1")
    (tmp_path / "COURSEWRIGHT_A;B").write_text("no name")
    environment = {"PATH": os.environ["PATH"], "COURSEWRIGHT_SERVER_PORT": "2"}
    done = subprocess.run(
        ["sh", str(tmp_path / "entrypoint.sh"), "env"], env=environment, capture_output=True, text=True, check=True
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("COURSEWRIGHT_")]
    assert sorted(said) == ["COURSEWRIGHT_SECRET_JWT_KEY=from a file; $(exit 1)", "COURSEWRIGHT_SERVER_PORT=2"]


def test_configurations_are_well_formed() -> None:
    garage = tomllib.loads((ROOT / "deploy" / "garage.toml").read_text("utf-8"))
    assert garage["s3_api"]["api_bind_addr"].endswith(":3900")
    names = re.findall(r"reverse_proxy ([^{\n]+)", (ROOT / "deploy" / "Caddyfile").read_text("utf-8"))
    assert {address.split(":")[0] for line in names for address in line.split()} <= merged().keys()


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_names_what_exists(path: Path) -> None:
    loaded = yaml.safe_load(path.read_text("utf-8"))
    assert loaded["permissions"] == {"contents": "read"}
    for job in loaded["jobs"].values():
        assert job["timeout-minutes"] <= 30
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            for file in re.findall(r"(?:deploy/[\w.]+|\.ci/run|compose[\w.]*\.yaml)", step.get("run", "")):
                assert (ROOT / file).exists(), file
            for service in re.findall(
                r"docker compose (?:build|logs --no-log-prefix) ([a-z0-9-]+)", step.get("run", "")
            ):
                assert service in merged()
