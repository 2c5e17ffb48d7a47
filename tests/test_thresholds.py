"""The gates in hindsight, by hand: who fired, and what the month after would have been without them."""

import pytest
from folders import write

from helpers import thresholds
from helpers.book import open_book

LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost,platform_fee,commission\n"
# Month by month: P has a margin of 20 % and contributes 20, 20, −30 (a fee of 50); Q has 50 % and contributes 50 each month.
# The channel of R pays 40 of 100 as commission and contributes 10 each month; R has a margin of 50 %. U has no cost.
SOLD = """1,1,2025-01-10,S,web,P,1,100,80,0,0
2,1,2025-02-10,S,web,P,1,100,80,0,0
3,1,2025-03-10,S,web,P,1,100,80,50,0
4,1,2025-01-11,S,web,Q,1,100,50,0,0
5,1,2025-02-11,S,web,Q,1,100,50,0,0
6,1,2025-03-31,S,web,Q,1,100,50,0,0
7,1,2025-01-12,S,live,R,1,100,50,0,40
8,1,2025-02-12,S,live,R,1,100,50,0,40
9,1,2025-03-12,S,live,R,1,100,50,0,40
10,1,2025-02-13,S,web,U,1,100,,0,0
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("gates"), {"order_lines.csv": LINES + SOLD})
    frame = thresholds.study(open_book(str(folder), "2025-03"))
    return frame.set_index(["gate", "level", "threshold"])


def test_the_margin_gate_by_hand(found):
    # P fires in January (20 in February) and in February (−30 in March); U fires nothing, and R and Q pass at 50 %.
    row = found.loc[("gross margin below", "product", 0.3)]
    assert row[["own", "fired", "right", "saved", "forgone", "net"]].tolist() == [True, 2, 1, 30, 20, 10]
    assert found.loc[("gross margin below", "product", 0.2), "fired"] == 0  # exactly at the gate passes


def test_the_promotion_gate_by_hand(found):
    # The livestream fires in January and in February, and would have earned 10 in each month after.
    row = found.loc[("promotion share above", "channel", 0.15)]
    assert row[["fired", "right", "saved", "forgone", "net"]].tolist() == [2, 0, 0, 20, -20]


def test_nothing_fires_without_a_loss(found):
    assert found.loc[("contribution below", "product", 0.0), "fired"] == 0
    assert found["own"].sum() == 4


def test_a_running_month_judges_nothing(tmp_path):
    lines = SOLD.replace("2025-03-31", "2025-03-02").replace("2025-03-12", "2025-03-03").replace("2025-03-10", "2025-03-01")
    frame = thresholds.study(open_book(str(write(tmp_path, {"order_lines.csv": LINES + lines})), "2025-03"))
    row = frame.set_index(["gate", "level", "threshold"]).loc[("gross margin below", "product", 0.3)]
    assert row[["fired", "right"]].tolist() == [1, 0]  # January's alone: March isn't over
