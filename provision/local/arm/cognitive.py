"""Azure OpenAI accounts and their model deployments, with soft delete."""

from __future__ import annotations

import copy
import re
import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from provision.local.arm import models
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import ArmError
from provision.local.arm.quotas import check_model_quota
from provision.local.arm.regions import region
from provision.local.arm.router import Router
from provision.local.arm.shapes import AccountShape, DeploymentShape
from provision.local.arm.store import Resource
from provision.local.arm.trash import Trash
from provision.local.arm.world import World

__all__ = ["ACCOUNT", "DELETED_ACCOUNT_TYPE", "DEPLOYMENT", "Accounts", "subdomain"]

ACCOUNT_TYPE = "Microsoft.CognitiveServices/accounts"
DELETED_ACCOUNT_TYPE = "Microsoft.CognitiveServices/deletedAccounts"
PURGE_AFTER = timedelta(hours=48)
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")


def deleted_account_id(world: World, account: Resource) -> str:
    """Return the id of the soft-delete record of an account."""
    group = account.id.split("/")[4]
    return (
        f"{world.subscription_path}/providers/Microsoft.CognitiveServices/locations/{account.body['location']}"
        f"/resourceGroups/{group}/deletedAccounts/{account.name}"
    )


def _prepare_account(draft: Draft) -> Json:
    if draft.existing is None and not _NAME.fullmatch(draft.name):
        raise ArmError(400, "AccountNameInvalid", f"Account name '{draft.name}' is invalid.")
    for key in ("kind", "sku"):
        if not draft.sent.get(key) and draft.existing is None:
            raise ArmError(400, "InvalidResourceProperties", f"The '{key}' of the account is required.", target=key)
    location = region(draft.sent.get("location"), ACCOUNT_TYPE)
    if draft.existing is not None:
        _check_unmoved(draft, location)
    domain = draft.properties.get("customSubDomainName")
    _check_domain_free(draft, domain)
    return {
        "location": location,
        "kind": draft.sent.get("kind") or (draft.existing.body["kind"] if draft.existing is not None else None),
        "sku": draft.sent.get("sku") or (draft.existing.body["sku"] if draft.existing is not None else None),
        "tags": draft.sent.get("tags") or {},
        **_identity(draft),
        "properties": _account_properties(draft, location, domain),
    }


def _account_properties(draft: Draft, location: str, domain: str | None) -> Json:
    if draft.existing is None:
        draft.secrets.update(key1=secrets.token_hex(16), key2=secrets.token_hex(16))
        kept: Json = {"internalId": uuid4().hex, "dateCreated": datetime.now(UTC).isoformat()}
    else:
        kept = copy.deepcopy(draft.existing.properties)
    host = f"{location}.api.cognitive.microsoft.com" if domain is None else f"{domain.lower()}.openai.azure.com"
    sent = {key: value for key, value in draft.properties.items() if key != "restore"}
    return {
        **kept,
        "publicNetworkAccess": "Enabled",
        "capabilities": [{"name": "VirtualNetworks"}, {"name": "CustomerManagedKey"}],
        **sent,
        "endpoint": f"https://{host}/",
        "endpoints": {"OpenAI Language Model Instance API": f"https://{host}/"},
    }


def _identity(draft: Draft) -> Json:
    identity = draft.sent.get("identity")
    if not isinstance(identity, dict) or "SystemAssigned" not in str(identity.get("type")):
        return {}
    principal = draft.world.directory.add_identity(draft.id).principal_id
    return {"identity": {**identity, "principalId": principal, "tenantId": draft.world.tenant_id}}


def _check_unmoved(draft: Draft, location: str) -> None:
    known = draft.existing.body["location"] if draft.existing is not None else location
    if known != location:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{draft.name}' already exists in location '{known}' in resource group "
            f"'{draft.parent.name}'. A resource with the same name cannot be created in location '{location}'. "
            "Please select a new resource name.",
        )


def _check_domain_free(draft: Draft, domain: str | None) -> None:
    for other in draft.world.store.of_kind(ACCOUNT_TYPE) if domain is not None else ():
        if other.id.lower() != draft.id.lower() and subdomain(other).lower() == str(domain).lower():
            raise ArmError(
                409,
                "CustomDomainInUse",
                f"Please pick a different name. The subdomain name '{domain}' is not available as it's already used "
                "by a resource.",
            )


def subdomain(account: Resource) -> str:
    """Return the first label of the account's host name: its custom subdomain, else its name."""
    return str(account.properties.get("customSubDomainName") or account.name)


def _prepare_deployment(draft: Draft) -> Json:
    sent = copy.deepcopy(draft.properties)
    sku = draft.sent.get("sku") or {"name": "Standard", "capacity": 1}
    model = sent.get("model")
    if not isinstance(model, dict) or not model.get("name"):
        raise ArmError(400, "InvalidResourceProperties", "The 'model' of the deployment is required.", target="model")
    filled = models.check(model, str(sku.get("name")), str(draft.parent.body["location"]))
    name = models.usage_name(str(sku.get("name")), str(model["name"]))
    check_model_quota(draft.world, str(draft.parent.body["location"]), name, int(sku.get("capacity", 1)), draft.id)
    return {
        "sku": {"name": sku.get("name"), "capacity": sku.get("capacity", 1)},
        **({"tags": draft.sent["tags"]} if draft.sent.get("tags") else {}),
        "properties": {
            "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
            "raiPolicyName": "Microsoft.DefaultV2",
            **sent,
            "model": filled,
            "currentCapacity": sku.get("capacity", 1),
            "capabilities": {"chatCompletion": "true"},
            "rateLimits": models.rate_limits(int(sku.get("capacity", 1))),
        },
    }


async def _forget_identity(world: World, account: Resource) -> None:
    world.directory.remove_identity(account.id)


ACCOUNT = Kind(
    ACCOUNT_TYPE,
    f"{_GROUP}/providers/{ACCOUNT_TYPE}/{{account}}",
    _prepare_account,
    shape=AccountShape,
    put_style="body",
    delete_style="location",
    deleting=_forget_identity,
    show=lambda _, account: {**account.body, "etag": account.etag},
)
DEPLOYMENT = Kind(
    f"{ACCOUNT_TYPE}/deployments",
    f"{_GROUP}/providers/{ACCOUNT_TYPE}/{{account}}/deployments/{{deployment}}",
    _prepare_deployment,
    shape=DeploymentShape,
    put_style="async",
    delete_style="location",
)


class Accounts(Crud):
    """The handlers of accounts, with their keys and soft delete."""

    def __init__(self, world: World, trash: Trash) -> None:
        super().__init__(world, ACCOUNT)
        self._trash = trash

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        subscription = "/subscriptions/{subscription}/providers/Microsoft.CognitiveServices"
        deleted = f"{subscription}/locations/{{location}}/resourceGroups/{{group}}/deletedAccounts/{{account}}"
        router.add("POST", f"{ACCOUNT.template}/listKeys", self.list_keys)
        router.add("POST", f"{ACCOUNT.template}/regenerateKey", self.regenerate_key)
        router.add("GET", f"{ACCOUNT.template}/models", self.list_models)
        router.add("GET", f"{subscription}/locations/{{location}}/models", self.list_models)
        router.add("GET", f"{subscription}/accounts", self.list_all)
        router.add("GET", f"{subscription}/deletedAccounts", self._trash.index)
        router.add("GET", deleted, self._trash.get)
        router.add("DELETE", deleted, self._trash.purge)

    async def put(self, call: ArmCall) -> Answer:
        """Create, change or restore an account. Raises ArmError 409 if a soft-deleted account still has the name."""
        record = self._trash.by_id(f"{self.parent(call).id}/providers/{ACCOUNT_TYPE}/{call.params['account']}")
        if record is None:
            return await super().put(call)
        if not call.properties().get("restore"):
            raise ArmError(
                409,
                "FlagMustBeSetForRestore",
                f"An existing resource with ID '{record.properties['accountId']}' has been soft-deleted. To restore "
                "the resource, you must specify 'restore' to be 'true' in the property. If you don't want to restore "
                "existing resource, please purge it first.",
            )
        self._trash.restore(record)
        return await super().put(call)

    async def list_all(self, call: ArmCall) -> Answer:
        """List the accounts of all resource groups."""
        found = self._world.store.of_kind(ACCOUNT_TYPE)
        return Answer(200, {"value": [self.shown(account) for account in found]})

    async def list_keys(self, call: ArmCall) -> Answer:
        """Answer with both keys of the account."""
        return Answer(200, dict(self.find(call).secrets))

    async def regenerate_key(self, call: ArmCall) -> Answer:
        """Replace one key. Raises ArmError 400 if the body names neither."""
        account, name = self.find(call), str(call.json().get("keyName", "")).lower()
        if name not in ("key1", "key2"):
            raise ArmError(400, "InvalidKeyName", "keyName must be Key1 or Key2.")
        account.secrets[name] = secrets.token_hex(16)
        return Answer(200, dict(account.secrets))

    async def list_models(self, call: ArmCall) -> Answer:
        """List the models that the region, or the account's region, offers."""
        location = call.params.get("location") or str(self.find(call).body["location"])
        return Answer(200, {"value": models.of_region(location.lower())})

    async def remove(self, resource: Resource) -> None:
        self._trash.keep(
            deleted_account_id(self._world, resource),
            resource,
            {"accountId": resource.id, "deletionDate": _stamp(), "scheduledPurgeDate": _stamp(PURGE_AFTER)},
        )
        await super().remove(resource)


def _stamp(ahead: timedelta = timedelta(0)) -> str:
    return (datetime.now(UTC) + ahead).isoformat()
