"""Exports of shops, marketplaces and ad platforms: an adapter for each, all of one shape."""

from helpers.sources import (
    amazon_all_orders,
    amazon_date_range,
    amazon_fba_returns,
    amazon_inventory_ledger,
    amazon_settlement,
    amazon_sponsored_products,
    google_ads,
    meta_ads,
    shopify_orders,
    shopify_payouts,
    shopify_products,
    woocommerce,
    youzan,
)
from helpers.sources.adapter import Adapter

MODULES = (
    amazon_all_orders,
    amazon_date_range,
    amazon_fba_returns,
    amazon_inventory_ledger,
    amazon_settlement,
    amazon_sponsored_products,
    google_ads,
    meta_ads,
    shopify_orders,
    shopify_payouts,
    shopify_products,
    woocommerce,
    youzan,
)
ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for module in MODULES for adapter in module.ADAPTERS}
"""Every adapter by the name that company.toml gives it; of two that see each other, the first one makes its rows first."""

COMMON_OPTIONS: dict[str, tuple[object, str]] = {
    "store": ("", "the store that the rows belong to"),
    "channel": ("", "the channel that they belong to; default the platform's name"),
    "currency": ("", "the currency of amounts that name none"),
    "timezone": ("", "the zone of times that name none; default the company's"),
    "decimal": ("", "the decimal mark, `.` or `,`; default what the file shows"),
    "day_first": (None, "true when 03/04/2026 is in April; default what the file shows"),
    "encoding": (None, "the files' encoding; default what their content shows"),
}
"""What a `[[sources]]` entry with an adapter may say beside `adapter` and `files`: name → (default, meaning)."""
