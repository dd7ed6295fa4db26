"""A worker that serves metrics, and the files that read them: every name in them is real."""

import asyncio
import json
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import worker
from activities.gauges import GAUGES, PREFIX
from ml_connector.temporal.connection import connect
from ml_connector.temporal.ports import free_port
from ml_connector.temporal.runtime import runtime
from tests.stage import Stage

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\b(?:ml_connector|temporal)_\w+")
PARKED = {**dict.fromkeys(("addressLine1", "city"), "Oslo"), "countryId": "NO", "postalCode": ""}
NOT_HERE = {f"{PREFIX}schedule_silent_seconds"}
"""The stage's schedules never run."""


def expressions() -> list[str]:
    """Every Prometheus expression of the dashboard and of the alert rules."""
    dashboard = json.loads((DEPLOY / "grafana/ml-connector.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8"))
    return [
        *(target["expr"] for panel in dashboard["panels"] for target in panel["targets"]),
        *(variable["query"] for variable in dashboard["templating"]["list"]),
        *(rule["expr"] for group in rules["groups"] for rule in group["rules"]),
    ]


async def test_what_the_dashboard_asks_for_is_served(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MEASURE", timedelta(milliseconds=200))
    address = f"127.0.0.1:{free_port()}"
    client = await connect(
        stage.keys, environ={}, address=stage.server.address, runtime=runtime(address)
    )
    await stage.stop_worker()
    stop = asyncio.Event()
    measured = asyncio.create_task(
        worker.run(
            settings=stage.settings,
            keys=stage.keys,
            store=stage.store,
            client=client,
            stop=stop,
            meter=runtime(address).metric_meter,
        )
    )
    try:
        await stage.add_tenant("meter")
        number = await stage.order("meter")
        parked = await stage.order("meter", shippingAddress=PARKED)
        await stage.discover("meter")
        await stage.at("meter", number, "label_created")
        await stage.at("meter", parked, "needs_attention")

        shown = {
            f'{PREFIX}orders{{stage="label_created",tenant="meter"}}',
            f'{PREFIX}parked_orders{{reason="recipient_postal_code_missing",tenant="meter"}}',
        }
        left = f'{PREFIX}visma_calls_left{{tenant="meter"}}'
        gauges = {f"{PREFIX}{name}" for name in GAUGES} - NOT_HERE

        async def scraped() -> dict[str, float] | None:
            async with httpx.AsyncClient() as http:
                text = (await http.get(f"http://{address}/metrics")).text
            found = dict(_sample(line) for line in text.splitlines() if line[:1] not in ("#", ""))
            # A scrape in the midst of a look shows some of its gauges.
            whole = shown | {left} <= found.keys() and gauges <= _names(found)
            return found if whole else None

        samples = await stage.until(scraped)
    finally:
        stop.set()
        await measured
        stage.start_worker()

    names = _names(samples)
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert len(asked) > len(GAUGES)
    assert asked - names <= NOT_HERE
    assert {samples[name] for name in shown} == {1}
    assert samples[left] > 0


def _names(samples: Iterable[str]) -> set[str]:
    return {sample.partition("{")[0] for sample in samples}


def _sample(line: str) -> tuple[str, float]:
    name, _, value = line.rpartition(" ")
    return name, float(value)


def test_each_gauge_is_on_the_dashboard() -> None:
    shown: Any = (DEPLOY / "grafana/ml-connector.json").read_text(encoding="utf-8")
    rules = (DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8")
    assert not [name for name in GAUGES if f"{PREFIX}{name}" not in shown + rules]


def test_each_alert_is_tried_on_series_that_ring_it_and_on_some_that_do_not() -> None:
    """`make check` runs the trials, where promtool is installed."""
    prometheus = DEPLOY / "prometheus"
    rules = yaml.safe_load((prometheus / "alerts.yml").read_text(encoding="utf-8"))
    trials = yaml.safe_load((prometheus / "alerts.test.yml").read_text(encoding="utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    tried = [trial for test in trials["tests"] for trial in test["alert_rule_test"]]
    assert {trial["alertname"] for trial in tried if trial.get("exp_alerts")} == alerts
    assert {trial["alertname"] for trial in tried if not trial.get("exp_alerts")} == alerts
