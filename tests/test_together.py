"""Several platforms in one company: its ledger is theirs together, and every account still closes."""

import shutil
import tomllib

import pytest
from folders import TOML, write

from helpers.book import open_book
from helpers.contract import LINES
from helpers.sample import MONTHS, build
from helpers.sample_exports import amazon, shopify
from helpers.sample_exports.__main__ import example

SALES = ", ".join(f"sum({line})" for line in LINES if line not in ("cogs", "uncosted_sales", "payroll", "overheads"))
LEDGER = f"""select store, channel, day, product_id, kind, sum(quantity), {SALES} from ledger
             where kind in ('sale', 'return', 'spend', 'marketing') group by all order by all"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A company on Shopify, one on Amazon, and one whose company.toml names the exports of both."""
    tables, base = example(build()[0], MONTHS[-1]), tmp_path_factory.mktemp("together")
    both = base / "both"
    write(both, {}, None)
    told = []
    for name, platform in (("shopify", shopify), ("amazon", amazon)):
        platform.write(tables, base / name, MONTHS[-1:])
        shutil.copytree(base / name / "exports", both / "exports" / name)
        toml = (base / name / "company.toml").read_text(encoding="utf-8")
        told.append(toml[toml.index("[[sources]]") :].replace('"exports/', f'"exports/{name}/'))
        shutil.copy(base / name / "fx_rates.csv", both)
    (both / "company.toml").write_text(TOML + "\n".join(told), encoding="utf-8")
    assert len(tomllib.loads((both / "company.toml").read_text(encoding="utf-8"))["sources"]) == 11
    return {name: open_book(str(base / name), "latest") for name in ("shopify", "amazon", "both")}


def test_shopify_and_amazon_together_are_the_sum_of_both(folders):
    apart = sorted(folders["shopify"].con.execute(LEDGER).fetchall() + folders["amazon"].con.execute(LEDGER).fetchall(), key=str)
    stores = {name: {row[:2] for row in folders[name].con.execute(LEDGER).fetchall()} for name in folders}
    assert ("us-shop", "webshop") in stores["shopify"] and ("us-shop", "marketplace") in stores["amazon"] and len(apart) > 300
    assert sorted(folders["both"].con.execute(LEDGER).fetchall(), key=str) == apart


def test_every_account_closes(folders):
    query = "select source, currency, cast(sum(amount) as double) from source_totals where part = 'difference' group by all order by all"
    together = folders["both"].con.execute(query).fetchall()
    assert together == sorted(folders["shopify"].con.execute(query).fetchall() + folders["amazon"].con.execute(query).fetchall())
    assert len(together) >= 8 and all(abs(difference) < 0.005 for *_, difference in together)
    loads = (
        folders["both"]
        .sql("select sum(rows_in - loaded - set_aside - repeated) as lost, sum(set_aside) as aside from loads where file like 'exports%'")
        .iloc[0]
    )
    assert loads["lost"] == 0 and loads["aside"] == 0
