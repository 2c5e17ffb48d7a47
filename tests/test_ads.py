"""Google Ads and Meta Ads: the sample's ads read back from both reports, and each quirk of the reports by hand."""

import pytest
from folders import LINES, write

from helpers.book import open_book
from helpers.contract import BadInput
from helpers.load_and_check import load_report, reconcile
from helpers.sample import MONTHS, build
from helpers.sample_exports import ads, write_table

GOOGLE = '[[sources]]\nadapter = "google_ads"\nfiles = "exports/*"\nstore = "S"\nchannel = "web"\n'
META = '[[sources]]\nadapter = "meta_ads"\nfiles = "exports/*"\nstore = "S"\nchannel = "web"\n'
TOML = 'name = "Shop"\nreporting_currency = "EUR"\ntimezone = "Europe/Berlin"\n'
SALES = f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n"
RATES = "date,currency,rate\n2025-01-01,USD,2\n"


def company(tmp_path, toml, **exports):
    files = {"order_lines.csv": SALES, "fx_rates.csv": RATES} | {
        f"exports/{name.replace('__', '.')}": text for name, text in exports.items()
    }
    return open_book(str(write(tmp_path, files, TOML + toml)), "latest")


def spend(book):
    return [
        tuple(row)
        for row in book.sql("select cast(date as varchar), amount, coalesce(currency, '') from marketing_spend order by all")
        .to_numpy()
        .tolist()
    ]


def aside(book):
    return [tuple(row) for row in book.sql('select file, "row", reason from set_aside order by all').to_numpy().tolist()]


def test_round_trip(tmp_path):
    tables = build()[0]
    ads.write(tables, tmp_path / "exports", MONTHS)
    book = open_book(str(tmp_path / "exports"), "2025-12")
    finished = tmp_path / "finished"
    own = [row for channel in (ads.GOOGLE, ads.META) for row in ads.spend(tables, channel, MONTHS)]
    write(finished, {}, 'name = "T"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n')
    write_table(finished, "order_lines", [row for row in tables["order_lines"] if row["store"] == ads.STORE])
    write_table(finished, "fx_rates", tables["fx_rates"])
    write_table(finished, "marketing_spend", own)
    query = "select day, store, channel, product_id, sum(marketing) as marketing, sum(gross_sales) as sales from ledger group by all order by all"
    assert book.con.execute(query).fetchall() == open_book(str(finished), "2025-12").con.execute(query).fetchall()
    assert len(own) == 192 and book.sql("select count(*) as n from set_aside where file like 'exports%'")["n"][0] == 3  # the totals


GOOGLE_CSV = """Campaign report
"January 1, 2025 - March 31, 2025"
Day,Campaign,Campaign ID,Currency code,Cost,Avg. cost,Impr.
2025-03-01,Total Wine,11,EUR,"1,020.50",0.5,9
2025-03-02,Total: Wine,12,EUR,3.00,0.5,9
2025-03-02,Brand,13,USD,7.25,0.5,9
2025-03-03,Brand,13,EUR,--,0.5,9
Total: Account, --,--,EUR,"1,030.75",0.5,9
Total: Campaigns, --,--,EUR,"1,030.75",0.5,9
"""


def test_google_ads_by_hand(tmp_path):
    book = company(tmp_path, GOOGLE, g__csv=GOOGLE_CSV)
    assert spend(book) == [("2025-03-01", 1020.5, "EUR"), ("2025-03-02", 3.0, "EUR"), ("2025-03-02", 7.25, "USD")]
    assert aside(book) == [
        ("exports/g.csv", 7, "no cost"), ("exports/g.csv", 8, "a total of other rows"), ("exports/g.csv", 9, "a total of other rows"),
    ]  # fmt: skip
    # 1020.50 + 3 in euros, 7.25 dollars at two euros each
    assert book.ladder(months=["2025-03"])["marketing"][0] == -1038.0
    totals = book.sql("select currency, part, amount from source_totals where part in ('total', 'difference') order by all")
    assert totals.to_numpy().tolist() == [
        ["EUR", "difference", 0],
        ["EUR", "total", 1023.5],
        ["USD", "difference", 0],
        ["USD", "total", 7.25],
    ]


@pytest.mark.parametrize(
    ("header", "row", "amount"),
    [
        ("Tag,Kampagne,Kampagnen-ID,Währungscode,Kosten", '2025-03-01,A,1,EUR,"1.234,56"', 1234.56),
        ("Jour,Campagne,ID de la campagne,Code de devise,Coût", '01/03/2025,A,1,EUR,"1 020,50"', 1020.5),
        ("日期,广告系列,广告系列 ID,货币代码,费用", "2025年3月1日,A,1,EUR,12.5", 12.5),
    ],
)
def test_google_ads_in_other_languages(tmp_path, header, row, amount):
    toml = GOOGLE + ("day_first = true\n" if "/" in row else "")
    assert spend(company(tmp_path, toml, g__csv=f"Bericht\n{header}\n{row}\n")) == [("2025-03-01", amount, "EUR")]


def test_google_ads_as_excel_csv_and_xlsx(tmp_path):
    import xlsxwriter

    text = (
        GOOGLE_CSV.replace('"1,020.50"', "1020.50")
        .replace('"1,030.75"', "1030.75")
        .replace('"January 1, 2025 - March 31, 2025"', "All time")
    )
    wanted = [("2025-03-01", 1020.5, "EUR"), ("2025-03-02", 3.0, "EUR"), ("2025-03-02", 7.25, "USD")]
    assert spend(company(tmp_path / "a", GOOGLE, g__csv=text.replace(",", "\t").encode("utf-16"))) == wanted
    (tmp_path / "b" / "exports").mkdir(parents=True)
    with xlsxwriter.Workbook(tmp_path / "b" / "exports" / "g.xlsx") as workbook:
        sheet = workbook.add_worksheet("about")
        sheet.write(0, 0, "nothing here")
        sheet = workbook.add_worksheet("data")
        for number, line in enumerate(text.splitlines()):
            for place, cell in enumerate(line.split(",")):
                if place == 4 and number > 2 and cell != "--":
                    sheet.write_number(number, place, float(cell))
                else:
                    sheet.write_string(number, place, cell)
    assert spend(company(tmp_path / "b", GOOGLE)) == wanted


@pytest.mark.parametrize(
    ("toml", "text", "words"),
    [
        (GOOGLE, "Day,Campaign,Cost\n03/04/2025,A,5.00\n", "day_first"),
        (GOOGLE, 'Day,Campaign,Cost\n2025-03-01,A,"1,234"\n', "decimal"),
        (GOOGLE, 'Day,Campaign,Cost\n2025-03-01,A,"1,234.50"\n2025-03-01,B,"1.234,50"\n', "a decimal point (row 2, `Cost`"),
        (GOOGLE, "Campaign,Cost\nA,5\n", "`Day`"),
        (GOOGLE, "Day,Campaign,Avg. cost\n2025-03-01,A,5\n", "`Cost`"),
        (META, "Reporting starts,Reporting ends,Campaign name,Amount spent\n2025-03-01,2025-03-01,A,5\n", "`Amount spent (*)`"),
        (META, "a,b,c\n1,2,3\n", "no export that meta_ads reads"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path, toml, text, words):
    with pytest.raises(BadInput) as refusal:
        company(tmp_path, toml, g__csv=text)
    assert words in str(refusal.value) and "exports/g.csv" in str(refusal.value) and "\n" not in str(refusal.value)


def test_overlapping_exports_and_restated_days_load_once(tmp_path):
    old = "Day,Campaign,Campaign ID,Cost\n2025-03-01,A,1,5.00\n2025-03-02,A,1,6.00\n2025-03-02,B,2,1.50\n"
    new = "Day,Campaign,Campaign ID,Cost\n2025-03-02,A,1,6.20\n2025-03-02,B,2,1.50\n2025-03-03,A,1,7.00\n"
    book = company(tmp_path, GOOGLE, z__csv=old, a__csv=new, copy__csv=new)
    assert spend(book) == [("2025-03-01", 5.0, "EUR"), ("2025-03-02", 1.5, "EUR"), ("2025-03-02", 6.2, "EUR"), ("2025-03-03", 7.0, "EUR")]
    loads = book.sql("select file, rows_in, loaded, repeated from loads where file like 'exports%' order by file")
    assert loads[["rows_in", "loaded", "repeated"]].sum().tolist() == [9, 4, 5]
    assert book.sql("select sum(amount) as a from source_totals where part = 'total'")["a"][0] == 19.7


def test_a_day_segmented_by_device_adds_up_and_a_double_row_does_not(tmp_path):
    text = "Day,Campaign,Device,Cost\n2025-03-01,A,Mobile,2.00\n2025-03-01,A,Desktop,2.00\n2025-03-01,A,Desktop,2.00\n"
    book = company(tmp_path, GOOGLE, g__csv=text)
    assert spend(book) == [("2025-03-01", 2.0, "EUR"), ("2025-03-01", 2.0, "EUR")]
    assert book.sql("select repeated from loads where file = 'exports/g.csv'")["repeated"][0] == 1


def test_campaign_ids_reach_products_unless_orders_name_them(tmp_path):
    sales = f"{LINES},campaign_id\n1,1,2025-03-01,S,web,P,1,100,\n2,1,2025-03-01,S,web,Q,1,100,11\n"
    text = "Day,Campaign,Campaign ID,Cost\n2025-03-01,A,11,5.00\n2025-03-01,B,12,8.00\n"
    files = {"order_lines.csv": sales, "exports/g.csv": text}
    book = open_book(str(write(tmp_path, files, TOML + GOOGLE)), "latest")
    ladder = book.ladder(["product_id"]).set_index("product_id")["marketing"]
    assert ladder.to_dict() == {"P": -4.0, "Q": -9.0}  # 8 shared by P and Q, and the 5 of campaign 11 with Q alone
    assert book.sql("select rows, amount from source_notes").to_numpy().tolist() == [[1, 8.0]]


def test_meta_periods_are_set_aside_or_spread_to_the_cent(tmp_path):
    header = "Reporting starts,Reporting ends,Campaign name,Amount spent (USD)\n"
    text = f"{header}2025-03-01,2025-03-03,A,10.00\n2025-03-02,2025-03-02,B,0.01\n2025-03-01,2025-03-03,,10.01\n"
    book = company(tmp_path / "a", META, m__csv=text)
    assert spend(book) == [("2025-03-02", 0.01, "USD")]
    assert [(row, reason[:22]) for _, row, reason in aside(book)] == [(2, "the total of a period,"), (4, "a total of other rows")]
    book = company(tmp_path / "b", META + "spread = true\n", m__csv=text)
    assert spend(book) == [
        ("2025-03-01", 3.34, "USD"),
        ("2025-03-02", 0.01, "USD"),
        ("2025-03-02", 3.33, "USD"),
        ("2025-03-03", 3.33, "USD"),
    ]
    assert book.sql("select rows, amount, currency from source_notes").to_numpy().tolist() == [[1, 10.0, "USD"]]


def test_a_zone_of_its_own_is_said(tmp_path):
    toml = META + 'timezone = "America/New_York"\n'
    book = company(tmp_path, toml, m__csv="Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2025-03-02,2025-03-02,B,1\n")
    assert "America/New_York" in book.sql("select what from source_notes")["what"][0]


def test_the_second_download_counts_and_copies_that_differ_are_told(tmp_path):
    header = "Day,Campaign,Cost\n"
    files = {"exports/g.csv": f"{header}2025-03-01,A,5.00\n", "exports/g (1).csv": f"{header}2025-03-01,A,6.00\n", "exports/g (10).csv": f"{header}2025-03-01,A,7.00\n",
             "order_lines.csv": f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n"}  # fmt: skip
    book = open_book(str(write(tmp_path, files, TOML + GOOGLE)), "latest")
    assert spend(book) == [("2025-03-01", 7.0, "EUR")]
    notes = book.sql("select what, rows from source_notes")
    assert notes["rows"].tolist() == [2] and "last file by name" in notes["what"][0]


def test_a_store_without_order_lines_is_told_and_empty_rows_are_set_aside(tmp_path):
    text = "Day,Campaign,Cost\n2025-03-01,A,5.00\n,,\n2025-03-02,A,6.00\n"
    files = {"exports/g.csv": text, "order_lines.csv": f"{LINES}\n1,1,2025-03-01,S1,web,P,1,100\n"}
    book = open_book(str(write(tmp_path, files, TOML + GOOGLE)), "latest")
    assert book.sql("select what from source_notes")["what"].tolist() == [
        "the store `S` of company.toml has no order line; did you mean `S1`?"
    ]
    assert aside(book) == [("exports/g.csv", 3, "an empty row")]
    assert book.sql("select rows_in - loaded - set_aside as lost from loads where file like 'exports%'")["lost"].tolist() == [0]


def test_another_platforms_file_is_told_from_a_file_that_lacks_a_column(tmp_path):
    with pytest.raises(BadInput, match="is no export that google_ads reads"):
        company(
            tmp_path / "a", GOOGLE, g__csv="Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2025-03-01,2025-03-01,A,5\n"
        )
    with pytest.raises(BadInput, match="has no column `Cost`, which google_ads needs; did you mean `costs`"):
        company(tmp_path / "b", GOOGLE, g__csv="Day,Campaign,Costs\n2025-03-01,A,5\n")


def overlap(tmp_path, toml, may, june):
    """May's export has 10 on the first day and 20 on the last; June's has the last day of May again, and 5 of its own."""
    book = company(tmp_path, toml, may__csv=may, june__csv=june)
    assert book.sql("select sum(amount) as a from source_totals where part = 'difference'")["a"][0] == 0
    return spend(book)


ONCE = [("2025-03-01", 10.0, "EUR"), ("2025-03-31", 20.0, "EUR"), ("2025-04-02", 5.0, "EUR")]


@pytest.mark.parametrize(
    ("may", "june"),
    [
        # the campaign has another name since, and its id still
        ("Day,Campaign,Campaign ID,Currency code,Cost\n2025-03-01,A,77,EUR,10\n2025-03-31,A,77,EUR,20\n",
         "Day,Campaign,Campaign ID,Currency code,Cost\n2025-03-31,A new,77,EUR,20\n2025-04-02,A new,77,EUR,5\n"),
        # only one of the files has the id, the currency, the account
        ("Day,Campaign,Cost\n2025-03-01,A,10\n2025-03-31,A,20\n", "Day,Campaign,Campaign ID,Cost\n2025-03-31,A,77,20\n2025-04-02,A,77,5\n"),
        ("Day,Campaign,Cost\n2025-03-01,A,10\n2025-03-31,A,20\n", "Day,Campaign,Currency code,Cost\n2025-03-31,A,EUR,20\n2025-04-02,A,EUR,5\n"),
        # an id needs no account, which one file names and the other numbers
        ("Day,Campaign,Campaign ID,Account,Cost\n2025-03-01,A,77,Shop,10\n2025-03-31,A,77,Shop,20\n",
         "Day,Campaign,Campaign ID,Customer ID,Cost\n2025-03-31,A,77,12-3,20\n2025-04-02,A,77,12-3,5\n"),
        ("Day,Campaign,Account,Cost\n2025-03-01,A,1,10\n2025-03-31,A,1,20\n", "Day,Campaign,Cost\n2025-03-31,A,20\n2025-04-02,A,5\n"),
    ],
)  # fmt: skip
def test_a_google_campaigns_day_counts_once_whatever_columns_its_files_have(tmp_path, may, june):
    assert overlap(tmp_path, GOOGLE, may, june) == ONCE


def test_without_ids_accounts_tell_campaigns_of_one_name_apart(tmp_path):
    header = "Day,Campaign,Account,Cost\n"
    book = company(tmp_path, GOOGLE, a__csv=f"{header}2025-03-01,A,1,8\n", b__csv=f"{header}2025-03-01,A,2,12\n")
    assert [amount for _, amount, _ in spend(book)] == [8.0, 12.0]


@pytest.mark.parametrize(
    ("toml", "head", "tail"), [(GOOGLE, "Day", "Cost"), (META, "Reporting starts,Reporting ends", "Amount spent (EUR)")], ids=["google", "meta"]
)
def test_a_campaign_that_may_have_been_renamed_before_it_had_an_id_is_told(tmp_path, toml, head, tail):
    """Nobody can know it: Shopping of the older file may be Shopping EU of the newer one, whose days are 2 and 3 March. Brand is Brand."""
    day = lambda n: ",".join([f"2025-03-0{n}"] * (head.count(",") + 1))  # noqa: E731
    name = "Campaign" if toml is GOOGLE else "Campaign name"
    old = f"{head},{name},{tail}\n"
    old += "".join(f"{day(n)},{name},{cost}\n" for n, name, cost in [(1, "Shopping", 40), (2, "Shopping", 50), (2, "Brand", 100)])
    new = f"{head},{name},Campaign ID,{tail}\n"
    new += "".join(f"{day(n)},{name},{id},{cost}\n" for n, name, id, cost in [(2, "Shopping EU", 7, 50), (2, "Brand", 8, 100), (3, "Brand", 8, 10)])
    book = company(tmp_path, toml, a__csv=old, b__csv=new)
    assert sum(amount for _, amount, _ in spend(book)) == 40 + 50 + 50 + 100 + 10
    (note,) = [row for row in reconcile.notes(book).itertuples() if "renamed" in row.what]
    assert (note.rows, note.amount) == (1, 50)


def test_a_name_of_two_campaigns_stands_for_neither_of_their_ids(tmp_path):
    """Two campaigns were called A; a file without ids can't tell which of them its A is, so that nothing of it is left out."""
    text = "Day,Campaign,Campaign ID,Cost\n2025-03-01,A,1,2.00\n2025-03-01,A,2,3.00\n"
    book = company(tmp_path, GOOGLE, a__csv=text, b__csv="Day,Campaign,Cost\n2025-03-01,A,4.00\n")
    assert [amount for _, amount, _ in spend(book)] == [2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("may", "june"),
    [
        ("Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2025-03-01,2025-03-01,A,10\n2025-03-31,2025-03-31,A,20\n",
         "Campaign name,Day,Amount spent (EUR),Reporting starts,Reporting ends\nA,2025-03-31,20,2025-03-31,2025-03-31\nA,2025-04-02,5,2025-04-02,2025-04-02\n"),
        ("Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2025-03-01,2025-03-01,A,10\n2025-03-31,2025-03-31,A,20\n",
         "Reporting starts,Reporting ends,Campaign name,Campaign ID,Amount spent (EUR)\n2025-03-31,2025-03-31,A,1201,20\n2025-04-02,2025-04-02,A,1201,5\n"),
        # a day needs no period beside it
        ("Campaign name,Day,Amount spent (EUR)\nA,2025-03-01,10\nA,2025-03-31,20\n",
         "Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2025-03-31,2025-03-31,A,20\n2025-04-02,2025-04-02,A,5\n"),
    ],
)  # fmt: skip
def test_a_meta_campaigns_day_counts_once_however_its_files_tell_it(tmp_path, may, june):
    assert overlap(tmp_path, META, may, june) == ONCE


def test_a_period_whose_days_are_told_beside_it_is_not_spread(tmp_path):
    """A: 10 and 20 by day, and 30 for both. B: 4 for three days, 3 for the last two of them. C: 2 and 2 for days that meet in the middle."""
    header = "Reporting starts,Reporting ends,Campaign name,Amount spent (USD)\n"
    daily = f"{header}2025-03-01,2025-03-01,A,10\n2025-03-02,2025-03-02,A,20\n"
    periods = (f"{header}2025-03-01,2025-03-02,A,30\n2025-03-03,2025-03-05,B,4\n2025-03-04,2025-03-05,B,3\n"
               "2025-03-06,2025-03-07,C,2\n2025-03-07,2025-03-08,C,2\n2025-03-09,2025-03-10,D,6\n")  # fmt: skip
    book = company(tmp_path, META + "spread = true\n", daily__csv=daily, periods__csv=periods)
    assert [(day, amount) for day, amount, _ in spend(book)] == [
        ("2025-03-01", 10.0), ("2025-03-02", 20.0), ("2025-03-04", 1.5), ("2025-03-05", 1.5), ("2025-03-09", 3.0), ("2025-03-10", 3.0),
    ]  # fmt: skip
    assert [(row, reason[:50]) for _, row, reason in aside(book)] == [
        (row, "the total of a period of which other rows of the c") for row in (2, 3, 5, 6)
    ]
    assert book.sql("select sum(amount) as a from source_totals where part = 'set aside'")["a"][0] == 38


def test_a_total_has_no_day(tmp_path):
    text = "Day,Campaign,Cost\n2025-03-01,Total Wine,5.25\n2025-03-01,Total: Wine sale,7.25\n--,Total: Campaigns,12.50\n"
    book = company(tmp_path, GOOGLE, g__csv=text)
    assert spend(book) == [("2025-03-01", 5.25, "EUR"), ("2025-03-01", 7.25, "EUR")]
    assert aside(book) == [("exports/g.csv", 4, "a total of other rows")]


def test_equal_rows_of_a_file_are_told_with_what_they_are_worth(tmp_path):
    """5 is there twice in each of two files; of the copy that doesn't count nothing more is told."""
    text = "Campaign name,Ad name,Day,Amount spent (EUR)\nA,Video,2025-03-01,5\nA,Video,2025-03-01,5\nA,Photo,2025-03-01,3\n"
    book = company(tmp_path, META, a__csv=text, b__csv=text)
    assert spend(book) == [("2025-03-01", 3.0, "EUR"), ("2025-03-01", 5.0, "EUR")]
    notes = book.sql("select what, rows, amount, currency from source_notes")
    assert notes[["rows", "amount", "currency"]].to_numpy().tolist() == [[1, 5.0, "EUR"]] and "the same in every cell" in notes["what"][0]
    assert "4 repeat other rows" in load_report.rows_said(load_report.rows(book))


def test_an_amount_that_is_not_there_is_not_one_that_cannot_be_read(tmp_path):
    text = "Day,Campaign,Cost\n2025-03-01,A,5.00\n2025-03-02,A,{}\n"
    said = "select rows from source_notes where what like '%lacks it'"
    assert company(tmp_path / "a", GOOGLE, g__csv=text.format("--")).sql(said)["rows"].tolist() == []
    assert company(tmp_path / "b", GOOGLE, g__csv=text.format("about 6")).sql(said)["rows"].tolist() == [1]


def test_two_entries_of_one_adapter(tmp_path):
    """The same file in both is refused; a campaign's day that stands in both counts twice, 5 and 5, and is told."""
    text = "Day,Campaign,Cost\n2025-03-01,A,5.00\n2025-03-02,A,6.00\n"
    files = {"order_lines.csv": SALES, "exports/one/g.csv": text, "exports/two/g.csv": text.replace("03-02,A", "03-03,A")}
    entries = [GOOGLE.replace("exports/*", f"exports/{folder}/*") for folder in ("one", "two", "o*")]
    with pytest.raises(BadInput, match=r"two \[\[sources\]\] entries of google_ads name exports/one/g.csv, which would count twice"):
        open_book(str(write(tmp_path / "a", files, TOML + entries[0] + entries[2])), "latest")
    notes = "select rows from source_notes where what like '%another entry%'"
    book = open_book(str(write(tmp_path / "b", files, TOML + entries[0] + entries[1])), "latest")
    assert [amount for _, amount, _ in spend(book)] == [5.0, 5.0, 6.0, 6.0] and book.sql(notes)["rows"].tolist() == [1]
    book = open_book(str(write(tmp_path / "c", files, TOML + entries[0] + entries[1].replace('"S"', '"T"'))), "latest")
    assert book.sql(notes).empty


def test_the_longer_copy_is_not_the_newer_one(tmp_path):
    header = "Day,Campaign,Device,Cost\n"
    book = company(tmp_path, GOOGLE, a__csv=f"{header}2025-03-01,A,Mobile,2\n2025-03-01,A,Desktop,3\n", b__csv=f"{header}2025-03-01,A,All,6\n")
    assert spend(book) == [("2025-03-01", 6.0, "EUR")]
    notes = book.sql("select what, rows from source_notes")
    assert notes["rows"].tolist() == [1] and "last file by name" in notes["what"][0]
