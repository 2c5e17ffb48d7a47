"""The effect of an action, by hand and in companies whose true effect is known, among them those in which there is none."""

import numpy as np
import pandas as pd
import pytest
from folders import write
from scipy import stats

from helpers.book import open_book
from helpers.monthly_decisions import effects

HEAD = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost,platform_fee"


def test_the_bounds_are_those_of_a_textbook():
    # statsmodels' get_prediction and R's predict(interval = "prediction") rest on the same standard error, written out here from linregress.
    rng = np.random.default_rng(4)
    before = rng.normal(size=20)
    after = 1 + 0.5 * before + rng.normal(size=20)
    line = stats.linregress(before, after)
    rest = after - line.intercept - line.slope * before
    error = np.sqrt(rest @ rest / 18 * (1 + 1 / 20 + (3 - before.mean()) ** 2 / (20 * before.var())))
    half = stats.t.ppf(0.95, 18) * error
    effect = 7 - line.intercept - line.slope * 3
    assert effects.beyond(before, after, 3.0, 7.0, 0.90) == pytest.approx((effect, effect - half, effect + half))


def test_comparables_that_are_all_alike_before_give_their_mean():
    # mean 2, variance 1 with 2 degrees of freedom: 5 − 2 ± 4.3027 · √(1 + 1/3)
    found = effects.beyond(np.ones(3), np.array([1.0, 2, 3]), 9.0, 5.0, 0.95)
    assert found == pytest.approx((3, 3 - 4.302653 * np.sqrt(4 / 3), 3 + 4.302653 * np.sqrt(4 / 3)), abs=1e-5)


def worlds(effect, noise, count=1500, entities=40, seed=11):
    """Many companies: who has the worst month of all is acted on, and earns `effect` more afterwards. Yields (before, after, the worst)."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        level = rng.normal(0.15, 0.05, entities)
        before = level + noise(rng, entities)
        after = 1.2 * (level + noise(rng, entities)) + rng.normal(0, 0.05)  # a season that all share
        worst = int(before.argmin())
        after[worst] += effect
        yield before, after, worst


NOISES = {
    "even": lambda rng, size: rng.normal(0, 0.08, size),
    "heavy tails": lambda rng, size: 0.06 * rng.standard_t(5, size),
}


@pytest.mark.parametrize("effect", [0.0, 0.3])
@pytest.mark.parametrize("kind", NOISES)
def test_bounds_hold_the_true_effect_also_of_who_was_chosen_for_a_bad_month(kind, effect):
    held, claimed, naive = 0, 0, []
    for before, after, worst in worlds(effect, NOISES[kind]):
        others = np.arange(len(before)) != worst
        _, low, high = effects.beyond(before[others], after[others], before[worst], after[worst], 0.95)
        held += low <= effect <= high
        claimed += low > 0
        naive.append(after[worst] - before[worst] - (after[others] - before[others]).mean())
    assert (0.93 if kind == "even" else 0.91) < held / 1500 < 0.97  # from far out, heavy tails come back further than a line expects
    if effect:
        assert claimed / 1500 > 0.4
    else:
        assert claimed / 1500 < (0.04 if kind == "even" else 0.06)  # one of the two sides of 5 %, for the very worst of forty
        assert np.mean(naive) > 0.1  # what a difference in differences, blind to regression to the mean, would have claimed


def company(folder, effect: int, seed: int):
    """Forty products, eight months, six orders of 100 each a month; whoever loses in May is acted on in June, every second one of them.

    Fees of a month are those of the product and chance; from June on, acting spares `effect` of an order's cost. In July and August all
    amounts are higher by a fifth.
    """
    rng = np.random.default_rng(seed)
    fee = {p: np.round(rng.normal(42, 5) + rng.normal(0, 9, 8), 2) for p in (f"P{n:02d}" for n in range(40))}
    losers = [p for p, by_month in fee.items() if by_month[4] > 50]
    acted, lines = losers[::2], [HEAD]
    for month in range(8):
        scale = 1.2 if month > 5 else 1.0
        for p, by_month in fee.items():
            spared = effect if month > 4 and p in acted else 0
            for n in range(6):
                day = 1 + n * 5 if n < 5 else 28
                paid = f"{100 * scale:.2f},{50 * scale - spared:.2f},{by_month[month] * scale:.2f}"
                lines.append(f"{month}-{p}-{n},1,2025-{month + 1:02d}-{day:02d},S,web,{p},1,{paid}")
    notes = [f"2025-06-03,loss_maker,product,{p},called the supplier" for p in acted]
    files = {"order_lines.csv": "\n".join(lines), "actions.csv": "\n".join(["date,rule,level,entity,action", *notes])}
    return open_book(str(write(folder, files)), "2025-08"), acted, losers, fee


def test_a_known_effect_is_found_in_a_company(tmp_path):
    book, acted, losers, fee = company(tmp_path, 45, seed=2)
    frame = effects.effects(book).set_index("entity")
    assert list(frame.index) == sorted(acted) and len(acted) >= 3
    assert (frame["before_months"] <= 3).all() and (frame["after_months"] == 2).all()
    alone = set(losers) - set(acted)
    assert (frame["comparables"] == 40 - len(acted)).all() and alone
    p = acted[0]
    assert frame.loc[p, "after"] == pytest.approx(6 * (np.mean(1.2 * (50 - fee[p][6:])) + 45), abs=0.1)  # fees are in cents
    assert frame.loc[p, "effect"] == pytest.approx(frame.loc[p, "after"] - frame.loc[p, "expected"])
    assert ((frame["low"] < 6 * 45) & (6 * 45 < frame["high"])).all()
    assert (frame["found"] == "earned more").sum() >= len(acted) - 1
    assert "earned more than comparables led to expect, +CNY " in effects.effects_said(book, frame.reset_index())


def test_nothing_is_claimed_where_bad_months_were_only_followed_by_ordinary_ones(tmp_path):
    claims, better = 0, []
    for seed in range(4):
        book, acted, _, _ = company(tmp_path / str(seed), 0, seed)
        frame = effects.effects(book)
        claims += frame["found"].isin(effects.TOLD).sum()
        better += list(frame["after"] - frame["before"])
        assert (frame["low"] <= frame["high"]).all() and len(frame) == len(acted)
    assert len(better) >= 12 and np.mean(better) > 30  # each seems to have helped
    assert claims == 0


def test_what_cannot_be_measured_says_why(tmp_path):
    book, acted, losers, _ = company(tmp_path, 0, seed=2)
    folder = book.company.folder
    new = [p for p in (f"P{n:02d}" for n in range(40)) if p not in losers]
    notes = (folder / "actions.csv").read_text().splitlines()
    notes += ["2025-08-02,loss_maker,product," + acted[0] + ",again", "2025-07-02,loss_maker,product," + losers[1] + ",late"]
    (folder / "actions.csv").write_text("\n".join(notes) + f"\n2025-06-09,loss_maker,product,{new[0]},nothing had fired\n")
    frame = effects.effects(open_book(str(folder), "2025-08"))
    frame = frame.set_index(["entity", "date"])
    assert frame.loc[(acted[0], "2025-08-02"), "found"] == "too early"
    assert frame.loc[(acted[0], "2025-06-03"), "after_months"] == 1  # July alone: in August something else was done
    assert frame.loc[(losers[1], "2025-07-02"), "after_months"] == 1
    assert frame["effect"].isna().sum() == 1
    few = write(tmp_path / "few", {
        "order_lines.csv": "\n".join([HEAD, *(line for line in (folder / "order_lines.csv").read_text().splitlines() if f",{acted[0]}," in line)]),
        "actions.csv": "\n".join(notes[:2]),
    })  # fmt: skip
    assert effects.effects(open_book(str(few), "2025-08"))["found"].tolist() == ["too few comparables"]
    frame = effects.effects(open_book(str(few), "2025-06"))
    assert frame["found"].tolist() == ["too early"] and pd.isna(frame["effect"].iloc[0])


def test_a_month_that_still_runs_is_not_after(tmp_path):
    book, acted, _, _ = company(tmp_path, 0, seed=2)
    file = book.company.folder / "order_lines.csv"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if ",2025-08-" not in line or ",2025-08-01," in line))
    frame = effects.effects(open_book(str(book.company.folder), "2025-08"))
    assert len(frame) == len(acted) and (frame["after_months"] == 1).all()


def test_without_actions_there_is_nothing_to_measure(small_company):
    book = open_book(str(small_company), "2025-04")
    assert effects.effects(book).empty
    assert effects.effects_said(book, effects.effects(book)).startswith("No action")
