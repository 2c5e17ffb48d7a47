"""Notebook 08's sentences: they say the frame's numbers, name what is missing, and take hostile names as text."""

import pytest
from folders import LINES, write

from helpers.book import open_book
from helpers.stock_and_fulfilment import clearance, fulfilment, ordering, product_life, returned, stock, stock_charts, stock_words


@pytest.fixture(scope="module")
def sample():
    return open_book("data/sample", "2025-12")


def test_the_answer_of_the_sample(sample):
    lying, orders, back, first = stock_words.answer(sample)
    assert lying.startswith("Stock at cost: CNY 1,275,297, without 1 product of unknown cost.")
    assert "2 products of 59" in orders and "2026-01-07" in orders
    row = returned.matured(sample).iloc[-1]
    assert f"{row['expected_rate']:.1%}" in back and f"CNY {row['to_come']:,.0f}" in back
    assert first.startswith("Reorder – product 运动手表 Sports watch")


def test_sentences_read_their_frames(sample):
    assert "has promised 7 猫爬架 Cat tree more than it has. Other stores have 25 to spare: move them" in stock_words.watch_said(
        sample, stock.watch(sample)
    )
    assert "is below zero already: stop now" in stock_words.life_said(sample, product_life.weeks_left(sample))
    assert "On 5 lanes" in stock_words.lanes_said(sample, fulfilment.cheaper(sample))
    assert "more than chance explains" in stock_words.praise_said(sample)
    assert "worst USPS from us-shop" in stock_words.speed_said(sample)
    assert "the policy's 2.0 stands in" in stock_words.answer_said(sample)
    assert "5% off" in stock_words.clear_said(sample, clearance.clear_out(sample))
    assert "order 313" in stock_words.seasons_said(sample, ordering.season_orders(sample))


def bare(tmp_path, **files):
    return open_book(str(write(tmp_path / "bare", {"order_lines.csv": f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n"} | files)), "2025-03")


def test_each_sentence_says_which_table_is_missing(tmp_path):
    book = bare(tmp_path)
    said = {
        "inventory": [
            stock_words.cover_said(book, stock.cover(book)), stock_words.stock_outs_said(book, stock.stock_outs(book)), stock_words.watch_said(book, stock.watch(book)),
            stock_words.clear_said(book, clearance.clear_out(book)), stock_words.orders_said(book, ordering.reorder_list(book)),
        ],
        "shipments": [stock_words.speed_said(book), stock_words.lanes_said(book, fulfilment.cheaper(book))],
        "reviews": [stock_words.praise_said(book)],
        "returns": [
            stock_words.returns_said(book), stock_words.matured_said(book, returned.matured(book)),
            stock_words.yardstick_said(book, returned.store_returns(book)),
        ],
        "products": [stock_words.launches_said(book, product_life.launches(book))],
        "purchases": [stock_words.lead_said(book)],
    }  # fmt: skip
    for table, sentences in said.items():
        for sentence in sentences:
            assert f"This company has no table {table}" in sentence, sentence
    assert len(stock_words.answer(book)) == 2


def test_one_month_of_returns_says_nothing_about_what_is_to_come(tmp_path):
    back = "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\nS,1,1,2025-03-20,1,50,true\n"
    book = bare(tmp_path, **{"returns.csv": back})
    said = stock_words.matured_said(book, returned.matured(book))
    assert said.startswith("50.0%") and "nobody can tell what is still to come" in said


def test_charts_take_frames_of_nothing(tmp_path):
    book = bare(tmp_path)
    for ax in (
        stock_charts.two_views(stock.cover(book), "name", "inventory_days", "forward_days", 60.0),
        stock_charts.life(product_life.track(book), book.last_day, product_life.weeks_left(book)["stop_on"].min()),
    ):
        assert [text.get_text() for text in ax.texts] == ["nothing to show"]


def test_two_views_marks_what_is_beyond_the_gate(sample):
    ax = stock_charts.two_views(stock.cover(sample), "name", "inventory_days", "forward_days", 60.0, top=5)
    written = [text.get_text() for text in ax.texts]
    assert written[:5] == ["563", "29", "89", "34", "∞"] and "596" in written
    assert ax.get_xlim()[1] < 200  # 596 days are an arrow at the edge
