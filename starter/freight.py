"""`ml-connector freight`: a period's freight in the ledger, and whether Visma agrees."""

import asyncio
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from ml_connector.domain.freight import FinancialPeriod
from ml_connector.domain.money import Money, rounded
from ml_connector.domain.tenant import Tenant
from ml_connector.http.faults import Fault
from ml_connector.store.store import Store
from starter.context import Installation
from starter.desks import desk_of
from starter.errors import CommandError, ExitCode, Refused, WrongUsage, explain, first_cause
from starter.freight_report import FreightReport, Place, Sums, calendar_month, freight_report
from starter.freight_reverse import register as register_reverse
from starter.groups import OneTenant, command_group
from starter.money import money, money_text
from starter.output import AsJson, show, table, talk
from starter.tie_out import Compared, batches_of, compare, our_references

app = command_group("freight", "Freight in the ledger, and whether Visma agrees.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


register_reverse(app)

_PERIOD = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])")


@dataclass(slots=True, kw_only=True)
class Answer:
    """One tenant's report and tie-out."""

    report: FreightReport
    compared: list[Compared] = field(default_factory=list)
    tied_out: bool = False
    problem: CommandError | None = None
    """Why there is no tie-out, where there should be one."""

    @property
    def agrees(self) -> bool:
        return all(each.agrees for each in self.compared)

    @property
    def exit_code(self) -> ExitCode:
        if self.problem is not None:
            return self.problem.exit_code
        return ExitCode.DONE if self.agrees else ExitCode.REFUSED


@app.command()
def report(
    period: Annotated[str, typer.Option("--period", metavar="YYYY-MM", help="Visma's period.")],
    tenant: OneTenant = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The rows as CSV on stdout.")] = False,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Do not ask Visma: the calendar's month, no tie-out."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Report a period's freight by tenant, account and project, and tie it out with Visma.

    posted is in the ledger; estimated is the part of it that rests on a quote; reversed was taken
    back; unposted was scanned in the period and is in no journal yet. The tie-out reads the
    period's journals in Visma and compares them with the subledger, line by line; the difference
    has to be 0. It ends with 1 when it is not.

    \b
    Examples:
      ml-connector freight report --period 2026-11
      ml-connector freight report --period 2026-11 --tenant nordic --csv > freight.csv
      ml-connector freight report --period 2026-11 --json
    """
    if as_csv and as_json:
        raise WrongUsage("--csv or --json, not both", remedy="Drop one", code="command_line")
    raise typer.Exit(asyncio.run(_report(_period(period), tenant, offline, as_csv, as_json)))


def _period(text: str) -> str:
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(
            f"--period {text!r} is no period", remedy="Write 2026-11", code="command_line"
        )
    return found[1] + found[2]


async def _report(
    period: str, tenant: str | None, offline: bool, as_csv: bool, as_json: bool
) -> int:
    async with Installation.open() as here:
        store = await here.store()
        answers = [
            await _answer(here, store, each, period, offline) for each in await here.tenants(tenant)
        ]
    if as_csv:
        _print_csv(answers)
    else:
        show([_value(each) for each in answers], lambda: _drawn(answers), as_json=as_json)
    for each in answers:
        if each.problem is not None:
            talk(f"{each.report.tenant}: no tie-out. {each.problem}")
        elif not each.agrees:
            talk(f"{each.report.tenant}: Visma and the subledger differ; see the tie-out.")
    return first_cause(each.exit_code for each in answers)


async def _answer(
    here: Installation, store: Store, tenant: Tenant, period: str, offline: bool
) -> Answer:
    """A tenant whose Visma does not answer still has its report; the others have theirs."""
    span = calendar_month(period)
    if offline:
        return Answer(report=await _from_store(store, tenant, span))
    try:
        async with desk_of(here, tenant.id, at_rest=True) as desk:
            span = _found(await desk.visma.financial_periods(), tenant.id, period)
            async with store.read(tenant.id) as view:
                records = await view.journals.list(period)
            batches = await batches_of(desk, records, period)
            async with store.read(tenant.id) as view:
                ours = await our_references(view, batches)
    except (Fault, CommandError) as error:
        problem = explain(error)
        return Answer(report=await _from_store(store, tenant, span), problem=problem)
    compared = compare(records, batches, period=period, freight=tenant.freight, ours=ours)
    done = await _from_store(store, tenant, span)
    return Answer(report=done, compared=compared, tied_out=True)


def _found(periods: Sequence[FinancialPeriod], tenant: str, period: str) -> FinancialPeriod:
    for each in periods:
        if each.id == period:
            return each
    raise Refused(
        f"Visma has no financial period {period} for {tenant}",
        remedy="Generate the financial periods of that year in Visma",
        code="period_unknown",
    )


async def _from_store(store: Store, tenant: Tenant, period: FinancialPeriod) -> FreightReport:
    async with store.read(tenant.id) as view:
        return await freight_report(view, tenant, period)


# -- what is shown --------------------------------------------------------------------------

_AMOUNTS = ("posted", "estimated", "unposted", "reversed", "net")


def _rows(report: FreightReport) -> Iterator[tuple[Place, Sums]]:
    yield from sorted(report.places.items(), key=lambda item: item[0])


def _amounts(sums: Sums, currency: str) -> list[Decimal]:
    """All with the decimals of the currency, nothing included: `0.00`."""
    return [rounded(Money(getattr(sums, name), currency)).amount for name in _AMOUNTS]


def _value(answer: Answer) -> dict[str, object]:
    report = answer.report
    return {
        "tenant": report.tenant,
        "period": report.period.id,
        "first_day": report.period.first_day,
        "last_day": report.period.last_day,
        "rows": [
            {
                "account": place.account,
                "subaccount": place.subaccount,
                "project": place.project or None,
                "task": place.task or None,
                "currency": place.currency,
                **dict(zip(_AMOUNTS, _amounts(sums, place.currency), strict=True)),
            }
            for place, sums in _rows(report)
        ],
        "totals": [
            {"currency": currency, **dict(zip(_AMOUNTS, _amounts(sums, currency), strict=True))}
            for currency, sums in sorted(report.totals().items())
        ],
        "unknown": report.unknown,
        "tie_out": _tie_out(answer),
    }


def _tie_out(answer: Answer) -> dict[str, object] | None:
    if answer.problem is not None:
        return {"done": False, "why": str(answer.problem), "code": answer.problem.code}
    if not answer.tied_out:
        return None
    return {
        "done": True,
        "agrees": answer.agrees,
        "difference": [
            money(amount, currency) for currency, amount in sorted(_differences(answer).items())
        ],
        "journals": [
            {
                "batch": each.batch or None,
                "reference": each.reference,
                "currency": each.currency,
                "subledger": each.subledger,
                "visma": each.visma,
                "difference": each.difference,
                "remark": each.remark or None,
            }
            for each in answer.compared
        ],
    }


def _differences(answer: Answer) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in answer.compared:
        found[each.currency] = found.get(each.currency, Decimal(0)) + each.difference
    return found


def _print_csv(answers: Sequence[Answer]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    places = ("account", "subaccount", "project", "task", "currency")
    writer.writerow(("tenant", "period", *places, *_AMOUNTS))
    for answer in answers:
        for place, sums in _rows(answer.report):
            where = [getattr(place, name) for name in places]
            writer.writerow(
                (
                    answer.report.tenant,
                    answer.report.period.id,
                    *where,
                    *_amounts(sums, place.currency),
                )
            )


def _drawn(answers: Sequence[Answer]) -> RenderableType:
    if not answers:
        return "No tenant yet. Begin with: ml-connector tenant apply FILE"
    return Group(*(part for answer in answers for part in _parts(answer)))


def _parts(answer: Answer) -> Iterator[RenderableType]:
    report = answer.report
    yield f"{report.tenant}, period {report.period.id} ({_days(report.period)})"
    yield table(
        "ACCOUNT",
        "SUBACCOUNT",
        "PROJECT",
        "TASK",
        "CURRENCY",
        *(name.upper() for name in _AMOUNTS),
        rows=[
            (
                place.account,
                place.subaccount,
                place.project,
                place.task,
                place.currency,
                *_amounts(sums, place.currency),
            )
            for place, sums in _rows(report)
        ],
        empty="No freight.",
    )
    for currency, sums in sorted(report.totals().items()):
        amounts = zip(_AMOUNTS, _amounts(sums, currency), strict=True)
        yield "Total: " + ", ".join(
            f"{name} {money_text(each, currency)}" for name, each in amounts
        )
    for unknown in report.unknown:
        yield f"Not in these figures: {unknown.order}. {unknown.why}"
    yield from _tie_out_parts(answer)
    yield ""


def _days(period: FinancialPeriod) -> str:
    first: date = period.first_day
    return f"{first} to {period.last_day}"


def _tie_out_parts(answer: Answer) -> Iterator[RenderableType]:
    if not answer.tied_out:
        return
    apart = ", ".join(
        money_text(amount, currency) for currency, amount in sorted(_differences(answer).items())
    )
    yield f"Tie-out: {len(answer.compared)} journals, difference {apart or '0'}"
    if not answer.agrees:
        yield table(
            "BATCH",
            "REFERENCE",
            "CURRENCY",
            "SUBLEDGER",
            "VISMA",
            "DIFFERENCE",
            "REMARK",
            rows=[
                (
                    each.batch,
                    each.reference,
                    each.currency,
                    each.subledger,
                    each.visma,
                    each.difference,
                    each.remark,
                )
                for each in answer.compared
                if not each.agrees
            ],
            empty="",
        )
