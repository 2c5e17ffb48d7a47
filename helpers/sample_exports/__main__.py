"""`python -m helpers.sample_exports [--out folder]` writes an example company for each platform: its exports of the sample's last month."""

import argparse
from pathlib import Path

from helpers.sample import FOLDER, MONTHS, build
from helpers.sample_exports import ads, amazon, shopify, woocommerce, youzan

PLATFORMS = {"ads": ads, "amazon": amazon, "shopify": shopify, "woocommerce": woocommerce, "youzan": youzan}
ORDERS = 60
"""Orders of a store in an example: enough to see what a file looks like."""


def example(tables: dict[str, list[dict]], month: str) -> dict[str, list[dict]]:
    """The tables with a store's first orders of the month on each channel, and what belongs to those orders."""
    counts: dict[tuple[str, str], set] = {}
    for line in tables["order_lines"]:
        orders = counts.setdefault((line["store"], line["channel"]), set())
        if str(line["ordered_at"])[:7] == month and len(orders) < ORDERS:
            orders.add(line["order_id"])
    kept = {(store, order) for (store, _), orders in counts.items() for order in orders}
    about_orders = ("order_lines", "returns", "payouts", "shipments", "reviews")
    return tables | {name: [row for row in tables[name] if (row["store"], row.get("order_id")) in kept] for name in about_orders}


def write(out: Path) -> None:
    """Write one company folder for each platform."""
    tables = example(build()[0], MONTHS[-1])
    for name, platform in PLATFORMS.items():
        platform.write(tables, out / name, MONTHS[-1:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m helpers.sample_exports", description="Write an example of each platform's exports.")
    parser.add_argument("--out", type=Path, default=FOLDER.parent / "exports")
    write(parser.parse_args().out)
