"""The error tree is as drawn, and each leaf is a fault of the house."""

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.fedex import errors
from ml_connector.http import faults

LEAVES = {
    errors.FedExTransient: faults.TransientFault,
    errors.FedExThrottled: faults.ThrottledFault,
    errors.FedExBlocked: faults.ThrottledFault,
    errors.FedExCredentials: faults.CredentialsFault,
    errors.FedExRejected: faults.RejectedFault,
    errors.FedExOutcomeUnknown: faults.OutcomeUnknownFault,
}


def defined() -> set[type[errors.FedExError]]:
    return {
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.FedExError)
    }


def test_every_class_is_drawn() -> None:
    assert errors.__doc__ is not None
    for each in defined():
        assert each.__name__ in errors.__doc__


def test_every_leaf_is_one_fault_of_the_house() -> None:
    assert set(LEAVES) == defined() - {errors.FedExError}
    house = set(faults.Fault.__subclasses__()) - {errors.FedExError}
    for leaf, fault in LEAVES.items():
        assert {each for each in house if issubclass(leaf, each)} == {fault}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_details_are_kept(leaf: type[errors.FedExError]) -> None:
    wait: dict[str, Any] = (
        {"retry_after": timedelta(1)} if issubclass(leaf, faults.ThrottledFault) else {}
    )
    error = leaf("What.", why="Why.", remedy="Do.", codes=("A", "B"), status=400, **wait)
    assert (error.code, error.codes, error.status) == ("A", ("A", "B"), 400)
    assert str(error) == "What. Why. Do. [A]"
    assert leaf("What.", **wait).code == ""
