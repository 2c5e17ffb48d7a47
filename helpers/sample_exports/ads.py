"""Google Ads and Meta Ads reports of the sample company's US shop: the web shop's ads through Google, those of social groups through Meta."""

from pathlib import Path

from helpers.sample_exports import as_csv, write_table, write_text

STORE, GOOGLE, META = "us-shop", "webshop", "social"
COMPANY = """name = "Sample Trading Co, ads from the platforms"
reporting_currency = "CNY"
timezone = "Asia/Shanghai"

[[sources]]
adapter = "google_ads"
files = "exports/google*.csv"
store = "us-shop"
channel = "webshop"

[[sources]]
adapter = "meta_ads"
files = "exports/meta*.csv"
store = "us-shop"
channel = "social"
currency = "USD"
"""


def spend(tables: dict[str, list[dict]], channel: str, months: list[str]) -> list[dict]:
    """The shop's ads on a channel that name no product: what an ad platform knows."""
    return [
        row for row in tables["marketing_spend"]
        if row["store"] == STORE and row["channel"] == channel and row["kind"] == "ads" and not row.get("product_id") and str(row["date"])[:7] in months
    ]  # fmt: skip


def write(tables: dict[str, list[dict]], folder: Path, months: list[str]) -> None:
    """Write a company folder whose ads come from two platforms' reports, and whose orders are finished tables."""
    write_text(folder / "company.toml", COMPANY)
    lines = [row for row in tables["order_lines"] if row["store"] == STORE and str(row["ordered_at"])[:7] in months]
    write_table(folder, "order_lines", lines)
    write_table(folder, "fx_rates", tables["fx_rates"])
    write_google(folder / "exports" / "google-ads.csv", spend(tables, GOOGLE, months))
    write_meta(folder / "exports" / "meta-ads.csv", spend(tables, META, months))


def write_google(path: Path, rows: list[dict]) -> None:
    """A campaign report as `Excel CSV`: UTF-16 with tabs, a title and the period above, totals below; each day's spend in two campaigns."""
    header = ["Day", "Campaign status", "Campaign", "Campaign ID", "Currency code", "Cost", "Impr.", "Clicks", "Avg. cost", "Conv. value"]
    found = []
    for row in rows:
        cents = round(float(row["amount"]) * 100)
        for name, number, part in (("Total Wine coolers", "9007199254740993", cents // 3), ("Search brand", "112233", cents - cents // 3)):
            found.append(
                [
                    str(row["date"]),
                    "Enabled",
                    name,
                    number,
                    row.get("currency") or "CNY",
                    f"{part / 100:,.2f}",
                    part * 7,
                    part // 40,
                    "0.40",
                    "--",
                ]
            )
    total = f"{sum(float(row['amount']) for row in rows):,.2f}"
    for what in ("Total: Account", "Total: Search"):
        found.append([what, "--", "--", "--", rows[0].get("currency") or "CNY" if rows else "CNY", total, "--", "--", "--", "--"])
    write_text(path, "\ufeffCampaign report\nAll time\n" + as_csv(header, found, "\t"), "utf-16-le")


def write_meta(path: Path, rows: list[dict]) -> None:
    """A campaign report with a daily breakdown: a byte order mark, the currency in the header, a summary row without a campaign."""
    currency = rows[0].get("currency") or "CNY" if rows else "CNY"
    header = [
        "Reporting starts",
        "Reporting ends",
        "Campaign name",
        "Campaign delivery",
        "Results",
        f"Amount spent ({currency})",
        "Impressions",
        "Day",
    ]
    found = [[row["date"], row["date"], "Always on, social", "active", 3, row["amount"], 1200, row["date"]] for row in rows]
    if rows:
        days = sorted(str(row["date"]) for row in rows)
        found.append([days[0], days[-1], "", "", "", f"{sum(float(row['amount']) for row in rows):.2f}", "", ""])
    write_text(path, "\ufeff" + as_csv(header, found, end="\r\n"))
