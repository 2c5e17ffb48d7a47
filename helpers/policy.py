"""The policy: thresholds and rules from `policy.toml`, with a company's own thresholds laid over them."""

import difflib
import reprlib
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from helpers.contract import BadInput

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Product(_Strict):
    min_gross_margin: Share
    max_inventory_days: Positive
    min_age_days: Annotated[int, Field(ge=0)]
    max_margin_fall: Annotated[float, Field(gt=0, le=1)]
    min_cost_coverage: Share
    min_life_weeks: Annotated[int, Field(ge=3, le=52)]


class Channel(_Strict):
    max_promotion_share: Share


class Team(_Strict):
    min_profit_per_employee: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Target(_Strict):
    min_attainment: Positive
    min_probability: Annotated[float, Field(gt=0, lt=1)]
    weekday_significance: Annotated[float, Field(gt=0, le=0.5)]
    min_percentile: Share
    max_percentile: Share
    max_stretch: Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Stock(_Strict):
    holding_cost: Annotated[float, Field(ge=0, le=5)]
    service_level: Annotated[float, Field(ge=0.5, lt=1)]
    review_days: Annotated[int, Field(ge=1, le=366)]
    season_share: Annotated[float, Field(gt=0.25, le=1)]
    clear_days: Annotated[int, Field(ge=1, le=730)]
    salvage_share: Share
    price_elasticity: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]


class Delivery(_Strict):
    min_parcels: Annotated[int, Field(ge=2, le=1_000_000)]
    same_speed_hours: Annotated[float, Field(ge=0, le=720, allow_inf_nan=False)]


class Cash(_Strict):
    payout_days: Count
    payout_tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    clearance_price: Share
    clearance_days: Annotated[int, Field(ge=1, le=366)]


class Evidence(_Strict):
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    confidence: Annotated[float, Field(ge=0.5, lt=1)]
    min_orders: Count


class People(_Strict):
    easing_significance: Annotated[float, Field(gt=0, le=0.5)]
    easing_months: Annotated[int, Field(ge=2, le=36)]
    min_months_met: Count
    chase_days: Annotated[int, Field(ge=1, le=15)]
    max_discount_surge: Share
    return_days: Annotated[int, Field(ge=1, le=366)]
    commission_rate: Annotated[float, Field(gt=0, le=1)]
    cap_attainment: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    accelerator: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    min_commission_share: Share
    innocent_share: Share


class Customer(_Strict):
    recent_days: Annotated[int, Field(ge=1, le=3650)]
    loyal_purchases: Annotated[int, Field(ge=2, le=1000)]
    champion_spend: Positive
    max_at_risk_share: Share


class Alert(_Strict):
    worse_share: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    gone_days: Annotated[int, Field(ge=0, le=366)]


class Management(_Strict):
    answer_days: Annotated[int, Field(ge=1, le=366)]
    followed_days: Annotated[int, Field(ge=7, le=90)]
    review_months: Annotated[int, Field(ge=1, le=36)]
    max_gap: Annotated[float, Field(ge=0, lt=1)]


class Weights(_Strict):
    """What each KPI counts in a stage's score; together 1."""

    net_sales: Share = 0
    orders: Share = 0
    new_customers: Share = 0
    gross_profit: Share = 0
    gross_margin: Share = 0
    contribution: Share = 0
    contribution_rate: Share = 0
    return_on_capital: Share = 0
    stock_to_sales: Share = 0
    profit_per_employee: Share = 0
    collections: Share = 0

    @model_validator(mode="after")
    def _together_one(self):
        if abs(sum(self.model_dump().values()) - 1) > 1e-9:
            raise ValueError("the weights of a stage add up to 1")
        return self


class Stages(_Strict):
    startup: Weights
    growth: Weights
    mature: Weights


class Rule(_Strict):
    """A rule as data: where it looks, when it fires, what it says, what it costs, and what may excuse it."""

    area: str
    look: str
    verdict: str
    metric: str
    threshold: str
    side: str
    fires: str
    money: str
    money_says: str
    action: str
    innocent: list[str]


class Policy(_Strict):
    product: Product
    channel: Channel
    team: Team
    target: Target
    stock: Stock
    delivery: Delivery
    cash: Cash
    evidence: Evidence
    people: People
    customer: Customer
    alert: Alert
    management: Management
    stages: Stages
    rules: dict[str, Rule]

    def thresholds(self) -> dict[str, float]:
        """Every threshold by its own name, whatever its section: what the rules' expressions may use."""
        sections = self.model_dump(exclude={"rules"})
        return {name: value for section in sections.values() for name, value in section.items()}


SECTIONS = [name for name in Policy.model_fields if name != "rules"]
POLICY_FILE = Path(__file__).with_name("policy.toml")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A hint for a misspelt word, empty when nothing known is close.

    >>> did_you_mean("gros_amount", ["gross_amount", "store"])
    '; did you mean `gross_amount`?'
    """
    names = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean `{names[close[0]]}`?" if close else ""


def first_error(error: ValidationError, file: str, known: Collection[str]) -> str:
    """One complaint of a pydantic validation as one sentence about `file`, a misspelt name first; `known` are the names to suggest."""
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{file}: `{where}` is not a setting{did_you_mean(str(first['loc'][-1]), known) or '; remove it'}"
    if first["type"] == "missing":
        return f'{file}: `{where}` is missing; add a line such as {first["loc"][-1]} = "…"'
    if first["loc"][:1] == ("alerts",):  # what stands there may be a secret in the wrong place: it is not repeated
        return f"{file}: `{where}` can't be used: {first['msg'].removeprefix('Value error, ')}"
    if first["type"] == "value_error" and first["loc"][:1] == ("exports",):  # it names what is wrong in an entry of several settings
        return f"{file}: {first['msg'].removeprefix('Value error, ')}"
    share = first["type"].startswith("less_than") and 1 <= first["input"] <= 100 and (first["ctx"].get("le") or first["ctx"]["lt"]) <= 5
    hint = f"; {first['input']} % is written {first['input'] / 100:g}" if share else ""
    return f"{file}: `{where}` can't be {reprlib.repr(first['input'])}: {first['msg'].removeprefix('Value error, ')}{hint}"


def load_policy(overrides: dict | None = None) -> Policy:
    """The shipped policy with a company's `[policy.…]` thresholds laid over it.

    Raises BadInput for an unknown section or key (with the nearest known one) and for a value out of range.

    >>> load_policy({"product": {"min_gross_margin": 0.25}}).product.min_gross_margin
    0.25
    """
    policy = tomllib.loads(POLICY_FILE.read_text(encoding="utf-8"))
    known = [*(name for section in SECTIONS for name in policy[section]), *Weights.model_fields]
    for section, values in (overrides or {}).items():
        if section not in SECTIONS:
            raise BadInput(f"company.toml: policy.{section} is not a section of the policy{did_you_mean(section, SECTIONS)}")
        if not isinstance(values, dict):
            raise BadInput(f"company.toml: policy.{section} is a section; write [policy.{section}] and its thresholds below it")
        policy[section] = policy[section] | values
    try:
        return Policy(**policy)
    except ValidationError as error:
        raise BadInput(first_error(error, "company.toml: policy", known)) from None
