"""The dimensions of the ledger: accounts, subaccounts, projects and tasks, periods, currencies."""

from itertools import product

from ml_connector.sandbox.visma import master_views, paging, views
from ml_connector.sandbox.visma.calls import MODIFIED, OLD_PAGING, PAGING, Call, found
from ml_connector.sandbox.visma.company import SUBACCOUNT, Company, Project, Segment, Task
from ml_connector.sandbox.visma.errors import NotFound, Reply
from ml_connector.sandbox.visma.records import LISTED, get, listing, single
from ml_connector.sandbox.visma.views import Body


def _projects(call: Call) -> list[Project]:
    rows = list(call.company.projects.values())
    return paging.equal(call, "status", rows, lambda row: row.status)


def _project_by_internal_id(call: Call) -> Project | None:
    key = call.id("internalId")
    rows = call.company.projects.values()
    return next((row for row in rows if str(row.internal_id) == key), None)


def _tasks(call: Call) -> list[Task]:
    rows = list(call.company.tasks())
    rows = paging.equal(call, "projectId", rows, lambda row: row.project)
    rows = paging.equal(call, "taskCd", rows, lambda row: row.id)
    rows = paging.equal(call, "status", rows, lambda row: row.status)
    if "visibleInGl" in call.query:
        rows = [row for row in rows if row.visible_in_gl is call.flag("visibleInGl")]
    if "visibleInPo" in call.query:
        rows = [row for row in rows if row.visible_in_po is call.flag("visibleInPo")]
    return rows


def _task(call: Call) -> Task | None:
    key = call.id("internalId")
    return next((row for row in call.company.tasks() if str(row.internal_id) == key), None)


def _subaccounts(call: Call) -> list[dict[int, str]]:
    """Every combination of the segments' active values."""
    segments = call.company.segments.values()
    values = [[v.id for v in segment.values.values() if v.active] for segment in segments]
    ids = [segment.id for segment in segments]
    return [dict(zip(ids, chosen, strict=True)) for chosen in product(*values)]


def _list_subaccounts(call: Call) -> Reply:
    return paging.paged(
        call, "subaccount", _subaccounts(call), lambda sub: _subaccount(call.company, sub)
    )


def _subaccount(company: Company, sub: dict[int, str]) -> Body:
    return views.subaccount(company, sub) or {}


def _get_subaccount(call: Call) -> Reply:
    number = call.id("subAccountNumber")
    for sub in _subaccounts(call):
        if views.subaccount_number(sub) == number:
            return Reply(body=_subaccount(call.company, sub))
    raise NotFound("Subaccount", number)


def _dimensions(call: Call) -> Reply:
    return Reply(body=[SUBACCOUNT])


def _dimension(call: Call) -> Reply:
    _check_dimension(call)
    segments = call.company.segments.values()
    values = call.flag("expandSegmentsValues")
    return Reply(
        body={
            "id": SUBACCOUNT,
            "length": sum(segment.length for segment in segments),
            "description": "Subaccount",
            "segments": [master_views.segment(call, row, values=values) for row in segments],
        }
    )


def _segment(call: Call) -> Reply:
    row = _find_segment(call)
    return found(row, master_views.segment(call, row, values=True))


def _segment_value(call: Call) -> Reply:
    row = _find_segment(call)
    value = row.values.get(call.id("valueId"))
    if value is None:
        raise NotFound("Segment value", call.id("valueId"))
    return Reply(body=master_views.segment_value(row, value))


def _find_segment(call: Call) -> Segment:
    _check_dimension(call)
    key = call.id("segmentId")
    row = call.company.segments.get(int(key)) if key.isdecimal() else None
    if row is None:
        raise NotFound("Segment", key)
    return row


def _check_dimension(call: Call) -> None:
    if call.id("dimensionId").upper() != SUBACCOUNT:
        raise NotFound("Dimension", call.id("dimensionId"))


def _periods(call: Call) -> Reply:
    after = call.query.get("greaterThanValue", "")
    rows = [row for row in call.company.periods.values() if row.id > after]
    return Reply(body=[master_views.period(call, row) for row in rows])


def _period(call: Call) -> Reply:
    row = call.company.periods.get(call.id("financialPeriodId"))
    if row is None:
        raise NotFound("Financial period", call.id("financialPeriodId"))
    return Reply(body=master_views.period(call, row))


def _currencies(call: Call) -> Reply:
    rows = call.company.currencies.values()
    return Reply(body=[master_views.currency(call, row) for row in rows])


def _currency(call: Call) -> Reply:
    row = call.company.currencies.get(call.id("curyId"))
    if row is None:
        raise NotFound("Currency", call.id("curyId"))
    return Reply(body=master_views.currency(call, row))


def _rates(call: Call) -> Reply:
    first, last = paging.since(call, "fromDate"), paging.since(call, "toDate")
    rows = call.company.rates
    rows = paging.equal(call, "fromCurrency", rows, lambda row: row.from_currency)
    rows = paging.equal(call, "toCurrency", rows, lambda row: row.to_currency)
    rows = paging.equal(call, "rateType", rows, lambda row: row.rate_type)
    return Reply(
        body=[
            master_views.rate(call, row)
            for row in rows
            if (first is None or row.effective >= first.date())
            and (last is None or row.effective <= last.date())
        ]
    )


_TASK_QUERY = LISTED | {
    *("projectId", "publicId", "projectInternalId", "description", "taskCd", "taskCdDesc"),
    *("status", "expandAttribute", "visibleInGl", "visibleInPo"),
}
_LEDGER = (
    get(
        "/v1/account",
        listing(
            "account", lambda c: c.company.accounts.values(), master_views.account, pages=False
        ),
        OLD_PAGING | MODIFIED | {"active", "greaterThanValue"},
    ),
    get(
        "/v1/account/{accountCd}",
        single(
            "Account", lambda c: c.company.accounts.get(c.id("accountCd")), master_views.account
        ),
    ),
    get("/v1/subaccount", _list_subaccounts, PAGING | MODIFIED | {"active"}),
    get("/v1/subaccount/{subAccountNumber}", _get_subaccount),
    get("/v1/dimension", _dimensions),
    get("/v1/dimension/{dimensionId}", _dimension, LISTED | {"orderBy", "expandSegmentsValues"}),
    get("/v1/dimension/{dimensionId}/{segmentId}", _segment),
    get("/v1/dimension/{dimensionId}/{segmentId}/{valueId}", _segment_value),
    get(
        "/v1/ledger",
        listing("ledger", lambda c: c.company.ledgers.values(), master_views.ledger, pages=False),
        OLD_PAGING | MODIFIED | {"greaterThanValue"},
    ),
    get("/v1/financialPeriod", _periods, {"greaterThanValue"}),
    get("/v1/financialPeriod/{financialPeriodId}", _period),
    get("/v1/currency", _currencies),
    get("/v1/currency/{curyId}", _currency),
    get(
        "/v2/currencyrate",
        _rates,
        {"fromDate", "toDate", "fromCurrency", "toCurrency", "rateType"},
    ),
)
_TASK_LIST = listing("projecttask", _tasks, master_views.task)
_PROJECTS = (
    get("/v1/project/tasks", _TASK_LIST, _TASK_QUERY),
    get("/v1/projecttask", _TASK_LIST, _TASK_QUERY),
    get("/v1/projecttask/{internalId}", single("Project task", _task, master_views.task)),
    get(
        "/v1/project",
        listing("project", _projects, master_views.project),
        LISTED | {"status", "expandAttribute", "branch", "onHold", "nonProject"},
    ),
    get(
        "/v1/project/internal/{internalId}",
        single("Project", _project_by_internal_id, master_views.project),
    ),
    get(
        "/v1/project/{projectId}",
        single(
            "Project",
            lambda c: c.company.projects.get(c.id("projectId")),
            master_views.project,
        ),
    ),
)


OPERATIONS = (*_PROJECTS, *_LEDGER)
