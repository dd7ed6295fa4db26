"""The tenant files of the demo are the example files, but for addresses and waits."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from ml_connector.domain.tenant import load_tenant
from starter.demonstration import tenants
from starter.demonstration.scenario import SCENARIO
from starter.demonstration.tenants import EXAMPLES, merged, to_toml, write_tenant_file
from starter.errors import Refused


@pytest.mark.parametrize("name", [company.tenant for company in SCENARIO.companies])
def test_an_example_made_fast(tmp_path: Path, name: str) -> None:
    file = write_tenant_file(
        name, tmp_path, fedex_url="http://127.0.0.1:1", visma_url="http://127.0.0.1:2"
    )
    example = load_tenant((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8"))
    assert load_tenant(file.path.read_text(encoding="utf-8")) == file.tenant
    assert file.tenant.fedex.api_url == "http://127.0.0.1:1"
    assert file.tenant.visma.token_url == "http://127.0.0.1:2/connect/token"
    assert file.tenant.polling.discovery < timedelta(seconds=10) < example.polling.discovery
    for untouched in ("id", "name", "timezone", "shipping", "freight"):
        assert getattr(file.tenant, untouched) == getattr(example, untouched)
    assert file.tenant.secret_refs() == example.secret_refs()


def test_the_accounts_an_example_names_are_in_the_companys_chart() -> None:
    standard = {"7140", "2960"}
    for company in SCENARIO.companies:
        freight = load_tenant((EXAMPLES / f"{company.tenant}.toml").read_text()).freight
        named = {freight.accrual_account, freight.default_debit_account, freight.debit_account}
        known = standard | {account["id"] for account in company.accounts} | {"line", None}
        assert named <= known


def test_toml_comes_back_as_it_went(tmp_path: Path) -> None:
    tables = {
        "text": 'with "quotes", \\ and æ',
        "number": 3,
        "yes": True,
        "list": ["a", "b"],
        "outer": {"*": "any", "1": "000", "inner": {"deep key": "x"}},
    }
    assert tomllib.loads(to_toml(tables)) == tables


def test_tables_are_merged_and_values_replaced() -> None:
    base = {"a": {"x": 1, "y": {"z": 1}}, "b": 1}
    assert merged(base, {"a": {"y": {"w": 2}}, "b": {"c": 3}}) == {
        "a": {"x": 1, "y": {"z": 1, "w": 2}},
        "b": {"c": 3},
    }
    assert base == {"a": {"x": 1, "y": {"z": 1}}, "b": 1}


def test_without_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenants, "EXAMPLES", tmp_path)
    with pytest.raises(Refused, match="example tenant file"):
        write_tenant_file("nordic", tmp_path, fedex_url="http://a", visma_url="http://b")
