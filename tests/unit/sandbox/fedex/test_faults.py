"""The fault plan: which requests it hits, and that a seed hits the same ones again."""

import pytest
from pydantic import ValidationError

from ml_connector.sandbox.faults import Action, FaultKind, FaultPlan, Match, Rule, Seen


def seen(path: str = "/ship", *, method: str = "POST", body: bytes = b"", name: str = "") -> Seen:
    return Seen(method=method, path=path, body=body, transaction=name)


def rule(rule_id: str = "r", *, match: Match | None = None, **more: object) -> Rule:
    action = Action(kind=FaultKind.RESET_AFTER)
    return Rule.model_validate({"id": rule_id, "match": match or Match(), "action": action, **more})


def test_a_request_that_no_rule_covers_passes() -> None:
    plan = FaultPlan([rule(match=Match(method="PUT", path="/ship"))])

    assert plan.decide(seen()) is None
    assert plan.counts() == {"r": {"matched": 0, "fired": 0}}


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        (Match(), True),
        (Match(method="post"), True),
        (Match(path="^/ship$"), True),
        (Match(path="^/track"), False),
        (Match(body="PO-7"), True),
        (Match(body="PO-8"), False),
    ],
)
def test_a_rule_looks_at_method_path_and_body(match: Match, hit: bool) -> None:
    plan = FaultPlan([rule(match=match)])

    assert (plan.decide(seen(body=b'{"value": "PO-7"}')) is not None) is hit


def test_nth_is_counted_among_the_matching_requests_only() -> None:
    plan = FaultPlan([rule(match=Match(path="/ship", nth=2))])

    hits = [plan.decide(seen(path)) is not None for path in ("/ship", "/track", "/ship", "/ship")]

    assert hits == [False, False, True, False]


def test_a_rule_stops_after_its_times() -> None:
    plan = FaultPlan([rule(times=2)])

    hits = [plan.decide(seen()) is not None for _ in range(4)]

    assert hits == [True, True, False, False]
    assert plan.counts() == {"r": {"matched": 4, "fired": 2}}


def test_the_first_rule_that_fires_wins_and_the_others_still_count() -> None:
    plan = FaultPlan([rule("first", times=1), rule("second")])

    plan.decide(seen())
    plan.decide(seen())

    assert [injection.rule for injection in plan.injections] == ["first", "second"]
    assert plan.counts()["second"] == {"matched": 2, "fired": 1}


def test_a_seed_hits_the_same_requests_in_whatever_order_they_come() -> None:
    names = [f"order-{number}" for number in range(300)]

    def hit(order: list[str], seed: int) -> set[str]:
        plan = FaultPlan([rule(probability=0.2)], seed=seed)
        return {name for name in order if plan.decide(seen(name=name)) is not None}

    forwards, backwards = hit(names, seed=5), hit(names[::-1], seed=5)

    assert forwards == backwards
    assert 30 <= len(forwards) <= 90
    assert hit(names, seed=6) != forwards


def test_a_repeated_request_is_drawn_anew() -> None:
    plan = FaultPlan([rule(probability=0.5)], seed=3)

    hits = {plan.decide(seen(name="same")) is not None for _ in range(40)}

    assert hits == {True, False}


def test_a_replaced_rule_counts_anew() -> None:
    plan = FaultPlan([rule(times=1)])
    plan.decide(seen())

    plan.add(rule(times=1))

    assert plan.decide(seen()) is not None


def test_clear_forgets_rules_and_counts() -> None:
    plan = FaultPlan([rule()])
    plan.decide(seen())

    plan.clear()

    assert (plan.rules, plan.counts(), plan.injections) == ((), {}, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "r", "action": {"kind": "explode"}},
        {"id": "r", "action": {"kind": "slow"}},
        {"id": "r", "action": {"kind": "hook"}},
        {"id": "r", "action": {"kind": "status"}, "probability": 1.5},
        {"id": "r", "action": {"kind": "status"}, "match": {"path": "("}},
        {"id": "r", "action": {"kind": "status"}, "sometimes": True},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(wrong)


def test_a_hook_that_the_app_does_not_offer_is_refused() -> None:
    wanted = Rule(id="r", action=Action(kind=FaultKind.HOOK, name="stale_412"))

    with pytest.raises(LookupError, match="stale_412"):
        FaultPlan([wanted])
