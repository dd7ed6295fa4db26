"""Logs: one format, one place to redact, the same context on every line.

Our own modules and the libraries (temporalio, uvicorn, httpx, SQLAlchemy) all log through the
standard library; structlog renders every record, as coloured lines on a terminal and as JSON
elsewhere; warnings and crashes come the same way. Each record passes the redaction of
`ml_connector.http.redaction` first: known keys are masked, texts are searched for tokens, and
exceptions are printed without local variables and without the values that pydantic and
SQLAlchemy like to quote.

A log field must not be named like a masked key: `attention` means a contact person in Visma, so
say `reason` for why an order is parked.
"""

import contextlib
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO

import structlog
from pydantic import ValidationError
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from ml_connector.http.redaction import redact, redact_text

_QUIET = {
    # At INFO it prints every URL, query included.
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    # At INFO it prints statements with their parameters.
    "sqlalchemy.engine": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
}

_SQL_PARAMETERS = re.compile(r"\[parameters: .*?\]\s*(?=\(Background|\Z)", re.DOTALL)
_SQL_ROWS = re.compile(r"^DETAIL: .*$\n?", re.MULTILINE)
"""PostgreSQL quotes the row that it refuses."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure_logging(
    *, level: str = "INFO", stream: TextIO | None = None, as_json: bool | None = None
) -> None:
    """Set up logging for the whole process; later calls replace earlier ones.

    Lines go to `stream`, else standard error: standard output belongs to a command's data.
    `as_json` None means JSON unless the stream is a terminal. Warnings and uncaught exceptions,
    in threads and destructors too, are logged, so that they print no more than any other line.
    """
    target = stream or sys.stderr
    json_lines = not target.isatty() if as_json is None else as_json
    handler = _Handler(target)
    handler.setFormatter(line_format(as_json=json_lines))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # uvicorn brings handlers of its own, which know nothing of redaction.
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    log_through_standard_library()
    logging.captureWarnings(True)
    _log_uncaught()


def line_format(*, as_json: bool) -> logging.Formatter:
    """How a record becomes a line, redacted on the way."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_before_rendering(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact_event,
            _renderer(as_json),
        ],
    )


def log_through_standard_library() -> None:
    """Have structlog's loggers make records like any library's, for `line_format` to render."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_before_rendering(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Handler(logging.StreamHandler[TextIO]):
    """A line that cannot be written is told by its place: Python would print its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:
        place = f"{record.pathname}:{record.lineno}"
        kind = sys.exc_info()[0]
        why = kind.__name__ if kind else "unknown"
        with contextlib.suppress(Exception):
            self.stream.write(
                f'{{"event": "a log line is lost", "at": "{place}", "why": "{why}"}}\n'
            )
            self.flush()


@contextlib.contextmanager
def log_context(**fields: str | int | None) -> Iterator[None]:
    """Put fields on every line logged inside: `tenant`, `order`, `operation`, `trace`, ….

    Empty ones are left out. The context follows tasks and threads started inside, not others.
    """
    with bound_contextvars(**{name: value for name, value in fields.items() if value is not None}):
        yield


def redact_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A processor: masks the fields by name and searches every text, traceback included."""
    trace = event.pop("exception", None)
    fields = {
        key: _message(value) if isinstance(value, BaseException) else value
        for key, value in event.items()
    }
    redacted: EventDict = _mapping(redact(fields))
    if trace is not None:
        # Redacted where it was made, and too long for the limit on single texts.
        redacted["exception"] = trace
    return redacted


def format_exception(error: BaseException) -> str:
    """A traceback with its causes, without local variables, input values and SQL parameters."""
    return redact_text("".join(_paragraphs(error, set())).rstrip())


def _before_rendering() -> list[Processor]:
    return [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _add_exception,
    ]


def _renderer(json_lines: bool) -> Processor:
    if json_lines:
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=_as_text)
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _as_text(value: object) -> str:
    return redact_text(str(value))


def _add_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into text here, before a renderer prints it with local variables."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = format_exception(error)
    return event


def _paragraphs(error: BaseException, told: set[int]) -> Iterator[str]:
    """The parts of a traceback, oldest cause first; `told` ends the circles some causes form."""
    told.add(id(error))
    cause = error.__cause__
    context = None if error.__suppress_context__ else error.__context__
    if cause is not None and id(cause) not in told:
        yield from _paragraphs(cause, told)
        yield "\nThe above exception was the direct cause of the following exception:\n\n"
    elif cause is None and context is not None and id(context) not in told:
        yield from _paragraphs(context, told)
        yield "\nDuring handling of the above exception, another exception occurred:\n\n"
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {_message(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for number, member in enumerate(error.exceptions, start=1):
            yield f"--- {number} of {len(error.exceptions)} ---\n"
            if id(member) in told:
                yield f"{type(member).__qualname__}, see above\n"
            else:
                yield from _paragraphs(member, told)


def _message(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['type']}"
            for problem in problems
        )
    return _SQL_ROWS.sub("", _SQL_PARAMETERS.sub("", str(error)))


def _log_uncaught() -> None:
    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        logging.getLogger("ml_connector").critical("crashed", exc_info=(kind, error, trace))

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def uncaught_in_destructor(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    sys.unraisablehook = uncaught_in_destructor
    threading.excepthook = uncaught_in_thread


def _mapping(value: Any) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value
