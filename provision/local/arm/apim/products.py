"""Products, and the APIs that belong to them."""

from __future__ import annotations

import copy

from provision.local.arm.apim.service import SERVICE, SERVICE_TYPE
from provision.local.arm.call import Answer, ArmCall, Json
from provision.local.arm.crud import Crud, Draft, Kind
from provision.local.arm.errors import ArmError, validation_error
from provision.local.arm.router import Router
from provision.local.arm.shapes import ProductShape
from provision.local.arm.store import Resource
from provision.local.arm.world import World

__all__ = ["KIND", "Products"]

LINK_TYPE = f"{SERVICE_TYPE}/products/apis"


def _prepare(draft: Draft) -> Json:
    sent = copy.deepcopy(draft.properties)
    if not 1 <= len(str(sent.get("displayName") or "")) <= 300:
        raise validation_error(("displayName", "DisplayName must be 1 to 300 characters long."))
    if sent.get("state", "notPublished") not in ("notPublished", "published"):
        raise validation_error(("state", "State must be notPublished or published."))
    return {"properties": {"subscriptionRequired": True, "approvalRequired": False, "state": "notPublished", **sent}}


async def _check_unused(world: World, product: Resource) -> None:
    service = product.id.rsplit("/", 2)[0]
    for found in world.store.children(service, f"{SERVICE_TYPE}/subscriptions"):
        if str(found.properties["scope"]).lower() == product.id.lower():
            raise ArmError(
                400,
                "ValidationError",
                "Product has subscriptions; delete them first, or pass deleteSubscriptions=true.",
            )


KIND = Kind(
    f"{SERVICE_TYPE}/products",
    f"{SERVICE}/products/{{product}}",
    _prepare,
    shape=ProductShape,
    deleting=_check_unused,
    etags=True,
    label="Product",
)


class Products(Crud):
    """The handlers of products. A PUT without a body links an API to a product."""

    def register(
        self, router: Router, only: tuple[str, ...] = ("PUT", "PATCH", "GET", "HEAD", "DELETE", "LIST")
    ) -> None:
        super().register(router, only)
        link = f"{KIND.template}/apis/{{api}}"
        router.add("GET", f"{KIND.template}/apis", self.apis)
        router.add("PUT", link, self.link)
        router.add("HEAD", link, self.linked)
        router.add("DELETE", link, self.unlink)

    async def delete(self, call: ArmCall) -> Answer:
        """Delete a product and, with `deleteSubscriptions=true`, its subscriptions before it."""
        if call.query.get("deleteSubscriptions", "").lower() == "true":
            product = self.find(call)
            service = self.parent(call)
            for found in self._world.store.children(service.id, f"{SERVICE_TYPE}/subscriptions"):
                if str(found.properties["scope"]).lower() == product.id.lower():
                    self._world.store.remove(found.id)
        return await super().delete(call)

    async def apis(self, call: ArmCall) -> Answer:
        """List the product's APIs."""
        product = self.find(call)
        shown = [self._shown_api(self._api(call, link.name)) for link in self._links(product)]
        return Answer(200, {"value": shown, "count": len(shown)})

    async def link(self, call: ArmCall) -> Answer:
        """Add an API to the product. Raises ArmError 404 if one of them does not exist."""
        product, api = self.find(call), self._api(call, call.params["api"])
        identifier = f"{product.id}/apis/{api.name}"
        created = self._world.store.get(identifier) is None
        self._world.store.put(Resource(identifier, LINK_TYPE, api.name, {}))
        return Answer(201 if created else 200, self._shown_api(api))

    async def linked(self, call: ArmCall) -> Answer:
        """Answer whether the product has the API. Raises ArmError 404 if it does not."""
        if self._world.store.get(f"{self.find(call).id}/apis/{call.params['api']}") is None:
            raise ArmError(404, "ResourceNotFound", "API not found.")
        return Answer(204)

    async def unlink(self, call: ArmCall) -> Answer:
        """Remove an API from the product; 204 if it was not in it."""
        gone = self._world.store.remove(f"{self.find(call).id}/apis/{call.params['api']}")
        return Answer(200 if gone else 204)

    def _links(self, product: Resource) -> list[Resource]:
        return self._world.store.children(product.id, LINK_TYPE)

    def _api(self, call: ArmCall, name: str) -> Resource:
        found = self._world.store.get(f"{self.parent(call).id}/apis/{name}")
        if found is None:
            raise ArmError(404, "ResourceNotFound", "API not found.")
        return found

    def _shown_api(self, api: Resource) -> Json:
        return {"id": api.id, "type": api.kind, "name": api.name, **api.body}
