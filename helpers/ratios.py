"""What every ratio of the workbook is computed with: above ÷ below, its interval, and the ratios of a margin ladder."""

import numpy as np
import pandas as pd


def ratio(above: pd.Series, below: pd.Series) -> pd.Series:
    """above ÷ below, blank where `below` is not positive: a ratio over nothing says nothing.

    >>> ratio(pd.Series([1.0, 1.0, 1.0]), pd.Series([4.0, 0.0, -2.0])).tolist()
    [0.25, nan, nan]
    """
    below = below.astype(float)
    return (above.astype(float) / below.where(below > 1e-9)).astype(float)


def wilson(hits: pd.Series, trials: pd.Series, z: float = 1.96) -> tuple[pd.Series, pd.Series]:
    """The interval of a share of `hits` in `trials` (Wilson 1927), which stays within 0 and 1, also where there are few; z = 1.96 is 95 %.

    >>> low, high = wilson(pd.Series([81, 1]), pd.Series([263, 10]))  # Newcombe (1998): 0.2553 to 0.3662; and the textbook's example
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.2553, 0.0179], [0.3662, 0.4042])
    """
    n, share = trials.astype(float), ratio(hits, trials)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


def costed(ladder: pd.DataFrame) -> pd.Series:
    """Net sales of goods with a known cost: net_sales + uncosted_sales; 0 where no cost is known, whatever floats leave over.

    >>> costed(pd.DataFrame({"net_sales": [9.0, 0.1 + 0.2], "uncosted_sales": [-2.0, -0.3]})).tolist()
    [7.0, 0.0]
    """
    known = ladder["net_sales"] + ladder["uncosted_sales"]
    return known.where(known.abs() > 1e-12 * ladder["net_sales"].abs(), 0.0)


def margins(ladder: pd.DataFrame) -> pd.DataFrame:
    """A ladder frame with the ratios that need nothing but its own sums: coverage, margin, promotion share, ROAS and kin."""
    sales, known = ladder["net_sales"], costed(ladder)
    return ladder.assign(
        cost_coverage=ratio(known, sales),
        gross_margin=ratio(ladder["gross_profit"], known).where(sales > 1e-9),
        promotion_share=ratio(-(ladder["marketing"] + ladder["commissions"]), sales),
        roas=ratio(sales, -ladder["marketing"]),
        poas=ratio(ladder["cm2"], -ladder["marketing"]),
        break_even_roas=ratio(sales, ladder["cm2"]),
    )
