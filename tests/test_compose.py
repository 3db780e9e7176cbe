"""`docker-compose.yml` and the Dockerfile cannot be run here; these hold them against the code instead."""

import importlib.machinery
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.codec import origins
from local.postgres import cluster
from settings import Settings

CLONE = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((CLONE / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "share-to-sign"}
DOCKERFILE = (CLONE / "Dockerfile").read_text()
ROOMS = {folder.name for folder in CLONE.iterdir() if (folder / "__init__.py").exists()}


def test_our_services_are_the_api_the_workers_and_the_migration_from_one_image() -> None:
    assert OURS.keys() == {"api", "worker", "migrate"}
    assert all(service["build"] == "." for service in OURS.values())


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_a_setting(name: str) -> None:
    known = {f"STS_{field.upper()}" for field in Settings.model_fields}
    assert OURS[name]["environment"].keys() <= known


@pytest.mark.parametrize("name", OURS)
def test_each_required_setting_is_given(name: str) -> None:
    required = {f"STS_{field.upper()}" for field, info in Settings.model_fields.items() if info.is_required()}
    assert required <= OURS[name]["environment"].keys()


@pytest.mark.parametrize("name", OURS)
def test_the_settings_are_valid(name: str) -> None:
    given = {key.removeprefix("STS_").lower(): value for key, value in OURS[name]["environment"].items()}
    Settings.model_validate(given)


def test_only_the_migration_knows_the_owner_of_the_database() -> None:
    assert [name for name, service in OURS.items() if "STS_DATABASE_OWNER_URL" in service["environment"]] == ["migrate"]
    assert all("POSTGRES_PASSWORD" not in str(OURS[name]) for name in ("api", "worker"))


def test_no_secret_has_a_default() -> None:
    text = (CLONE / "docker-compose.yml").read_text()
    references = re.findall(r"(?<!\$)\$\{(\w+)(.*?)\}", text)
    assert references
    assert all(rest.startswith(":?") or rest == ":-" for _, rest in references)  # demanded, or none at all
    for key in ("PASSWORD", "PWD", "KEYS", "TOKENS"):
        for service in SERVICES.values():
            given = {name: value for name, value in service.get("environment", {}).items() if key in name}
            assert all(value.startswith("${") for value in given.values())


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_one_of_sts_and_exists(name: str) -> None:
    python, *words = OURS[name]["command"]
    assert python == "python"
    known = [[Path(word).name for word in run] for _, run, _ in _sts().COMMANDS.values()]
    assert words in known
    assert (CLONE / words[0]).exists() or importlib.util.find_spec(words[-1])


def test_the_api_is_reached_and_checked_where_it_listens() -> None:
    api, settings = OURS["api"], OURS["api"]["environment"]
    (published,) = api["ports"]
    _, outside, inside = published.split(":")
    assert int(inside) == settings["STS_API_PORT"]
    assert f"EXPOSE {inside}" in DOCKERFILE
    assert settings["STS_CHART_URL"].endswith(f":{outside}")
    assert settings["STS_PORTAL_URL"].endswith(f":{outside}")
    check = api["healthcheck"]["test"][-1]
    port, path = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)[0]
    assert port == inside
    assert f'"{path}"' in (CLONE / "api" / "health.py").read_text()
    compile(check, "healthcheck", "exec")


def test_the_temporal_ui_and_the_codec_endpoint_name_each_other_on_one_site() -> None:
    ui, api = SERVICES["temporal-ui"], OURS["api"]
    (ui_published,), (api_published,) = ui["ports"], api["ports"]
    ui_host, ui_port, _ = ui_published.split(":")
    api_host, api_port, _ = api_published.split(":")
    assert origins(api["environment"]["STS_TEMPORAL_UI_ORIGINS"]) == {f"http://{ui_host}:{ui_port}"}
    assert ui["environment"]["TEMPORAL_CODEC_ENDPOINT"] == f"http://{api_host}:{api_port}/codec"
    assert ui["environment"]["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "true"
    assert ui_host == api_host, "to another site the browser takes no operator's pass"


def test_only_the_api_knows_who_may_read_payloads() -> None:
    assert [name for name, service in OURS.items() if "STS_CODEC_TOKENS" in service["environment"]] == ["api"]


def test_only_the_workers_seal_and_ask_for_time_stamps_and_the_api_trusts_the_same_authorities() -> None:
    for secret in ("STS_SEAL_PASSPHRASE", "STS_TSA_URLS"):
        assert [name for name, service in OURS.items() if secret in service["environment"]] == ["worker"]
    assert all("STS_TSA_CERTIFICATE_FILE" in OURS[name]["environment"] for name in ("api", "worker"))


def test_what_is_given_empty_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in OURS["worker"]["environment"].items():
        monkeypatch.setenv(key, "" if str(value).endswith(":-}") else str(value))
    given = Settings()
    assert (given.seal_passphrase, given.tsa_certificate_file, given.tsa_urls.get_secret_value()) == (None, None, "")


def test_what_the_settings_name_is_a_service() -> None:
    settings = OURS["api"]["environment"]
    hosts = [settings["STS_TEMPORAL_ADDRESS"].split(":")[0], settings["STS_SMTP_HOST"]]
    hosts += re.findall(r"@(\w+):", settings["STS_DATABASE_URL"])
    assert set(hosts) == {"temporal", "mailpit", "postgres"}
    assert set(hosts) <= SERVICES.keys()


def test_documents_and_seal_lie_where_the_settings_say() -> None:
    for name in ("api", "worker"):
        settings, volumes = OURS[name]["environment"], OURS[name]["volumes"]
        folders = [re.sub(r"\$\{.*?\}", "", volume).split(":")[1] for volume in volumes]
        assert settings["STS_STORAGE_FOLDER"] in folders
        assert settings["STS_STORAGE_FOLDER"] in DOCKERFILE
        assert str(Path(settings["STS_SEAL_KEY_FILE"]).parent) in folders
        assert str(Path(settings["STS_SEAL_CERTIFICATE_FILE"]).parent) in folders


def test_what_a_service_waits_for_exists_and_can_say_so() -> None:
    for service in SERVICES.values():
        for awaited, wait in service.get("depends_on", {}).items():
            assert awaited in SERVICES
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[awaited]
            if wait["condition"] == "service_completed_successfully":
                assert SERVICES[awaited].get("restart", "no") != "unless-stopped"


def test_the_database_repeats_no_value_in_its_log(tmp_path: Path) -> None:
    """As on one machine (SPEC A7)."""
    own = cluster(tmp_path).server({}).command
    quiet = {setting for setting in own if re.match("log_(min|error)", setting)}
    assert len(quiet) == 3
    assert quiet <= set(SERVICES["postgres"]["command"])


def test_workers_can_be_many() -> None:
    assert OURS["worker"]["deploy"]["replicas"] > 1
    assert not {"ports", "container_name"} & OURS["worker"].keys()


def test_the_image_holds_the_lock_and_runs_without_root() -> None:
    assert re.search(r"pip install .*--require-hashes -r requirements/service\.txt", DOCKERFILE)
    assert DOCKERFILE.index("\nUSER share-to-sign") < DOCKERFILE.index("\nCMD")
    version = re.search(r"FROM python:3\.(\d+)-slim", DOCKERFILE)
    assert version
    assert int(version[1]) >= 11


def test_the_image_holds_what_runs_in_production_and_no_more() -> None:
    let_in = {line.removeprefix("!").rstrip("/") for line in _dockerignore() if line.startswith("!")}
    rooms = ROOMS - {"local", "tests", "benchmarks"}
    assert let_in == rooms | {"requirements/service.txt", "settings.py", "worker.py"}
    assert _dockerignore()[0] == "*"


def _dockerignore() -> list[str]:
    lines = (CLONE / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _sts() -> Any:
    loader = importlib.machinery.SourceFileLoader("sts_bootstrap", str(CLONE / "sts"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
