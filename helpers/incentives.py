"""What would commission on sales pay, and what commission on contribution?"""

import numpy as np
import pandas as pd

from helpers.text import money, percent, signed_money


def pay(frame: pd.DataFrame, rate: float) -> pd.DataFrame:
    """What would commission on sales pay each person, and commission on contribution that costs the company the same?

    frame: as of `people`; rate: share of net sales. Nobody pays in: below zero counts as zero. Columns: who, net_sales,
    contribution, on_sales, on_contribution, change (on_contribution − on_sales). The second rate is `same_cost_rate`; where nobody
    contributes anything it pays nothing to nobody and is blank.

    >>> two = pd.DataFrame({"who": ["a", "b"], "net_sales": [1000.0, 200.0], "contribution": [50.0, 80.0]})
    >>> pay(two, 0.13)[["on_sales", "on_contribution", "change"]].round(2).values.tolist()
    [[130.0, 60.0, -70.0], [26.0, 96.0, 70.0]]
    """
    sales = rate * frame["net_sales"].clip(lower=0)
    profit = same_cost_rate(frame, rate) * frame["contribution"].clip(lower=0)
    return frame[["who", "net_sales", "contribution"]].assign(on_sales=sales, on_contribution=profit, change=profit - sales)


def same_cost_rate(frame: pd.DataFrame, rate: float) -> float:
    """Which commission on contribution costs what `rate` on net sales costs? Blank where there is no contribution to share.

    >>> same_cost_rate(pd.DataFrame({"net_sales": [1000.0, 200.0], "contribution": [50.0, 80.0]}), 0.13)
    1.2
    """
    contribution = float(frame["contribution"].clip(lower=0).sum())
    return round(rate * float(frame["net_sales"].clip(lower=0).sum()) / contribution, 12) if contribution > 1e-9 else np.nan


def read_pay(frame: pd.DataFrame, rate: float, currency: str) -> str:
    """The frame of `pay` in a sentence: both rates, the pool, who would gain and lose most."""
    same = same_cost_rate(frame, rate)
    if frame.empty or np.isnan(same):
        return "Nobody has a contribution above zero to share, so no commission on it costs what one on sales does."
    gains, loses = frame.loc[frame["change"].idxmax()], frame.loc[frame["change"].idxmin()]
    return (
        f"{percent(rate)} of net sales and {percent(same)} of contribution cost the same {money(frame['on_sales'].sum(), currency)}."
        f" {(frame['change'] > 0.005).sum()} people would gain, most of them {gains['who']} ({signed_money(gains['change'], currency)});"
        f" {(frame['change'] < -0.005).sum()} would lose, most {loses['who']} ({signed_money(loses['change'], currency)})."
    )
