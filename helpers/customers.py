"""Customers: who comes back, who stays away, and what they bring. Buyers are known by their id only."""

SEGMENTS = {
    "champions": "Came lately, came back and spend at least twice the mean: look after them, and give no discount.",
    "loyal": "Came lately and came back within the year: offer what goes with their last order.",
    "promising": "Came lately, once in the year: win the next order before the interest cools.",
    "new": "Bought for the first time this month: win the second order, which decides whether they pay for their ads.",
    "at_risk": "Came back within the year and then stayed away: ask them one by one what went wrong.",
    "cooling": "Bought once in the year, and not lately: one reminder, no price war.",
    "lapsed": "Have not bought for a year: a cheap message at most, and no ads.",
    "unallocated": "Sales without a customer id: ask for it at the checkout, or nothing can be learned from them.",
}
"""The segments of metrics.csv, best first: who is in them and what to do. Their lines are the policy's, drawn in helpers/ledger.py."""
