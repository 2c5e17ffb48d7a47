"""Files as text: worked by hand, then random tables written by Python's csv module, then damaged ones."""

import csv
import errno
import io
import os
import re
import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from helpers.contract import BadInput
from helpers.files import TextTable, quote, read_text


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        yield connection


@pytest.fixture
def read(con, tmp_path):
    """Reads bytes as the file `order_lines.csv`: what was found, the rows and the rejects."""

    def read(data: bytes | str, known=(), encoding=None, name="order_lines.csv"):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return contents(con, path, tmp_path, known, encoding)

    return read


def contents(con, path: Path, scratch: Path, known=(), encoding=None) -> tuple[TextTable, list, list]:
    table = read_text(con, path, "t", known, encoding, scratch=scratch)
    rows = con.execute("SELECT * FROM t ORDER BY row").fetchall()
    rejects = con.execute("SELECT * FROM t_rejects ORDER BY row").fetchall()
    assert [name for name, *_ in con.execute("DESCRIBE t").fetchall()] == ["row", *table.columns]
    assert table.rows == len(rows) + len(rejects) and table.rejected == len(rejects)
    numbers = [row[0] for row in rows + rejects]
    assert len(set(numbers)) == len(numbers)
    return table, rows, rejects


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n3,4\n", [(2, "1", "2"), (3, "3", "4")]),
        ("a,b\n1,2\n3,4", [(2, "1", "2"), (3, "3", "4")]),
        ("a,b\r\n1,2\r\n3,4\r\n", [(2, "1", "2"), (3, "3", "4")]),
        ("a,b\r1,2\r3,4\r", [(2, "1", "2"), (3, "3", "4")]),
        ("a,b\r\n1,2\n3,4\r\n", [(2, "1", "2"), (3, "3", "4")]),
        ("a,b\n\n1,2\n\n\n3,4\n\n", [(2, "1", "2"), (3, "3", "4")]),
        ("a,b\n1,2\n  \n3,4\n\t\n", [(2, "1", "2"), (3, "3", "4")]),
        ("\n\na,b\n1,2\n", [(2, "1", "2")]),
        ('a,"b"\n1,"x\ny"\n3,"p\r\n\r\nq"\n5,6\n', [(2, "1", "x\ny"), (3, "3", "p\r\n\r\nq"), (4, "5", "6")]),
        ('"a","b\n"\r\n1,2\r\n', [(2, "1", "2")]),
        ('a,b\n1,"say ""hi"", now"\n2,5" pipe\n', [(2, "1", 'say "hi", now'), (3, "2", '5" pipe')]),
        ('a,b\n 1 ,\t2\t\n\u30003\u00a0," \n4\t"\n', [(2, "1", "2"), (3, "3", "4")]),
        ('a,b\n"",\n" ",\t\n', [(2, None, None), (3, None, None)]),
        ("a,b\nNULL,NA\nN/A,nan\n#1,00123\n", [(2, "NULL", "NA"), (3, "N/A", "nan"), (4, "#1", "00123")]),
        ("a,b\n1,\0x\n", [(2, "1", "\0x")]),
        ("a,b\n1,2,\n3,4,,\n5,6, \n", [(2, "1", "2"), (3, "3", "4"), (4, "5", "6")]),
        ("a,b\n", []),
        ("a,b", []),
        ("\ufeffa,b\n1,2\n", [(2, "1", "2")]),
        ('\ufeff"a","b"\r\n1,2\r\n', [(2, "1", "2")]),
    ],
)
def test_sound_records(read, text, rows):
    table, found, rejects = read(text)
    assert (table.columns, table.encoding, table.delimiter) == (["a", "b"], "utf-8", ",")
    assert found == rows and rejects == []


def test_one_column_keeps_quoted_blanks(read):
    assert read('a\n1\n\n""\n2\n')[1] == [(2, "1"), (3, None), (4, "2")]


def test_header_with_a_line_break(read):
    table, rows, rejects = read('"a\r","b\rc"\n1,2\n3\n')
    assert (table.columns, rows, rejects) == (["a", "b\rc"], [(2, "1", "2")], [(3, "3", "1 cells where the header has 2")])


@pytest.mark.parametrize(
    ("data", "good", "rejects"),
    [
        ("a,b,c\n1,2\n3,4,5\n", [3], [(2, "1,2", "2 cells where the header has 3")]),
        ("a,b\n1,2\n\n3,4,5\n6,7\n", [2, 4], [(3, "3,4,5", "3 cells where the header has 2")]),
        ('a,b\n1,"x\ny"\n3\n5,6\n', [2, 4], [(3, "3", "1 cells where the header has 2")]),
        ('a,b\n1,"2"x\n3,4\n', [3], [(2, '1,"2"x', "a quote stands in the wrong place")]),
        ('a,b\n1,2\n3,"4\n5,6\n', [2], [(3, '3,"4\n5,6', "a quote is opened and never closed")]),
        ('a,b\n1,2\n3,"', [2], [(3, '3,"', "a quote is opened and never closed")]),
        ('a,b\n5",2\n3,"4\n5,6\n7,8\n', [2], [(3, '3,"4\n5,6\n7,8', "a quote is opened and never closed")]),
        ("a,b\n1,2\n3", [2], [(3, "3", "1 cells where the header has 2")]),
        ("a,b\n1,上海\n2,".encode() + b"\xff\n3,4\n", [2, 4], [(3, "2,\ufffd", "bytes that aren't utf-8")]),
        ("a,b\n1,上海\n2,北京\n3,广".encode()[:-1], [2, 3], [(4, "3,\ufffd", "bytes that aren't utf-8")]),
        ("a,b\r\n1,2\r\n".encode("utf-16") + b"3", [2], [(3, "\ufffd", "bytes that aren't utf-16")]),
    ],
)
def test_spoiled_records(read, data, good, rejects):
    _, rows, found = read(data)
    assert [row[0] for row in rows] == good and found == rejects


def test_long_cells(read):
    for size in (10_000, 3_000_000):
        assert read(f'a,b\n{"x" * size},"{"y" * size}"\n1,2\n')[1:] == ([(2, "x" * size, "y" * size), (3, "1", "2")], [])
    rejects = read("a,b\n" + "x" * 5000 + "\n")[2]
    assert rejects == [(2, "x" * 1000, "1 cells where the header has 2")]


def test_cell_without_end(read, monkeypatch):
    monkeypatch.setattr("helpers.files.CELL_LIMIT", 1000)
    _, rows, rejects = read('a,b\n1,"2\n' + "3,4\n" * 400 + "5,6\n")
    assert [row for row, *_ in rejects] == [2] and rows[-1][1:] == ("5", "6")
    assert csv.field_size_limit() == 131_072


def test_many_columns(read):
    names = [f"c{number}" for number in range(1000)]
    table, rows, _ = read(",".join(names) + "\n" + ",".join(map(str, range(1000))) + "\n")
    assert table.columns == names and rows == [(2, *map(str, range(1000)))]


def test_many_records_keep_their_order(read):
    text = "a,b\n" + "".join(f'{number},"{chr(10) * (number % 7)}{"y" * 300}"\n' for number in range(2, 60_002))
    table, rows, _ = read(text)
    assert table.rows == 60_000 and all(int(row[1]) == row[0] for row in rows)


def test_column_names(read):
    assert read(" a ,,\u3000b\u00a0\n1,2,3\n")[0].columns == ["a", "column 2", "b"]
    assert read("row,Row_,rejects\n1,2,3\n")[0].columns == ["row__", "Row_", "rejects"]
    assert read('"say ""x""; drop table t",b\'\n1,2\n')[0].columns == ['say "x"; drop table t', "b'"]
    assert read("column 2,\n1,2\n")[0].columns == ["column 2", "column 2_"]
    with pytest.raises(BadInput, match="order_lines.csv has more than one column called 'a'"):
        read("a,b,A \n1,2,3\n")


def test_empty_right_edge(read):
    assert read("a,b,,\n1,2,,\n")[0].columns == ["a", "b"]
    assert read("a,b,,\n1,2\n3,4,,\n")[1] == [(2, "1", "2"), (3, "3", "4")]
    assert read("a,b,,\n1,2\n3,4,5,\n")[1] == [(2, "1", "2", None), (3, "3", "4", "5")]


def test_delimiters(read):
    for delimiter in ",;\t|":
        table, rows, _ = read(f'order_id{delimiter}name\n1{delimiter}"x{delimiter}y"\n')
        assert table.delimiter == delimiter and rows == [(2, "1", f"x{delimiter}y")]
    assert read("a,x;b,x;c\n1;2;3\n")[0].delimiter == ","  # as many columns either way: the first
    assert read("a;b,b,b;c\n1;2,5;3\n")[0].delimiter == ","
    assert read("a;b,b,b;c\n1;2,5;3\n", known=["a", "c"])[0].columns == ["a", "b,b,b", "c"]


NAMES = {
    "gb18030": ["王伟", "连衣裙 红色", "上海旗舰店", "张鑫", "淘宝", "刘喆"],
    "cp932": ["山田太郎", "東京", "ワンピース", "楽天市場", "渡邉", "ﾈｸﾀｲ"],
    "cp1252": ["José García", "Müller", "Café Crème", "Größe 42", "10 €", "Zoë’s"],
    "utf-8": ["José", "王伟", "東京", "Łódź", "模", "10 €"],
}


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("first", range(4))
def test_encodings_are_told_apart(read, encoding, first):
    names = NAMES[encoding][first : first + 3]
    text = "order_id,name,amount\r\n" + "".join(f"A-{name and number},{name},{number}.50\r\n" for number, name in enumerate(names))
    table, rows, rejects = read(text.encode(encoding), known=["order_id"])
    assert (table.encoding, rejects) == (encoding, [])
    assert [row[2] for row in rows] == names


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_with_and_without_mark(read, codec):
    table, rows, _ = read("order_id;name\r\n1;上;海\r\n".replace("上;海", '"上;海"').encode(codec))
    assert rows == [(2, "1", "上;海")] and table.encoding == codec.removesuffix("-sig")
    assert read(b"\xfe\xff" + "a,b\n1,é\n".encode("utf-16-be"))[1] == [(2, "1", "é")]


@pytest.mark.parametrize("name", ["É-1", "Ø 12 mm", "À la carte", "ÄÖÜ", "Ñ"])
def test_a_capital_that_stands_alone_is_not_taken_for_japanese(read, name):
    data = f"order_id,name\n1,{name}\n".encode("cp1252")
    with pytest.raises(BadInput, match="can be read as cp932 and as cp1252"):
        read(data)
    assert read(data, encoding="cp1252")[1] == [(2, "1", name)]
    assert read(f"order_id,name\n1,{name}\n2,Größe\n".encode("cp1252"))[0].encoding == "cp1252"


@pytest.mark.parametrize("name", ["SKÜ-2", "MÄRZ", "FRANÇOIS", "NIÑO", "CAFÉ", "ÜBER", "ÖL", "KÜHLGERÄT", "5 µm"])
def test_a_lone_capital_in_a_word_of_plain_letters_is_not_taken_for_japanese(read, name):
    table, rows, rejects = read(f"order_id,name\n1,{name}\n".encode("cp1252"))
    assert (table.encoding, rows, rejects) == ("cp1252", [(2, "1", name)], [])


@pytest.mark.parametrize("name", ["Tｼｬﾂ", "ｱ-1", "ﾈｸﾀｲ", "Aﾀｲﾌﾟ", "Kソ"])
def test_japanese_in_half_width_is_never_taken_for_latin(read, name):
    data = f"order_id,name\n1,{name}\n".encode("cp932")
    try:
        assert read(data)[1] == [(2, "1", name)]
    except BadInput as refusal:
        assert re.search('can be read as .*cp932.* order_lines = .*"cp932".* under', str(refusal))


def test_the_advice_names_the_encodings_in_doubt(read):
    with pytest.raises(BadInput, match='order_lines = "cp932" or "cp1252" under .* encoding = "cp932" or "cp1252" in its') as refusal:
        read("order_id,name\n1,É-1\n".encode("cp1252"))
    assert "gb18030" not in str(refusal.value)


@pytest.mark.parametrize("name", ["Привет", "Иванов Пётр", "Кофе зелёный", "Чай"])
def test_cyrillic_of_one_byte_a_letter_is_not_taken_for_chinese(read, name):
    data = f"order_id,name\n1,{name}\n".encode("cp1251")
    with pytest.raises(BadInput, match="isn't readable text in UTF-8"):
        read(data)
    assert read(data, encoding="cp1251")[1] == [(2, "1", name)]


def test_ambiguous_encoding(read):
    # B6 AC is one Chinese character in gb18030 and two Japanese half-width kana in cp932
    data = b"order_id,name\n1,\xb6\xac\n"
    with pytest.raises(BadInput, match=r"can be read as gb18030 and as cp932: save it as UTF-8.*order_lines = \"gb18030\""):
        read(data)
    assert read(data, encoding="gb18030")[1] == [(2, "1", "冬")]
    assert read(data, encoding="cp932")[1] == [(2, "1", "ｶｬ")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"\xef\xbb\xbf", "no header"),
        (b"\n\r\n \n", "no header"),
        (b",,\n1,2,3\n", "no header"),
        (b'"a,b\n1,2\n', "quote that isn't closed"),
        (b"PK\x03\x04" + bytes(100), "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "an old Excel workbook"),
        (b"PAR1abc", "a Parquet file"),
        (bytes(range(256)) * 4, "binary data"),
        (b"a,b\n1,\x81\x8d\x8f\xff\xff\xfd\n", "isn't readable text"),
    ],
)
def test_refused(read, data, message):
    with pytest.raises(BadInput, match=f"^[^/\n]*order_lines.csv[^/\n]*{message}"):
        read(data)


def test_refused_encoding(read):
    for encoding in ("klingon", "rot13", "", "utf-8\0"):
        with pytest.raises(BadInput, match="order_lines.csv, isn't an encoding"):
            read("a,b\n1,2\n", encoding=encoding)
    for encoding in ("utf-16", "idna"):
        with pytest.raises(BadInput, match="order_lines.csv isn't .* text"):
            read("a,b\n1,上\n", encoding=encoding)


def test_unreadable(con, tmp_path, monkeypatch):
    path = tmp_path / "order_lines.csv"
    with pytest.raises(BadInput, match="order_lines.csv can't be read .it isn't there"):
        read_text(con, path, "t", scratch=tmp_path)
    path.write_text("a,b\n1,2\n")
    for number, message in ((errno.EACCES, "no permission"), (errno.EIO, "Input/output error")):
        error = OSError(number, os.strerror(number), str(path))
        monkeypatch.setattr(Path, "open", lambda *_, error=error, **__: (_ for _ in ()).throw(error))
        with pytest.raises(BadInput, match=f"^order_lines.csv can't be read .{message}"):
            read_text(con, path, "t", scratch=tmp_path)
    monkeypatch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):  # the disk's fault, not the file's
        read_text(con, path, "t", scratch=tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(con, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(BadInput, match="a.csv can't be read .no permission"):
        read_text(con, tmp_path / "a.csv", "t", scratch=tmp_path)


def test_paths_are_no_patterns(con, tmp_path):
    folder = tmp_path / "店 [1]* it's"
    folder.mkdir()
    (folder / "b1.csv").write_text("a,b\n7,7\n")
    (folder / "b[1]?.csv").write_text("a,b\n1,é\n")
    (folder / "b[1]2.csv").write_text("a,b\n8,8\n")
    assert contents(con, folder / "b[1]?.csv", folder)[1] == [(2, "1", "é")]
    assert contents(con, folder / "b[1]?.csv", folder, encoding="cp1252")[1] == [(2, "1", "Ã©")]
    con.execute("COPY (SELECT 5 AS a) TO '" + str(folder).replace("'", "''") + "/p[1]?.parquet'")
    assert contents(con, folder / "p[1]?.parquet", folder)[1] == [(1, "5")]
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".csv", ".csv", ".parquet"]  # nothing left behind


def test_quote():
    assert quote('a"; DROP TABLE t; --') == '"a""; DROP TABLE t; --"'


# --- Parquet


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.1::DOUBLE + 0.2", "0.3"), ("1e-5::DOUBLE", "0.00001"), ("-0.0::DOUBLE", "0"), ("1e20::DOUBLE", "100000000000000000000"),
        ("9007199254740991::DOUBLE", "9007199254740991"), ("99999999999.9999::DOUBLE", "99999999999.9999"), ("1e-12::DOUBLE", "0"),
        ("12345678.300000001::DOUBLE", "12345678.3"), ("-2.5::DOUBLE", "-2.5"), ("'nan'::DOUBLE", "nan"), ("0.1::FLOAT", "0.1"),
        ("1234.5::FLOAT", "1234.5"), ("12.3400::DECIMAL(18,6)", "12.34"), ("1200::DECIMAL(18,0)", "1200"), ("100.0::DECIMAL(9,2)", "100"),
        ("123::BIGINT", "123"), ("true", "true"), ("DATE '2025-01-31'", "2025-01-31"), ("'  '", None), ("' 00123\t'", "00123"),
        ("TIMESTAMP '2025-01-31 09:08:07'", "2025-01-31 09:08:07"), ("[1, 2]", "[1, 2]"), ("NULL::DOUBLE", None),
        ("TIMESTAMPTZ '2025-01-31 09:08:07.5+08:00'", "2025-01-31 01:08:07.5+00:00"), ("{'a': 1}", "{'a': 1}"),
    ],
)  # fmt: skip
def test_parquet_values(con, tmp_path, value, text):
    con.execute(f"COPY (SELECT {value} AS a) TO '{tmp_path}/t.parquet'")
    assert contents(con, tmp_path / "t.parquet", tmp_path)[1] == [(1, text)]


def test_parquet_folder(con, tmp_path):
    folder = tmp_path / "order_lines"
    folder.mkdir()
    con.execute(f"COPY (SELECT i AS a, i / 2 AS \" B \" FROM range(1, 3) t(i)) TO '{folder}/10.parquet'")
    con.execute(f"COPY (SELECT 'x' || i AS b, i AS row FROM range(5, 8) t(i)) TO '{folder}/2.parquet'")
    (folder / "_SUCCESS").touch()
    table, rows, _ = contents(con, folder, tmp_path)
    assert table == TextTable(["a", "B", "row_"], 5, 0, "", "")
    assert rows == [(1, "1", "0.5", None), (2, "2", "1", None), (3, None, "x5", "5"), (4, None, "x6", "6"), (5, None, "x7", "7")]


def test_parquet_columns_with_the_names_that_duckdb_gives(con, tmp_path):
    folder = tmp_path / "order_lines"
    folder.mkdir()
    for number in (1, 2):
        con.execute(f"COPY (SELECT i AS file_row_number, 7 AS file_index FROM range(2) t(i)) TO '{folder}/{number}.parquet'")
    assert contents(con, folder, tmp_path)[1] == [(1, "0", "7"), (2, "1", "7"), (3, "0", "7"), (4, "1", "7")]


def test_parquet_order(con, tmp_path):
    con.execute(f"COPY (SELECT i + 1 AS a FROM range(300000) t(i)) TO '{tmp_path}/t.parquet' (ROW_GROUP_SIZE 20000)")
    assert contents(con, tmp_path / "t.parquet", tmp_path)[0].rows == 300_000
    assert con.execute("SELECT count(*) FROM t WHERE row <> a::BIGINT").fetchone() == (0,)


def test_parquet_refused(con, tmp_path):
    folder = tmp_path / "order_lines"
    folder.mkdir()
    with pytest.raises(BadInput, match="the folder order_lines holds no .parquet files"):
        read_text(con, folder, "t", scratch=tmp_path)
    con.execute(f"COPY (SELECT i AS a, 'x' || i AS b FROM range(50000) t(i)) TO '{folder}/1.parquet' (ROW_GROUP_SIZE 10000)")
    whole = (folder / "1.parquet").read_bytes()
    for data in (whole[:100], whole[:-1], whole[-200:], whole[:5000] + bytes(50_000) + whole[55_000:], b"PAR1"):
        (folder / "2.parquet").write_bytes(data)
        with pytest.raises(BadInput, match="^order_lines/2.parquet isn't a whole Parquet file"):
            read_text(con, folder, "t", scratch=tmp_path)
    (folder / "2.parquet").write_bytes(b"")
    with pytest.raises(BadInput, match=r"^order_lines/2.parquet is empty \(0 bytes\)"):
        read_text(con, folder, "t", scratch=tmp_path)


# --- random tables

ALPHABET = {
    "utf-8": " \t\n\r\",;|'\\#a1é上海東ｶ–\u3000\u00a0😀", "utf-8-sig": " \n\",;a上", "utf-16": " \n\",;a上😀",
    "gb18030": " \t\n\r\",;|a1上海連é",
    "cp932": " \t\n\r\",;|a1東京ｶﾞ表ソ", "cp1252": " \t\n\r\",;|a1éÿ€–\u00a0",
}  # fmt: skip
FAST = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def tables(draw, encodings=tuple(ALPHABET)):
    encoding = draw(st.sampled_from(encodings))
    width = draw(st.integers(2, 4))  # a single column shows no delimiter
    cells = st.text(st.sampled_from(ALPHABET[encoding]), max_size=6)
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=8))
    delimiter, all_quoted = draw(st.sampled_from(",;\t|")), draw(st.booleans())
    end = draw(st.sampled_from(["\n", "\r\n"])) if all_quoted else "\r\n"  # csv quotes a line feed only when it is part of the line end
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL, lineterminator=end)
    names = ["order_id", "name", "amount", "note"][:width]
    writer.writerows([names, *rows])
    return encoding, names, rows, delimiter, out.getvalue()


@pytest.fixture(scope="module")
def shared():
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def read_once(con, data: bytes, known, encoding):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(data)
        return contents(con, path, Path(folder), known, encoding)


def trimmed(cell: str) -> str | None:
    return cell.strip(" \t\n\r\u3000\u00a0") or None


@FAST
@given(tables())
def test_random_tables_come_back(shared, table):
    encoding, names, rows, delimiter, text = table
    found, read_rows, rejects = read_once(shared, text.encode(encoding), names, None if encoding.startswith("utf") else encoding)
    assert rejects == [] and found.columns == names and found.delimiter == delimiter
    assert read_rows == [(number, *map(trimmed, row)) for number, row in enumerate(rows, 2)]


@FAST
@given(tables(("utf-8",)), st.data())
def test_damaged_tables_are_accounted_for(shared, table, data):
    _, names, _, delimiter, text = table
    spot = data.draw(st.integers(0, len(text)))
    quotes = [match.start() for match in re.finditer('"', text)]
    damage = data.draw(st.sampled_from(["cut", "drop a quote", "a delimiter", "a quote", "a newline", "a byte"]))
    if damage == "drop a quote":
        assume(quotes)
        spot = data.draw(st.sampled_from(quotes))
    put = {"a delimiter": delimiter, "a quote": '"', "a newline": data.draw(st.sampled_from(["\n", "\r", "\r\n"])), "a byte": "\udcff"}
    after = "" if damage == "cut" else text[spot + 1 :] if damage == "drop a quote" else put[damage] + text[spot:]
    text = text[:spot] + after
    try:
        found, *_ = read_once(shared, text.encode("utf-8", "surrogateescape"), names, "utf-8")
    except BadInput:
        return
    well_defined = found.delimiter == delimiter and not re.search(f'(^|[\r\n]|{re.escape(delimiter)}) +"', text)
    try:
        records = [cells for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if cells]
    except csv.Error:
        return
    if well_defined:
        width = len(records[0])
        assert found.rows == len([cells for cells in records if width == 1 or len(cells) > 1 or cells[0].strip()]) - 1
