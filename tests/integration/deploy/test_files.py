"""
What can be checked of the deployment files without the engines that run them.
"""

import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from avance.app.sections import all_sections
from avance.app.storage import open_blobs
from avance.backends.s3 import S3Blobs
from avance.config.describe import describe

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
SETTINGS = {setting.env for setting in describe(all_sections())}
# Read by Caddy.
OTHERS = {"AVANCE_SITE", "AVANCE_UPSTREAMS"}


@pytest.fixture
def compose() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


@pytest.fixture
def manifests() -> list[Mapping[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes/avance.yaml").read_text()))


@pytest.mark.parametrize(
    "path",
    [
        *("compose.yaml", "Dockerfile", "env.example", "kubernetes/avance.yaml"),
        *("systemd/avance.service", "caddy/Caddyfile"),
    ],
)
def test_every_setting_that_a_file_names_is_one(path: str) -> None:
    named = set(re.findall(r"\bAVANCE_[A-Z_]+\b", (DEPLOY / path).read_text()))
    assert named
    assert named - OTHERS <= SETTINGS


def test_every_service_of_compose_leads_somewhere(compose: Mapping[str, Any]) -> None:
    services, volumes, networks = compose["services"], compose["volumes"], compose["networks"]
    for name, service in services.items():
        for other, rule in service.get("depends_on", {}).items():
            assert other in services, name
            if rule["condition"] == "service_healthy":
                # Those of avance have the check of their image.
                assert "healthcheck" in services[other] or "build" in services[other], other
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in volumes
        assert set(service.get("networks", [])) <= set(networks)
        assert service["restart"] == "unless-stopped"


def test_secrets_come_from_outside(compose: Mapping[str, Any]) -> None:
    text = (DEPLOY / "compose.yaml").read_text() + (DEPLOY / "kubernetes/avance.yaml").read_text()
    for secret in re.findall(r"(?:SECRET|PASSWORD|KEYS): (\S+)", text):
        assert secret.startswith("${"), secret


def test_only_the_proxy_is_reached_from_elsewhere(compose: Mapping[str, Any]) -> None:
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            assert name == "proxy" or port.startswith("127.0.0.1:"), (name, port)


@pytest.mark.parametrize("language", ["en", "es"])
def test_ports_are_one_list(compose: Mapping[str, Any], language: str) -> None:
    """
    000-32, 000-T13: what the contract, the stack, the runner and the guide say is the same.
    """
    published = {
        name: {int(port.split(":")[-2]) for port in service.get("ports", [])}
        for name, service in compose["services"].items()
    }
    assert published["qdrant"] == {6363}
    assert published["ollama"] == {11464}
    assert published["redis"] == {6389}
    assert published["postgres"] == {5462}
    assert 8030 in published["proxy"]
    assert "PORT ?= 8030" in (ROOT / "Makefile").read_text()
    assert "3030" in (ROOT / "scripts/dev").read_text()
    contract = (ROOT / "docs/contract/ingest.md").read_text()
    (promise,) = [line for line in contract.splitlines() if line.startswith("| 000-32 ")]
    promised = {int(port) for port in re.findall(r"\b\d{4,5}\b", promise)}
    guide = (ROOT / f"docs/{language}/howto/deploy.md").read_text()
    told = {int(port) for port in re.findall(r"^\| (\d{4,5}) \|", guide, re.MULTILINE)}
    assert promised == told == {8030, 3030, 6363, 11464, 6389, 5462}


def test_pods_are_not_root_and_are_asked_how_they_are(manifests: list[Mapping[str, Any]]) -> None:
    deployments = [one for one in manifests if one["kind"] == "Deployment"]
    assert len(deployments) == 2
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        volumes = {one["name"] for one in pod["volumes"]}
        assert {one["name"] for one in container["volumeMounts"]} <= volumes
    (service,) = [one for one in manifests if one["kind"] == "Service"]
    api = deployments[0]["spec"]["template"]
    assert service["spec"]["selector"].items() <= api["metadata"]["labels"].items()
    probe = api["spec"]["containers"][0]["readinessProbe"]["httpGet"]
    assert probe == {"path": "/ready", "port": "http"}


def test_what_one_node_is_given_every_node_reaches(
    compose: Mapping[str, Any], manifests: list[Mapping[str, Any]]
) -> None:
    """
    Files of one server are read by a worker elsewhere: on one machine by a volume, among pods by a store for files.
    """
    ours = [one for one in compose["services"].values() if "build" in one]
    assert len(ours) == 3
    assert {tuple(one["volumes"]) for one in ours} == {("files:/data",)}
    (config,) = [one for one in manifests if one["kind"] == "ConfigMap"]
    assert isinstance(open_blobs(config["data"]["AVANCE_BLOBS"], "/data"), S3Blobs)
    for one in manifests:
        if one["kind"] == "Deployment":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            names = {next(iter(source.values()))["name"] for source in container["envFrom"]}
            assert names == {config["metadata"]["name"], "avance"}


def test_what_compose_asks_of_its_surroundings_is_in_the_example(
    compose: Mapping[str, Any],
) -> None:
    example = (DEPLOY / "env.example").read_text()
    told = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    assert told == set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    # The models that it shows are the services of this stack, where they listen inside it.
    for service, port in re.findall(r"http://(\w+):(\d+)", example):
        (published,) = compose["services"][service]["ports"]
        assert published.endswith(f":{port}")


@pytest.mark.parametrize("path", ["compose.yaml", "docker/compose.yaml"])
def test_every_service_is_asked_how_it_is(path: str) -> None:
    for name, service in yaml.safe_load((DEPLOY / path).read_text())["services"].items():
        # A worker has nothing to ask, and the proxy asks the servers.
        if name not in ("worker", "proxy"):
            assert "healthcheck" in service or "build" in service, name


def instructions() -> Iterator[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest


def test_the_image_is_made_of_what_is_there_and_is_not_root() -> None:
    stages, user = set(), "root"
    for name, rest in instructions():
        if name == "FROM":
            assert ":" in rest.split()[0]
            stages.add(rest.partition(" AS ")[2])
            user = "root"
        if name == "COPY" and "--from=" in rest:
            assert rest.split()[0].removeprefix("--from=") in stages
        elif name == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
        if name == "USER":
            user = rest
    assert user == "avance"


def test_every_extra_of_the_image_exists() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"--extra (\S+)", (DEPLOY / "Dockerfile").read_text())
    assert named
    assert set(named) <= set(known)


def test_the_unit_is_understood_by_systemd(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd/avance.service").read_text()
    # The path of the program is another on each machine.
    own = tmp_path / "avance.service"
    own.write_text(unit.replace("/opt/avance/bin/avance", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", own], capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if "avance.service" in line]
    assert told == []
