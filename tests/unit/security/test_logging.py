import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from pydantic import BaseModel, ValidationError

from ml_connector.http.faults import CredentialsFault
from ml_connector.security.logging import configure_logging, format_exception, log_context

SECRET = "l7-very-secret-6f1b"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Give pytest its own handlers and hooks back."""
    root = logging.getLogger()
    saved = (root.handlers, root.level, sys.excepthook, threading.excepthook)
    unraisable = sys.unraisablehook
    of_structlog = structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in ("httpx", "sqlalchemy.engine")}
    yield
    root.handlers, root.level, sys.excepthook, threading.excepthook = saved
    sys.unraisablehook = unraisable
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(**of_structlog)


@pytest.fixture
def stream(restored_logging: None) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_are_json_off_a_terminal(stream: io.StringIO) -> None:
    structlog.get_logger("ml_connector.x").info("shipped", service="FEDEX_GROUND", pieces=2)
    [line] = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "shipped",
        "service": "FEDEX_GROUND",
        "pieces": 2,
        "level": "info",
        "logger": "ml_connector.x",
    }


def test_library_lines_look_the_same(stream: io.StringIO) -> None:
    logging.getLogger("temporalio.worker").warning("poll failed %d times", 3)
    [line] = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == (
        "poll failed 3 times",
        "temporalio.worker",
        "warning",
    )


def test_a_terminal_gets_readable_lines(restored_logging: None) -> None:
    terminal = Terminal()
    configure_logging(stream=terminal)
    structlog.get_logger().info("shipped", order="nordic/100")
    assert "shipped" in terminal.getvalue()
    assert "nordic/100" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


@pytest.mark.parametrize("logger", [structlog.get_logger("own"), logging.getLogger("theirs")])
def test_the_context_is_on_every_line(stream: io.StringIO, logger: Any) -> None:
    with log_context(tenant="nordic", order="100", trace=None):
        with log_context(operation="nordic/100/ship/1"):
            logger.warning("inside")
        logger.warning("between")
    logger.warning("outside")
    inside, between, outside = lines(stream)
    assert (inside["tenant"], inside["operation"]) == ("nordic", "nordic/100/ship/1")
    assert (between["tenant"], between["order"]) == ("nordic", "100")
    assert "operation" not in between
    assert "trace" not in inside
    assert "tenant" not in outside


@pytest.mark.parametrize(
    "fields",
    [
        {"client_secret": SECRET},
        {"request": {"headers": [{"Authorization": SECRET}]}},
        {"url": f"https://x.example/?access_token={SECRET}&page=1"},
        {"error": CredentialsFault(f"Bearer {SECRET} was refused")},
        {"contact": {"personName": SECRET, "phoneNumber": SECRET}},
    ],
)
def test_fields_are_redacted(stream: io.StringIO, fields: dict[str, Any]) -> None:
    structlog.get_logger().error("called", **fields)
    assert SECRET not in stream.getvalue()
    assert lines(stream)[0]["event"] == "called"


def test_texts_are_redacted(stream: io.StringIO) -> None:
    structlog.get_logger().error(f"sent Authorization: Bearer {SECRET}")
    logging.getLogger("library").error("sent %s", f"client_secret={SECRET}")
    assert SECRET not in stream.getvalue()
    assert len(lines(stream)) == 2


def failing_call(secret: str) -> None:
    in_a_local = secret  # noqa: F841 - must not be printed
    raise RuntimeError(f"client_secret={secret}")


@pytest.mark.parametrize("terminal", [True, False])
def test_exceptions_show_the_way_but_no_values(restored_logging: None, terminal: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    configure_logging(stream=stream)
    try:
        failing_call(SECRET)
    except RuntimeError:
        structlog.get_logger().exception("ours")
        logging.getLogger("library").exception("theirs")
    text = stream.getvalue()
    assert SECRET not in text
    assert text.count("in failing_call") == 2
    assert text.count("RuntimeError: client_secret=***") == 2


def test_a_traceback_names_every_cause() -> None:
    try:
        try:
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")  # noqa: B904 - the implicit context is the point
        except ValueError as error:
            raise ExceptionGroup("third", [error, TypeError("fourth")]) from error
    except ExceptionGroup as error:
        text = format_exception(error)
    order = [text.index(word) for word in ("first", "second", "third", "fourth")]
    assert order == sorted(order)
    assert text.count("ValueError: second") == 1, "a cause that is also a member is told once"


def test_causes_in_a_circle_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert format_exception(one).count("ValueError") == 2


def test_what_pydantic_was_given_is_not_printed() -> None:
    class Contact(BaseModel):
        phone: int

    with pytest.raises(ValidationError) as caught:
        Contact.model_validate({"phone": SECRET})
    assert SECRET in str(caught.value)
    assert SECRET not in format_exception(caught.value)
    assert "phone: int_parsing" in format_exception(caught.value)


def test_sql_parameters_are_not_printed() -> None:
    error = RuntimeError(
        "(sqlite3.IntegrityError) UNIQUE constraint failed\n[SQL: INSERT INTO t VALUES (?)]\n"
        f"[parameters: ('{SECRET}', 'a]b')]\n(Background on this error at: https://sqlalche.me)"
    )
    text = format_exception(error)
    assert SECRET not in text
    assert "INSERT INTO t" in text
    assert "Background" in text
    error = RuntimeError(f"failed\n[parameters: ('{SECRET}',)]")
    assert SECRET not in format_exception(error)


async def test_httpx_does_not_log_urls(stream: io.StringIO) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as http:
        await http.get(f"https://api.example/?secret={SECRET}")
    assert stream.getvalue() == ""


def test_debug_does_not_wake_the_chatty_libraries(restored_logging: None) -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, level="DEBUG")
    logging.getLogger("sqlalchemy.engine").info("INSERT with values")
    logging.getLogger("ml_connector").debug("ours")
    assert [line["event"] for line in lines(stream)] == ["ours"]


def test_configuring_twice_logs_once(restored_logging: None) -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging(stream=second)
    structlog.get_logger().info("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_rows_that_postgresql_quotes_are_not_printed() -> None:
    error = RuntimeError(
        f"not-null violation\nDETAIL:  Failing row contains ({SECRET}, 1).\n[SQL: x]"
    )
    text = format_exception(error)
    assert SECRET not in text
    assert text.endswith("[SQL: x]")


@pytest.mark.parametrize(
    "crash",
    [
        "raise RuntimeError(text)",
        "threading.Thread(target=fail).start()",
        "type('Ending', (), {'__del__': lambda self: fail()})()",
    ],
)
def test_a_crash_prints_no_secret(crash: str) -> None:
    program = (
        "import threading\n"
        "from ml_connector.security.logging import configure_logging\n"
        "configure_logging()\n"
        "text = 'client_secret=' + '-'.join(('l7', 'very', 'secret'))\n"
        "def fail():\n"
        "    raise RuntimeError(text)\n"
        f"{crash}\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "l7-very-secret" not in ended.stderr + ended.stdout
    [line] = ended.stderr.splitlines()
    assert json.loads(line)["event"] == "crashed"
    assert "RuntimeError" in json.loads(line)["exception"]


@pytest.mark.parametrize(
    ("said", "event"),
    [
        ("logging.getLogger('lib').warning('%d of %s', 'x', text)", "a log line is lost"),
        ("logging.getLogger('lib').warning('too much', text)", "a log line is lost"),
        ("warnings.warn(text)", "UserWarning"),
    ],
)
def test_what_python_prints_by_itself_holds_no_secret(said: str, event: str) -> None:
    program = (
        "import logging, warnings\n"
        "from ml_connector.security.logging import configure_logging\n"
        "configure_logging()\n"
        "text = 'client_secret=' + '-'.join(('l7', 'very', 'secret'))\n"
        f"{said}\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "l7-very-secret" not in ended.stderr + ended.stdout
    [line] = ended.stderr.splitlines()
    assert event in json.loads(line)["event"]
