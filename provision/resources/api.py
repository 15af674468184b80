"""The Azure OpenAI API as the gateway publishes it, its policy, and the policy's named values."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

from provision.resources.base import UNKNOWN, Fields, Found, Resource, none_if_absent, wait_for
from provision.resources.differences import differences
from tripcurve.errors import BadInput

__all__ = ["ApiImport", "ApiPolicy", "NamedValue"]

Json = dict[str, Any]
SPECS = Path(__file__).parents[1] / "specs"
KEY_NAME = "api-key"
"""Name of the header and query parameter for the key. It is Azure OpenAI's, so that its SDKs work unchanged."""

PLACEHOLDER = "{backend-id}"
IDENTITY = re.compile(r"<authentication-managed-identity(?=\s)(?![^>]*\sclient-id=)")
"""The start of a policy element that calls with the system-assigned identity."""
ANY = "*"


class ApiImport(Resource):
    """The API, imported from the OpenAPI documents in `specs`: deployments with an api-version, and the v1 API."""

    type = "API"

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/apis/{self.name}"

    def desired(self) -> Fields:
        return {**self._settings(), "operations": _operations(_document())}

    def _settings(self) -> Fields:
        return {
            "display_name": "OpenAI",
            "description": "OpenAI inference API",
            "path": self.context.lab.api.path,
            "service_url": self.context.lab.backends[0].base_url,
            "protocols": ["https"],
            "subscription_required": True,
            "key_header": KEY_NAME,
            "key_query": KEY_NAME,
        }

    def read(self) -> Found | None:
        apis, lab = self.context.clients.apim.api, self.context.lab
        api = none_if_absent(lambda: apis.get(lab.resource_group, lab.gateway.name, self.name))
        if api is None:
            return None
        keys = api.subscription_key_parameter_names
        fields: Fields = {
            "display_name": api.display_name,
            "description": api.description,
            "path": api.path,
            "service_url": (api.service_url or "").rstrip("/"),
            "protocols": [str(protocol) for protocol in api.protocols or []],
            "subscription_required": api.subscription_required,
            "key_header": None if keys is None else keys.header,
            "key_query": None if keys is None else keys.query,
        }
        found = self.context.clients.apim.api_operation.list_by_api(lab.resource_group, lab.gateway.name, self.name)
        # An import appends required query parameters to the template, as in `?api-version={api-version}`.
        fields["operations"] = sorted(f"{item.method} {str(item.url_template).partition('?')[0]}" for item in found)
        return Found(fields, state=api.provisioning_state)

    def put(self, found: Found | None) -> None:
        document = _document()
        document["info"]["version"] = self.context.lab.api.version
        imported = {"format": "openapi+json", "value": json.dumps(document)}
        put = self.context.clients.apim.api.begin_create_or_update
        lab = self.context.lab
        poller = put(lab.resource_group, lab.gateway.name, self.name, self._body(**imported))
        wait_for(poller, self.context.heartbeat)
        self.settle()

    def settle(self) -> None:
        """Write the names, description and address again, because the imported document may have replaced them."""
        made = self.read()
        if made is None or not differences(made.fields, self._settings()):
            return
        update = self.context.clients.apim.api.update
        lab = self.context.lab
        update(lab.resource_group, lab.gateway.name, self.name, if_match=ANY, parameters=self._body())

    def _body(self, **more: str) -> BytesIO:
        """Return the API in ARM's JSON, which the SDK's models cannot express: they have no `bearer` [AIG]."""
        settings = self._settings()
        properties = {
            "displayName": settings["display_name"],
            "description": settings["description"],
            "path": settings["path"],
            "serviceUrl": settings["service_url"],
            "protocols": settings["protocols"],
            "subscriptionRequired": settings["subscription_required"],
            # Not compared by `plan`: it is not documented whether a GET returns `bearer`.
            "subscriptionKeyParameterNames": {"header": KEY_NAME, "query": KEY_NAME, "bearer": "enabled"},
        }
        return BytesIO(json.dumps({"properties": {**properties, **more}}).encode())

    def delete(self) -> None:
        apis, lab = self.context.clients.apim.api, self.context.lab
        poller = none_if_absent(
            lambda: apis.begin_delete(
                lab.resource_group, lab.gateway.name, self.name, if_match=ANY, delete_revisions=True
            )
        )
        if poller is not None:
            wait_for(poller, self.context.heartbeat)


def _document() -> Json:
    """Return one OpenAPI document with the operations of all documents in `specs`."""
    first, *others = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(SPECS.glob("*.json")))
    document: Json = first
    for other in others:
        document["paths"] |= other["paths"]
        for kind, parts in other["components"].items():
            document["components"][kind] |= parts
    return document


def _operations(document: Json) -> list[str]:
    return sorted(f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods)


class ApiPolicy(Resource):
    """The API's policy document, with the backend's id filled in as the seed does."""

    type = "API policy"

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/apis/{self.context.lab.api.id}/policies/policy"

    def document(self) -> str:
        """Return the policy XML to deploy, in which a user-assigned identity is named by its client id.

        Raises BadInput when the file cannot be read as text.
        """
        path = self.context.policy_file
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"api.policy: cannot read {path}: {error}") from None
        text = text.replace(PLACEHOLDER, self.context.lab.backend_id)
        client_id = self.context.client_id
        return text if client_id is None else IDENTITY.sub(rf'\g<0> client-id="{client_id}"', text)

    def desired(self) -> Fields:
        unknown = self.context.lab.gateway.identity != "system" and self.context.client_id is None
        return {"document": UNKNOWN if unknown else normalise(self.document())}

    def read(self) -> Found | None:
        policies, lab = self.context.clients.apim.api_policy, self.context.lab
        policy = none_if_absent(
            lambda: policies.get(lab.resource_group, lab.gateway.name, lab.api.id, "policy", format="rawxml")
        )
        return None if policy is None else Found({"document": normalise(policy.value or "")})

    def put(self, found: Found | None) -> None:
        from azure.mgmt.apimanagement import models

        policies, lab = self.context.clients.apim.api_policy, self.context.lab
        # `rawxml` accepts expressions as people write them, without entities for their quotes.
        body = models.PolicyContract(value=self.document(), format="rawxml")
        policies.create_or_update(lab.resource_group, lab.gateway.name, lab.api.id, "policy", body)

    def delete(self) -> None:
        policies, lab = self.context.clients.apim.api_policy, self.context.lab
        none_if_absent(
            lambda: policies.delete(lab.resource_group, lab.gateway.name, lab.api.id, "policy", if_match=ANY)
        )


def normalise(document: str) -> str:
    """Return a policy without comments and layout and with one kind of quotes, because the service reformats it."""
    text = re.sub(r"<!--.*?-->", "", document, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"='([^'\"<>]*)'", r'="\1"', text)
    return re.sub(r"\s*(/?>|<)\s*", r"\1", text).strip()


class NamedValue(Resource):
    """One value that the policy names in double braces. It is stored as a secret, because it may be a key."""

    type = "named value"
    hidden = frozenset({"value"})

    @property
    def id(self) -> str:
        return f"{self.context.gateway_id}/namedValues/{self.name}"

    def desired(self) -> Fields:
        return {"value": self.context.lab.api.named_values[self.name]}

    def read(self) -> Found | None:
        values, lab = self.context.clients.apim.named_value, self.context.lab
        secret = none_if_absent(lambda: values.list_value(lab.resource_group, lab.gateway.name, self.name))
        return None if secret is None else Found({"value": secret.value})

    def put(self, found: Found | None) -> None:
        from azure.mgmt.apimanagement import models

        values, lab = self.context.clients.apim.named_value, self.context.lab
        body = models.NamedValueCreateContract(display_name=self.name, value=self.desired()["value"], secret=True)
        poller = values.begin_create_or_update(lab.resource_group, lab.gateway.name, self.name, body)
        wait_for(poller, self.context.heartbeat)

    def delete(self) -> None:
        values, lab = self.context.clients.apim.named_value, self.context.lab
        none_if_absent(lambda: values.delete(lab.resource_group, lab.gateway.name, self.name, if_match=ANY))
