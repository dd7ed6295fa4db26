"""docker-compose.yml keeps the rules a deployment stands on. It is read here, never run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

ONE_SHOT = {"temporal-schema", "temporal-namespace", "cli"}
PUBLISHED_ON_LOOPBACK = re.compile(r"127\.0\.0\.1:\d+:\d+")
NAMES_A_SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|KEY|DATABASE_URL")

CHECK = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]

each_service = pytest.mark.parametrize("name", SERVICES)


def test_it_is_a_compose_file_by_the_specifications_schema(tmp_path: Path) -> None:
    right = ROOT / "docker-compose.yml"
    assert subprocess.run([*CHECK, str(right)], check=False).returncode == 0
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(right.read_text().replace("stop_grace_period:", "grace_period:"))
    checked = subprocess.run([*CHECK, str(wrong)], check=False, capture_output=True, text=True)
    assert "grace_period" in checked.stdout


@each_service
def test_a_service_is_watched_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert "healthcheck" not in service
        assert service.get("restart", "no") != "unless-stopped"
    else:
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert service["restart"] == "unless-stopped"


@each_service
def test_nothing_is_published_beyond_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert PUBLISHED_ON_LOOPBACK.fullmatch(port), f"{name} publishes {port}"
    assert SERVICES[name].get("network_mode") != "host"


@each_service
def test_no_secret_is_an_environment_value(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if NAMES_A_SECRET.search(variable):
            assert variable.endswith("_FILE"), f"{name}: {variable} is no file"
            assert value.startswith("/run/secrets/")


@each_service
def test_every_secret_a_service_reads_is_mounted_and_is_a_file(name: str) -> None:
    service = SERVICES[name]
    mounted = set(service.get("secrets", []))
    read = set(re.findall(r"/run/secrets/(\w+)", yaml.safe_dump(service)))
    assert read <= mounted, f"{name} reads secrets that are not mounted"
    for secret in mounted:
        assert COMPOSE["secrets"][secret] == {"file": f"deploy/secrets/{secret}"}


def test_the_script_makes_every_secret() -> None:
    made = set(re.findall(r"^make_secret (\w+)", (ROOT / "deploy/secrets.sh").read_text(), re.M))
    assert made == set(COMPOSE["secrets"])


@each_service
def test_volumes_are_named_or_files_of_the_project(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert mode == ["ro"], f"{name} may write to {source}"
            assert "/tenants" in source or (ROOT / source).exists(), f"{source} is missing"
        else:
            assert source in COMPOSE["volumes"], f"{name} mounts an unnamed volume"


def test_the_database_outlives_its_container() -> None:
    targets = [volume.split(":")[1] for volume in SERVICES["postgres"]["volumes"]]
    assert "/var/lib/postgresql/data" in targets


@each_service
def test_what_a_service_waits_for_can_come_true(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_completed_successfully":
            assert other in ONE_SHOT
        else:
            assert wait["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[other]


@each_service
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert re.match(r"\d", tag), f"{name} runs whatever is newest"


def test_server_and_tools_of_temporal_are_of_one_version() -> None:
    tags = {
        service["image"].rpartition(":")[2]
        for service in SERVICES.values()
        if service["image"].startswith(("temporalio/server", "temporalio/admin-tools"))
    }
    assert len(tags) == 1


def test_the_worker_is_given_time_to_finish() -> None:
    assert SERVICES["worker"]["stop_grace_period"] == "90s"


def test_our_own_containers_cannot_gain_rights() -> None:
    for name in ("worker", "codec-server", "cli"):
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service["user"].startswith("0")
