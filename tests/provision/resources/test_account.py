"""A model that Azure has retired is refused before anything is created on Azure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from provision.resources.account import Account, Deployment
from provision.resources.base import Context
from provision.resources.clouds import Cloud
from tests.provision.labs import openai_lab


class Catalogue:
    """The Azure SDK's client of accounts, whose region offers every model that is asked for."""

    class models:  # the SDK's own name
        @staticmethod
        def list(location: str) -> Any:
            raise AssertionError(f"{location} was asked although the model is known to be retired")


def deployment(kind: Any) -> Deployment:
    lab = openai_lab(model={"deployment": "chat", "name": "gpt-35-turbo", "version": "0613"})
    cloud = Cloud(kind=kind, management_url="", subscription_id="s", tenant_id=None, credential=lambda: cast(Any, None))
    clients = cast(Any, type("Clients", (), {"cognitive": Catalogue}))
    context = Context(lab, cloud, clients, Path("policy.xml"))
    return Deployment(context, f"{lab.backends[0].name}/chat", Account(context, lab.backends[0].name))


def test_a_retired_model_is_refused_on_azure_with_field_date_and_successor() -> None:
    said = deployment("azure").obstacle()
    assert said is not None
    assert "model.version: Azure retired gpt-35-turbo 0613 on 2025-02-13" in said
    assert "use gpt-5.1 2025-11-13" in said


def test_the_local_cloud_asks_its_catalogue() -> None:
    with pytest.raises(AssertionError, match="was asked"):
        deployment("local").obstacle()
