"""The seed notebook's own commands, by the real Azure CLI, against the local cloud.

Opt-in: TRIPCURVE_TEST_AZURE_CLI=1. Installs the CLI (some 700 MB) into a temporary folder, unless
TRIPCURVE_AZURE_CLI names an `az` that is there already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tripcurve.shipped import shipped_folder

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("TRIPCURVE_TEST_AZURE_CLI") != "1", reason="not run: set TRIPCURVE_TEST_AZURE_CLI=1"
    ),
]

GROUP, APIM, ACCOUNT, MOCK = "lab-ai-gateway", "av4-aigw-apim", "av4-aigw-openai1", "openaimock1"
SPECIFICATION = (
    "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/specification/cognitiveservices/data-plane/"
    "AzureOpenAI/inference/stable/2024-02-01/inference.json"
)
COMMAND_S = 120
INSTALL_S = 1800


@dataclass
class Cli:
    """The CLI signed in to one local cloud, with a configuration folder of its own."""

    az: str
    environment: dict[str, str]

    def __call__(self, *arguments: str) -> str:
        """Runs one command; gives its stdout, stripped. Fails the test with what it said."""
        done = subprocess.run(
            [self.az, *arguments], env=self.environment, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
        assert done.returncode == 0, f"az {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of an `az`: the one named, or one installed for these tests."""
    named = os.environ.get("TRIPCURVE_AZURE_CLI")
    if named:
        return named
    folder = tmp_path_factory.mktemp("azure-cli")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=INSTALL_S)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "azure-cli"], check=True, timeout=INSTALL_S)
    return str(folder / "bin" / "az")


@pytest.fixture
def line() -> Iterator[dict[str, Any]]:
    """The JSON line of a local cloud without a lab."""
    command = [sys.executable, "-m", "provision.local", "--stop-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def cli(az: str, line: dict[str, Any], tmp_path: Path) -> Cli:
    """Signed in as docs/azure-cli.md says."""
    environment = {
        **os.environ,
        "AZURE_CONFIG_DIR": str(tmp_path / "config"),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "REQUESTS_CA_BUNDLE": line["ca_file"],
    }
    made = Cli(az, environment)
    made("cloud", "register", "-n", "TripcurveLocal", "--endpoint-resource-manager", line["management_url"])
    made("cloud", "set", "-n", "TripcurveLocal")
    made("config", "set", "core.instance_discovery=false")
    made(
        *("login", "--service-principal", "-u", line["client_id"], "-p", line["client_secret"]),
        *("--tenant", line["tenant_id"]),
    )
    return made


def create_gateway(cli: Cli) -> Any:
    cli("group", "create", "--name", GROUP, "--location", "eastus")
    cli(
        *("apim", "create", "-g", GROUP, "-n", APIM, "-l", "eastus", "--sku-name", "Developer"),
        *("--publisher-email", "noreply@microsoft.com", "--publisher-name", "Microsoft", "--enable-managed-identity"),
    )
    return cli.json("apim", "show", "-g", GROUP, "-n", APIM)


def create_account(cli: Cli, principal: str) -> str:
    """Account, deployment, role; gives the endpoint."""
    cli(
        *("cognitiveservices", "account", "create", "--name", ACCOUNT, "--resource-group", GROUP, "--kind", "OpenAI"),
        *("--sku-name", "S0", "--location", "eastus", "--custom-domain", ACCOUNT),
    )
    cli(
        *("cognitiveservices", "account", "deployment", "create", "--name", ACCOUNT, "--resource-group", GROUP),
        *("--deployment-name", "gpt-35-turbo", "--model-name", "gpt-35-turbo", "--model-version", "0613"),
        *("--model-format", "OpenAI"),
    )
    account = cli.json("cognitiveservices", "account", "show", "--name", ACCOUNT, "--resource-group", GROUP)
    cli(
        *("role", "assignment", "create", "--assignee", principal, "--role", "Cognitive Services OpenAI User"),
        *("--scope", account["id"]),
    )
    return str(account["properties"]["endpoint"])


def create_backend(cli: Cli, service: str, name: str, endpoint: str) -> None:
    condition = {
        "count": 3,
        "errorReasons": ["Server errors"],
        "interval": "PT5M",
        "statusCodeRanges": [{"min": 429, "max": 429}],
    }
    rule = {"failureCondition": condition, "name": "myBreakerRule", "tripDuration": "PT1M"}
    properties = {
        "title": f"{name} backend",
        "url": f"{endpoint}/openai",
        "description": f"Backend for {name}",
        "protocol": "http",
        "circuitBreaker": {"rules": [rule]},
    }
    uri = f"{service}/backends/{name}?api-version=2023-05-01-preview"
    cli("rest", "--method", "PUT", "--uri", uri, "--body", json.dumps({"properties": properties}))


def create_api(cli: Cli, service: str, backend: str, endpoint: str, folder: Path) -> None:
    cli(
        *("apim", "api", "import", "--resource-group", GROUP, "--service-name", APIM, "--api-id", "openai"),
        *("--path", "openai", "--api-type", "http", "--display-name", "OpenAI", "--protocols", "https"),
        *("--description", "OpenAI inference API", "--service-url", f"{endpoint}/openai"),
        *("--specification-format", "OpenApiJson", "--specification-url", SPECIFICATION),
        *("--subscription-required", "true", "--subscription-key-header-name", "api-key"),
        *("--subscription-key-query-param-name", "api-key"),
    )
    policy = (shipped_folder("provision/policies") / "single-backend.xml").read_text("utf-8")
    # As the notebook writes it: quotes escaped, line breaks left as they are.
    text = policy.replace("{backend-id}", backend).replace('"', '\\"')
    body = folder / "policy.json"
    body.write_text('{"properties":{"value":"' + text + '"} }', encoding="utf-8")
    uri = f"{service}/apis/openai/policies/policy?api-version=2022-09-01-preview"
    cli("rest", "--method", "PUT", "--uri", uri, "--body", f"@{body}")


def master_key(cli: Cli, service: str) -> str:
    uri = f"{service}/subscriptions/master/listSecrets?api-version=2022-08-01"
    return cli("rest", "--method", "POST", "--uri", uri, "--query", "primaryKey", "-o", "tsv")


def chat(gateway: str, key: str, content: object) -> int:
    """Status of one call as the notebook makes it."""
    url = f"{gateway}/openai/deployments/gpt-35-turbo/chat/completions?api-version=2024-02-01"
    body = json.dumps({"messages": [{"role": "system", "content": content}]}).encode()
    headers = {"api-key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # http, loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # http, loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_notebook_with_an_account(cli: Cli, tmp_path: Path) -> None:
    gateway = create_gateway(cli)
    endpoint = create_account(cli, gateway["identity"]["principalId"])
    create_backend(cli, gateway["id"], ACCOUNT, endpoint)
    create_api(cli, gateway["id"], ACCOUNT, endpoint, tmp_path)
    assert chat(gateway["gatewayUrl"], master_key(cli, gateway["id"]), "Can you tell me the time, please?") == 200
    clean_up(cli)
    cli("cognitiveservices", "account", "purge", "-g", GROUP, "-n", ACCOUNT, "-l", "eastus")
    assert cli.json("cognitiveservices", "account", "list-deleted") == []


def test_the_notebook_with_a_mock(cli: Cli, tmp_path: Path) -> None:
    gateway = create_gateway(cli)
    endpoint = f"https://{MOCK}.azurewebsites.net"
    create_backend(cli, gateway["id"], MOCK, endpoint)
    create_api(cli, gateway["id"], MOCK, endpoint, tmp_path)
    key = master_key(cli, gateway["id"])
    simulation = {
        "default": {"response_status_code": 200, "wait_time_ms": 0},
        "openaimock1.azurewebsites.net": {"response_status_code": 429},
    }
    statuses = [chat(gateway["gatewayUrl"], key, {"simulation": simulation}) for _ in range(4)]
    assert statuses == [429, 429, 429, 503]
    clean_up(cli)


def clean_up(cli: Cli) -> None:
    cli("group", "delete", "--name", GROUP, "-y")
    cli("apim", "deletedservice", "purge", "--service-name", APIM, "--location", "eastus")
    assert cli.json("apim", "deletedservice", "list") == []
    assert cli("group", "exists", "-n", GROUP) == "false"
