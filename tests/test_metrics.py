"""Metrics: the dictionary is in step with the code. The numbers themselves are held against the reference in test_against_oracle.py."""

from helpers.book import open_book
from helpers.company import PROJECT
from helpers.metrics import METRICS, dictionary, metrics


def test_dictionary_on_disk_is_the_code_s():
    assert (PROJECT / "METRICS.md").read_text(encoding="utf-8") == dictionary()


def test_every_metric_of_the_sample_is_in_the_dictionary_and_sorted():
    frame = metrics(open_book("data/sample", "2025-12"))
    assert set(frame["metric"]) <= {metric.name for metric in METRICS}
    keys = frame[["level", "entity", "metric"]]
    assert keys.equals(keys.sort_values(["level", "entity", "metric"], ignore_index=True))
    assert not keys.duplicated().any()


def test_levels_add_up_to_the_company():
    frame = metrics(open_book("data/sample", "2025-12")).set_index(["level", "metric"])["value"]
    for level in ("store", "channel", "category", "product", "team", "employee", "campaign", "region", "segment"):
        for metric in ("net_sales", "gross_profit", "marketing", "contribution"):
            assert abs(frame[level, metric].sum() - frame["company", metric].sum()) < 1e-6, (level, metric)
    for level in ("store", "team", "employee"):
        assert abs(frame[level, "operating_profit"].sum() - frame["company", "operating_profit"].sum()) < 1e-6, level
