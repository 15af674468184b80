"""The role that lets the gateway's identity call an Azure OpenAI account."""

from __future__ import annotations

import uuid

from provision.resources.base import UNKNOWN, Fields, Found, Resource
from tripcurve.errors import TargetUnavailable

__all__ = ["RoleAssignment"]

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
"""Id of the built-in role Cognitive Services OpenAI User, the same in every tenant."""

NAMESPACE = uuid.UUID("9b7c8f3e-5d0c-4d0a-9d63-3f6d1f6f6f1b")


class RoleAssignment(Resource):
    """Cognitive Services OpenAI User for the gateway's managed identity, on one account."""

    type = "role assignment"

    @property
    def scope(self) -> str:
        """The ARM id of the account on which the role is assigned."""
        assert self.parent is not None  # noqa: S101  # built with its account, for the type checker
        return self.parent.id

    @property
    def guid(self) -> str:
        """Return the assignment's name, derived from principal and account so that a retry adds no second one."""
        if self.context.principal_id is None:
            return UNKNOWN
        return str(uuid.uuid5(NAMESPACE, f"{self.scope.lower()}|{self.context.principal_id}|{OPENAI_USER}"))

    @property
    def id(self) -> str:
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{self.guid}"

    @property
    def role_id(self) -> str:
        """The ARM id of the role definition."""
        subscription = f"/subscriptions/{self.context.cloud.subscription_id}"
        return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{OPENAI_USER}"

    def desired(self) -> Fields:
        principal = self.context.principal_id
        return {"role": "Cognitive Services OpenAI User", "principal": UNKNOWN if principal is None else principal}

    def read(self) -> Found | None:
        """Return an assignment of this role to this identity, of any name and creator; None if there is none."""
        principal = self.context.principal_id
        if principal is None:
            return None
        assignments = self.context.clients.authorization.role_assignments
        for item in assignments.list_for_scope(self.scope, filter=f"principalId eq '{principal}'"):
            role = (item.role_definition_id or "").rsplit("/", 1)[-1].lower()
            if item.principal_id == principal and role == OPENAI_USER:
                return Found({"role": "Cognitive Services OpenAI User", "principal": principal})
        return None

    def put(self, found: Found | None) -> None:
        from azure.core.exceptions import HttpResponseError
        from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

        principal = self.context.principal_id
        if principal is None:
            raise TargetUnavailable(
                f"gateway {self.context.lab.gateway.name} has no managed identity to assign a role to"
            )
        body = RoleAssignmentCreateParameters(
            role_definition_id=self.role_id,
            principal_id=principal,
            principal_type="ServicePrincipal",  # else ARM checks the directory, which lags behind
        )
        try:
            self.context.clients.authorization.role_assignments.create(self.scope, self.guid, body)
        except HttpResponseError as error:
            if error.error is None or error.error.code != "RoleAssignmentExists":
                raise

    def delete(self) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            self.context.clients.authorization.role_assignments.delete(self.scope, self.guid)
        except ResourceNotFoundError:
            return  # the account is deleted, and the assignment was deleted with it
