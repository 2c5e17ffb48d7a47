"""`make bench [SIZE=order lines]` measures everything beside what a user would take instead, in one run, and prints one table.

It is also written to bench/results/ as Markdown and JSON. Goals are ratios: seconds depend on the machine, and on what else it does.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from bench import batch, data, exports, many
from bench.measure import machine

RESULTS = Path(__file__).parent / "results"
PARTS = ("batch", "many", "data", "exports")
COLUMNS = ("what", "ours", "beside", "theirs", "ratio", "goal", "met", "memory (MB), ours / theirs")


def row(what: str, ours: float, beside: str, theirs: float, goal: str = "", met: bool | None = None, memory: str = "") -> dict:
    """One line of the table, in seconds; the ratio says how many times faster we are, or else how many times as long we take."""
    ratio = f"{theirs / ours:.1f}× faster" if ours <= theirs else f"{ours / theirs:.1f}× as long"
    return line(what, f"{ours:.2f} s", beside, f"{theirs:.2f} s", ratio, goal, met, memory)


def line(what: str, ours: str, beside: str, theirs: str, ratio: str, goal: str = "", met: bool | None = None, memory: str = "") -> dict:
    """The same of anything, in words."""
    return dict(zip(COLUMNS, (what, ours, beside, theirs, ratio, goal, "" if met is None else "yes" if met else "no", memory), strict=True))


def of_batch(found: list[dict]) -> list[dict]:
    ours, *others = found
    goals = {"papermill's command in a loop": 6.0, "two papermill processes": 2.8, "nbconvert --execute": 3.0}
    what = f"a report, of {ours['reports']} for {ours['scopes']} scopes"
    rows = [
        row(what, ours["wall"], f"{one['name']}: a report, of {one['reports']}", one["wall"], f"≥ {goals[one['name']]:g}×",
            one["wall"] / ours["wall"] >= goals[one["name"]])
        for one in others
    ]  # fmt: skip
    loop = others[0]
    share = ours["cpu"] / loop["cpu"]
    return [*rows, row(f"{what}: CPU", ours["cpu"], f"{loop['name']}: CPU", loop["cpu"], "≤ 40 %", share <= 0.4)]


def of_many(found: dict) -> list[dict]:
    first, last = found["second fifth"], found["last fifth"]
    memory = max(first["memory"], last["memory"])
    return [
        row(f"a report, the last fifth of {found['reports']}", last["seconds"], "the second fifth", first["seconds"], "≤ 1.1×",
            last["seconds"] <= 1.1 * first["seconds"]),
        line(f"the largest kernel in the last fifth of {found['reports']} reports (PSS)", f"{last['memory']:.0f} MB", "in the second fifth",
             f"{first['memory']:.0f} MB", f"{last['memory'] / first['memory']:.2f}× as large", "≤ 250 MB", memory <= 250,
             f"{last['memory']:.0f} / {first['memory']:.0f}"),
    ]  # fmt: skip


def of_data(found: dict, lines: int) -> list[dict]:
    prepare, size = found["prepare"], f"{lines:,} order lines"
    ours, what = prepare["all"] - prepare["checks"], f"{size}: ledger and views"
    rows = [
        row(f"{size}: read, checked and stored by month", prepare["checks"], "scan of the columns", found["scan"]["all"], "within 4 GB",
            prepare["memory"] <= 4096, peaks(prepare, found["scan"])),
        row(what, ours, "the same by a plain SQL script", found["duckdb"]["all"], "≤ 1.5×", ours <= 1.5 * found["duckdb"]["all"],
            peaks(prepare, found["duckdb"])),
    ]  # fmt: skip
    if "polars" in found:
        rows.append(row(what, ours, "the same in Polars", found["polars"]["all"], memory=peaks(prepare, found["polars"])))
    if "pandas" in found:
        theirs = found["pandas"]
        rows.append(row(what, ours, "the same in pandas", theirs["all"], "≥ 3×", theirs["all"] >= 3 * ours, peaks(prepare, theirs)))
    if "added" in found:
        added = found["added"]
        rows.append(row(f"{size}: a month added: ledger", added["all"] - added["checks"], "all months", ours, memory=peaks(added, prepare)))
    reading, theirs = found["slice"], found["statement"]
    rows.append(
        row(f"{size}: a product table of the month, prepared", reading["all"], "a statement over the raw files", theirs["all"], "< 2 s",
            reading["all"] < 2, peaks(reading, theirs))
    )  # fmt: skip
    ours, theirs = (found["bytes"][name] / 1e6 for name in ("prepare", "duckdb"))
    rows.append(
        line(f"{size}: ledger and views on the disk", f"{ours:.1f} MB", "the plain SQL script's", f"{theirs:.1f} MB", f"{ours / theirs:.2f}× as large")
    )
    for name, one in found["report"].items():
        asked, whole = one["slices"], one["all"]
        rows.append(
            line(f"{size}: slices of `{name}`", f"{asked:.2f} s", "with all that is made of them", f"{whole:.2f} s", f"{asked / whole:.0%} of it", "< 2 s",
                 asked < 2, f"{one['memory']} / –")
        )  # fmt: skip
    return rows


def peaks(ours: dict, theirs: dict) -> str:
    return f"{ours['memory']} / {theirs['memory']}"


def of_exports(found: list[dict]) -> list[dict]:
    return [
        row(f"{one['rows']:,} rows of `{one['adapter']}` ({one['megabytes']} MB): CPU", one["ours"]["cpu"], "plain read_csv: CPU", one["plain"]["cpu"],
            "within 1 GB", one["ours"]["memory"] <= 1024, peaks(one["ours"], one["plain"])) for one in found
    ]  # fmt: skip


def table(rows: list[dict]) -> str:
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(f"| {' | '.join(str(cell) for cell in one.values())} |" for one in rows),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the workbook beside what a user would take instead.")
    parser.add_argument("--size", type=int, default=1_000_000, help="order lines of the made-up company (default 1,000,000)")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each export (default 100,000)")
    parser.add_argument("--stores", type=int, default=12, help="of the twelve, how many the batch reports beside the company (default 12)")
    parser.add_argument("--pairs", type=int, default=1, help="rounds of the batch, of which the median is told (default 1)")
    parser.add_argument("--many", type=int, default=49, help="stores that the part `many` reports beside the company (default 49)")
    parser.add_argument("--only", choices=PARTS, help="one part; the others, and data of other sizes, keep the figures of their last run. `many` takes long and runs only so")
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / "bench.json"
    parts = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name in [asked.only] if asked.only else [name for name in PARTS if name != "many"]:
        print(f"Measuring: {name} …", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            if name == "batch":
                rows = of_batch(batch.run(scratch, asked.stores, asked.pairs))
            elif name == "data":
                rows = of_data(data.run(scratch, asked.size), asked.size)
            elif name == "many":
                rows = of_many(many.run(scratch, asked.many))
            else:
                rows = of_exports(exports.run(scratch, asked.rows))
        part = f"data {asked.size}" if name == "data" else name
        parts[part] = {"measured": f"{time.strftime('%Y-%m-%d')} on {machine()}", "rows": rows}
    parts = {name: parts[name] for name in sorted(parts, key=lambda name: (PARTS.index(name.split()[0]), int(name.partition(" ")[2] or 0)))}
    all_rows = table([row for part in parts.values() for row in part["rows"]])
    print("\n" + all_rows)
    notes = "\n".join(f"- {name}: {part['measured']}" for name, part in parts.items())
    (RESULTS / "bench.md").write_text(f"{all_rows}\n\nEach part as it was measured last:\n\n{notes}\n", encoding="utf-8")
    kept.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
