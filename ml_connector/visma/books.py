"""The chart of accounts, subaccounts, ledgers, periods, currencies and rates."""

from contextlib import aclosing
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from ml_connector.domain.freight import FinancialPeriod
from ml_connector.visma.calls import Resource
from ml_connector.visma.conversion import segments
from ml_connector.visma.documents import SubaccountDto
from ml_connector.visma.errors import VismaNoRate
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.periods import read_periods
from ml_connector.visma.records import (
    Account,
    Currency,
    Ledger,
    Segment,
    SegmentValue,
    Subaccount,
)
from ml_connector.visma.wire import (
    Day,
    EmptyIfNull,
    Flag,
    Number,
    Row,
    Text,
    Whole,
    WireModel,
    parse,
    segment,
)

RECENT = timedelta(days=31)
"""Where the newest rate mostly is; older ones are asked for only when there is none, because
`/v2/currencyrate` is not paged and a company with daily rates has thousands."""

_RATE_DIGITS = Decimal("1E-10")


class _AccountDto(WireModel):
    account_cd: Text = Field("", alias="accountCD")
    description: Text = ""
    type: Text = ""
    active: Flag = None
    allow_manual_entry: Flag = None
    cash_account: Flag = None
    control_account_module: Text = ""
    currency: Text = ""


class _SubaccountDto(SubaccountDto):
    description: Text = ""
    active: Flag = None


class _SegmentValueDto(WireModel):
    value_id: Text = ""
    description: Text = ""
    active: Flag = None


class _SegmentDto(WireModel):
    segment_id: Whole = None
    description: Text = ""
    length: Whole = None
    validates: Flag = Field(None, alias="validate")
    segment_values: Annotated[tuple[_SegmentValueDto, ...], EmptyIfNull] = ()


class _DimensionDto(WireModel):
    segments: Annotated[tuple[_SegmentDto, ...], EmptyIfNull] = ()


class _LedgerDto(WireModel):
    number: Text = ""
    description: Text = ""
    balance_type: Text = ""
    currency_id: Text = ""


class _CurrencyDto(WireModel):
    id: Text = ""
    is_base_currency: Flag = None
    decimal_precision: Whole = None


class _RateDto(WireModel):
    from_currency_id: Text = ""
    to_currency_id: Text = ""
    rate_type: Text = ""
    rate: Number = None
    effective_date: Day = None
    mult_div: Text = ""


class Books(Resource):
    """What posting needs to know. `active` and `allow_manual_entry` are true where unsaid."""

    async def account(self, number: str) -> Account:
        """One account. Raises `VismaNotFound`."""
        what = f"read account {number}"
        row = await self._calls.read_object(f"/v1/account/{segment(number)}", what)
        return _account(parse(_AccountDto, row, what))

    async def accounts(self) -> tuple[Account, ...]:
        """The whole chart; Visma does not page it."""
        what = "list accounts"
        rows = await self._calls.read_rows("/v1/account", what)
        return tuple(_account(parse(_AccountDto, row, what)) for row in rows)

    async def subaccounts(self) -> tuple[Subaccount, ...]:
        """Every subaccount, inactive ones included."""
        what = "list subaccounts"
        listing = Listing(path="/v1/subaccount", what=what, keys=_subaccount_keys)
        found: dict[str, Subaccount] = {}
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                for row in rows:
                    subaccount = _subaccount(parse(_SubaccountDto, row, what))
                    found[subaccount.number] = subaccount
        return tuple(found.values())

    async def dimension(self, code: str = "SUBACCOUNT") -> tuple[Segment, ...]:
        """The segments of a segmented key with their values. Raises `VismaNotFound`."""
        what = f"read dimension {code}"
        row = await self._calls.read_object(
            f"/v1/dimension/{segment(code)}", what, params={"expandSegmentsValues": "true"}
        )
        dimension = parse(_DimensionDto, row, what)
        return tuple(
            _segment(number, each)
            for each in dimension.segments
            if (number := each.segment_id) is not None
        )

    async def ledgers(self) -> tuple[Ledger, ...]:
        """Every ledger; Visma does not page them."""
        what = "list ledgers"
        rows = await self._calls.read_rows("/v1/ledger", what)
        ledgers = (parse(_LedgerDto, row, what) for row in rows)
        return tuple(
            Ledger(
                number=each.number,
                description=each.description,
                balance_type=each.balance_type,
                currency=each.currency_id,
            )
            for each in ledgers
        )

    async def financial_periods(self) -> tuple[FinancialPeriod, ...]:
        """Every period that a document's date can fall into, in order of time."""
        what = "list financial periods"
        return read_periods(await self._calls.read_rows("/v1/financialPeriod", what), what)

    async def currencies(self) -> tuple[Currency, ...]:
        """Every currency; Visma does not page them."""
        what = "list currencies"
        rows = await self._calls.read_rows("/v1/currency", what)
        currencies = (parse(_CurrencyDto, row, what) for row in rows)
        return tuple(
            Currency(
                id=each.id,
                base=bool(each.is_base_currency),
                decimals=each.decimal_precision,
            )
            for each in currencies
        )

    async def rate(
        self, source: str, target: str, on: date, *, rate_type: str | None = None
    ) -> Decimal:
        """How many units of `target` one unit of `source` is worth, as of a day.

        The newest rate that is in force on the day, however old, as Visma itself would take it.
        Raises `VismaNoRate` without one, or when rate types disagree and none was chosen.
        """
        wanted = await self._rates(source, target, rate_type, on - RECENT, on)
        if not wanted:
            wanted = await self._rates(source, target, rate_type, None, on)
        return _in_force(wanted, source, target, on)

    async def _rates(
        self, source: str, target: str, rate_type: str | None, since: date | None, until: date
    ) -> list[tuple[date, Decimal | None]]:
        """Effective days with their multipliers; the rows are checked, not the filter trusted."""
        what = f"read the rate of {source} in {target}"
        params: dict[str, str | int] = {
            "toDate": until.isoformat(),
            "fromCurrency": source,
            "toCurrency": target,
        }
        if since is not None:
            params["fromDate"] = since.isoformat()
        if rate_type is not None:
            params["rateType"] = rate_type
        rows = await self._calls.read_rows("/v2/currencyrate", what, params=params)
        return [
            (rate.effective_date, _factor(rate))
            for rate in (parse(_RateDto, row, what) for row in rows)
            if (rate.from_currency_id, rate.to_currency_id) == (source, target)
            and rate.effective_date is not None
            and rate.effective_date <= until
            and rate_type in (None, rate.rate_type)
        ]


def _in_force(
    rates: list[tuple[date, Decimal | None]], source: str, target: str, on: date
) -> Decimal:
    newest = max((day for day, _ in rates), default=None)
    factors = {factor for day, factor in rates if day == newest}
    factor = factors.pop() if len(factors) == 1 else None
    if factor is not None:
        return factor
    why = "Several rates are in force." if factors else "None is in force."
    raise VismaNoRate(
        f"Visma has no usable rate of {source} in {target} on {on.isoformat()}.",
        why=why,
        remedy="Enter the rate in Visma; it is looked up again.",
        code="exchange_rate_missing",
    )


def _factor(rate: _RateDto) -> Decimal | None:
    """The multiplier from source to target; `None` for a rate that is no rate."""
    if rate.rate is None or rate.rate <= 0:
        return None
    match rate.mult_div.casefold():
        case "multiply" | "m":
            return rate.rate
        case "divide" | "d":
            return (1 / rate.rate).quantize(_RATE_DIGITS).normalize()
    return None


def _account(account: _AccountDto) -> Account:
    return Account(
        number=account.account_cd,
        description=account.description,
        type=account.type,
        active=account.active is not False,
        allow_manual_entry=account.allow_manual_entry is not False,
        cash_account=bool(account.cash_account),
        control_module=account.control_account_module,
        currency=account.currency,
    )


def _subaccount(subaccount: _SubaccountDto) -> Subaccount:
    return Subaccount(
        number=subaccount.subaccount_number,
        description=subaccount.description,
        active=subaccount.active is not False,
        segments=segments(subaccount),
    )


def _subaccount_keys(row: Row) -> list[str]:
    return [str(row.get("subaccountNumber"))]


def _segment(number: int, each: _SegmentDto) -> Segment:
    return Segment(
        id=number,
        description=each.description,
        length=each.length or 0,
        validated=bool(each.validates),
        values=tuple(
            SegmentValue(
                value=value.value_id,
                description=value.description,
                active=value.active is not False,
            )
            for value in each.segment_values
        ),
    )
