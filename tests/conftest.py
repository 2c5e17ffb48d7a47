"""What all tests share: a cache of prepared companies of their own, and a small company to work on."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import two_teams as by_hand

# Before any helper is imported. One per worker: the cache keeps few companies, and another worker's tests would push ours out.
CACHE = tempfile.mkdtemp(prefix="profit-cache-")
os.environ["PROFIT_CACHE"] = CACHE


def pytest_unconfigure(config):
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture
def small_company(tmp_path) -> Path:
    """A copy of the ten orders worked out by hand: stores A and B, sales in February, March and April 2025."""
    return Path(shutil.copytree(Path(__file__).parent / "hand" / "company", tmp_path / "company"))


@pytest.fixture
def odd_company(tmp_path) -> Path:
    """March 2025 of a store that sells for millions, after a store that closed in February and before one that opens in April. There are
    targets of every level and metric, and none of the tables that most of them would need. In May there is a refund, and no sale."""
    from folders import write  # which imports helpers

    levels = "company,company store,open channel,web region,R category,K product,P team,T employee,E segment,new campaign,C".split()
    metrics = "net_sales gross_profit contribution orders new_customers collections".split()
    files = {
        "company.toml": 'name = "Odd"\nreporting_currency = "VND"\ntimezone = "UTC"\n',
        "order_lines.csv": "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost\n"
        "1,1,2025-02-01,closed,web,P,1,100,50\n2,1,2025-03-01,open,web,P,1,200000000,150000000\n3,1,2025-04-01,later,web,P,1,100,50\n",
        "returns.csv": "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked,fee_refunded\nopen,2,1,2025-03-08,1,199999999.99,false,12345.67\n"
        "later,3,1,2025-05-02,1,60,true,\n",
        "targets.csv": "month,level,entity,metric,target\n" + "".join(f"2025-03,{one},{metric},100\n" for one in levels for metric in metrics),
    }
    return write(tmp_path / "odd", files, None)


@pytest.fixture(scope="session")
def two_teams(tmp_path_factory) -> Path:
    """The company of two teams over January and February 2025."""
    made = tmp_path_factory.mktemp("two teams")
    for name, content in by_hand.FILES.items():
        (made / name).write_text(content, encoding="utf-8")
    return made
