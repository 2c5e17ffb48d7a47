"""The policy: its shipped thresholds, a company's own over them, and every way to write them wrongly."""

import math

import pytest

from helpers.contract import BadInput
from helpers.policy import SECTIONS, did_you_mean, load_policy


def test_shipped_thresholds_are_the_contract_s():
    policy = load_policy()
    assert (policy.product.min_gross_margin, policy.product.max_inventory_days, policy.product.min_age_days) == (0.30, 60, 30)
    assert (policy.product.max_margin_fall, policy.product.min_cost_coverage) == (0.10, 0.95)
    assert policy.channel.max_promotion_share == 0.15
    assert (policy.team.min_profit_per_employee, policy.cash.payout_tolerance) == (100_000, 0.01)


def test_rules_and_verdicts_are_the_contract_s():
    assert {name: rule.verdict for name, rule in load_policy().rules.items()} == {
        "low_gross_margin": "reject", "slow_stock": "clear", "loss_maker": "stop_loss", "margin_decay": "stop_loss", "no_cost": "no_cost",
        "promotion_heavy": "suspend", "channel_loss": "fix_or_leave", "low_profit_per_employee": "optimise",
        "room_to_expand": "consider_expansion", "target_met_at_a_loss": "investigate", "off_pace": "act", "easing_off": "review",
        "oversell_risk": "stop_selling", "reorder_now": "reorder", "payout_mismatch": "collect", "customers_at_risk": "win_back",
    }  # fmt: skip


def test_a_company_s_threshold_is_laid_over_and_the_rest_stays():
    policy = load_policy({"product": {"min_gross_margin": 0.25}, "team": {"min_profit_per_employee": 0}})
    assert policy.product.min_gross_margin == 0.25 and policy.product.max_inventory_days == 60
    assert policy.team.min_profit_per_employee == 0
    assert load_policy().product.min_gross_margin == 0.30  # the shipped one is not changed


def test_thresholds_have_names_of_their_own():
    policy = load_policy().model_dump(exclude={"rules"})
    assert len(load_policy().thresholds()) == sum(len(policy[section]) for section in SECTIONS)


def test_rules_are_plain_comparisons():
    for rule in load_policy().rules.values():
        for expression in (rule.fires, rule.money, rule.threshold):
            assert not set(expression) & set("@[]{}\"'`;:,"), expression  # no calls, no look-ups, no other names than columns


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"prodct": {"min_gross_margin": 0.2}}, ["policy.prodct", "did you mean `product`?"]),
        ({"Product": {}}, ["policy.Product", "did you mean `product`?"]),
        ({"rules": {"low_gross_margin": {}}}, ["policy.rules is not a section"]),
        ({"product": 0.3}, ["policy.product is a section", "[policy.product]"]),
        ({"product": {"min_gros_margin": 0.2}}, ["`product.min_gros_margin`", "did you mean `min_gross_margin`?"]),
        ({"product": {"colour": 1}}, ["`product.colour` is not a setting", "remove it"]),
        ({"product": {"min_gross_margin": 30}}, ["less than or equal to 1", "30 % is written 0.3"]),
        ({"evidence": {"confidence": 95}}, ["`evidence.confidence`", "95 % is written 0.95"]),
        ({"product": {"min_gross_margin": -0.1}}, ["can't be -0.1"]),
        ({"product": {"min_gross_margin": "0.3"}}, ["can't be '0.3'", "valid number"]),
        ({"product": {"min_gross_margin": True}}, ["can't be True"]),
        ({"product": {"min_gross_margin": [0.3]}}, ["can't be [0.3]"]),
        ({"product": {"min_age_days": 30.5}}, ["`product.min_age_days`", "valid integer"]),
        ({"product": {"max_inventory_days": 0}}, ["`product.max_inventory_days`", "greater than 0"]),
        ({"cash": {"payout_days": 0}}, ["`cash.payout_days`"]),
        ({"evidence": {"resamples": 10**9}}, ["`evidence.resamples`", "100000"]),
        ({"stock": {"holding_cost": "x" * 10_000}}, ["`stock.holding_cost`"]),
    ],
)
def test_refused_in_one_sentence(overrides, words):
    with pytest.raises(BadInput) as error:
        load_policy(overrides)
    message = str(error.value)
    assert message.startswith("company.toml: ") and "\n" not in message and len(message) < 200
    assert all(word in message for word in words), message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "", None, {}, 1e400, 10**400])
def test_no_threshold_takes_nonsense(value):
    policy = load_policy().model_dump(exclude={"rules"})
    for section, keys in policy.items():
        for key in keys:
            if value == 10**400 and key in ("min_age_days", "payout_days", "min_orders", "min_months_met"):
                continue  # a whole number without an upper end: never reached, but a number
            with pytest.raises(BadInput, match=rf"`{section}\.{key}`"):
                load_policy({section: {key: value}})


def test_suggestions_pass_over_capitals_and_give_the_name_as_it_is_written():
    assert did_you_mean("ORDER_ID", ["line_no", "order_id"]) == "; did you mean `order_id`?"
    assert did_you_mean("order_id", ["ORDER ID"]) == "; did you mean `ORDER ID`?"
    assert did_you_mean("zzz", ["order_id"]) == "" == did_you_mean("a", [])
