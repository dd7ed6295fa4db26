"""What each of FedEx's codes makes of a refused call, and what people are told."""

import json

import pytest

from ml_connector.fedex.catalogue import CATALOGUE, Blame
from ml_connector.fedex.errors import (
    FedExCredentials,
    FedExError,
    FedExOutcomeUnknown,
    FedExRejected,
    FedExTransient,
)
from ml_connector.fedex.replies import open_envelope
from ml_connector.fedex.verdicts import refusal
from ml_connector.http.transport import Effect, Reply

KINDS: dict[Blame, dict[Effect, type[FedExError]]] = {
    Blame.ORDER: {Effect.READ: FedExRejected, Effect.WRITE: FedExRejected},
    Blame.TENANT: {Effect.READ: FedExCredentials, Effect.WRITE: FedExCredentials},
    # A fault of FedEx's own may come after the shipment was made.
    Blame.FEDEX: {Effect.READ: FedExTransient, Effect.WRITE: FedExOutcomeUnknown},
}


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("status", [400, 404, 422])
def test_every_known_code_is_of_its_class_and_says_what_to_do(effect: Effect, status: int) -> None:
    for code, advice in CATALOGUE.items():
        body = {"errors": [{"code": code, "message": "We are not able to retrieve the message."}]}
        reply = Reply(status=status, headers={}, content=json.dumps(body).encode())
        error = refusal(reply, open_envelope(reply), "create the shipment", effect)
        assert type(error) is KINDS[advice.blame][effect], code
        assert error is not None
        assert error.codes == (code,)
        if advice.blame is not Blame.FEDEX:
            assert f"{code}: {advice.meaning}" in error.why
            assert advice.next_step in error.remedy


@pytest.mark.parametrize("effect", Effect)
def test_a_forbidden_page_is_no_word_on_the_keys(effect: Effect) -> None:
    """An edge server's "Access Denied" would otherwise lock every tenant out at once."""
    page = Reply(status=403, headers={}, content=b"<html><h1>Access Denied</h1></html>")
    assert type(refusal(page, open_envelope(page), "quote", effect)) is KINDS[Blame.FEDEX][effect]
    spoken = Reply(status=403, headers={}, content=b'{"errors": [{"code": "FORBIDDEN.ERROR"}]}')
    assert type(refusal(spoken, open_envelope(spoken), "quote", effect)) is FedExCredentials
