"""`make import`: looks at files of unknown shape, says what they may be, and writes the SELECT that turns one into a table.

What it writes is a proposal to be read and edited: an adapter's `[[sources]]` entry where the file is an export that is known, else a
`<table>.sql` with its entry. Nothing of the company folder is changed but that new file, and none that is there is overwritten.
"""

import argparse
import re
import sys
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import duckdb

from helpers.company import DATA_FILES, Settings, find_folder
from helpers.contract import TABLES, BadInput, Table
from helpers.files import NoHeader, quote, read_text
from helpers.load import UNKNOWN, any_header
from helpers.sources import ADAPTERS, cells
from helpers.sources.adapter import Adapter, match, plain
from helpers.text import label

NAMES = {
    "order_id": "order id; order number; order no; order name; order #; order; invoice; invoice no; receipt; transaction id; bestellnummer;"
    " bestell-nr; bestellnr; auftragsnummer; auftragsnr; numero de commande; commande; numero de pedido; pedido; 订单号; 订单编号; 单号; 注文番号",
    "line_no": "line no; line; line number; position; item no; pos; zeile; ligne; linea; 行号; 明细号",
    "ordered_at": "ordered at; order date; date; created at; purchase date; invoice date; order time; timestamp; datum; bestelldatum; date de"
    " commande; fecha; fecha de pedido; 下单时间; 订单创建时间; 日期; 付款时间; 注文日",
    "store": "store; shop; store id; store name; branch; outlet; filiale; geschaft; magasin; boutique; tienda; 店铺; 门店; 网店; 店舗",
    "channel": "channel; sales channel; source; platform; kanal; vertriebskanal; canal; 渠道; 销售渠道; 平台; チャネル",
    "product_id": "product id; sku; product; item; item id; stockcode; stock code; article; asin; variant sku; lineitem sku; artikelnummer;"
    " artikel; reference; article; referencia; producto; 商品编码; 商品id; 货号; 规格编码; 商品コード",
    "quantity": "quantity; qty; units; units sold; pieces; menge; anzahl; stuck; quantite; cantidad; unidades; 数量; 件数; 商品数量; 個数",
    "gross_amount": "gross amount; gross sales; amount; line total; total; revenue; sales; value; betrag; umsatz; gesamt; montant; total ht;"
    " importe; ventas; 金额; 商品金额; 小计; 销售额; 金額",
    "unit_price": "unit price; price; item price; list price; einzelpreis; preis; prix unitaire; prix; precio; precio unitario; 单价; 价格; 単価",
    "discount_amount": "discount; discount amount; rebate; rabatt; remise; descuento; 优惠; 折扣; 优惠金额; 割引",
    "shipping_income": "shipping; shipping charged; freight; postage; versand; versandkosten; frais de port; envio; 运费; 送料",
    "platform_fee": "fee; fees; platform fee; commission fee; payment fee; gebuhr; gebuhren; frais; comision; 手续费; 平台费; 手数料",
    "unit_cost": "unit cost; cost; cost price; landed cost; cost per item; product cost; einkaufspreis; ek; kosten; cout; coste; costo; 成本; 成本价; 原価",
    "customer_id": "customer id; customer; client id; buyer id; kundennummer; kunden-id; client; cliente; 客户编号; 会员号; 买家id; 顧客id",
    "employee_id": "employee id; employee; salesperson; sales rep; seller; mitarbeiter; verkaufer; vendeur; vendedor; 员工; 导购; 销售员; 担当者",
    "campaign_id": "campaign id; campaign; kampagne; campagne; campana; 活动; 推广计划",
    "region": "region; state; province; country; bundesland; land; pays; provincia; pais; 省份; 地区; 省; 都道府県",
    "currency": "currency; currency code; wahrung; devise; moneda; 币种; 货币; 通貨",
    "status": "status; order status; state of order; bestellstatus; statut; estado; 订单状态; 状态",
    "refunded_on": "refunded on; refund date; return date; returned on; erstattungsdatum; 退款时间; 退货日期",
    "refund_amount": "refund amount; refund; refunded; erstattung; remboursement; reembolso; 退款金额",
    "restocked": "restocked; back to stock; resellable; 已入库",
    "name": "name; product name; title; description; produktname; bezeichnung; nom; nombre; descripcion; 名称; 商品名称; 品名; 商品名",
    "category": "category; product category; product type; type; kategorie; warengruppe; categorie; categoria; 类目; 分类; カテゴリ",
    "valid_from": "valid from; from; cost date; gultig ab; 生效日期",
    "date": "date; day; datum; tag; jour; fecha; dia; 日期; 日付",
    "amount": "amount; spend; cost; amount spent; betrag; kosten; montant; depense; importe; gasto; 金额; 花费; 费用",
    "kind": "kind; type",
    "on_hand": "on hand; stock; stock on hand; inventory; available; in stock; bestand; lagerbestand; stock disponible; existencias; 库存; 现有库存; 在庫",
    "reserved": "reserved; committed; allocated; reserviert; 占用; 已锁定",
    "incoming": "incoming; on order; in transit; bestellt; 在途",
    "paid_on": "paid on; payout date; deposit date; settlement date; auszahlungsdatum; 到账日期; 打款时间",
    "month": "month; monat; mois; mes; 月份",
    "target": "target; goal; plan; ziel; objectif; objetivo; 目标",
    "cost": "cost; salary; payroll; employment cost; lohn; salaire; 成本; 工资",
    "fte": "fte; full time equivalent",
    "team": "team; department; abteilung; equipe; equipo; 团队; 部门",
    "rate": "rate; exchange rate; fx; kurs; 汇率",
}  # fmt: skip
"""Names under which a contract column is found in other people's files, by how likely they are; `unit_price` × quantity is a gross amount."""

PERSONAL = re.compile(
    r"mail|phone|tel\b|mobile|address|street|zip|postal|post ?code|first ?name|last ?name|surname|recipient|adresse|strasse|telefon|手机|电话|地址|收货人|姓名|昵称",
    re.I,
)
TAX = re.compile(r"\b(tax|vat|gst|tva|iva|btw|moms)\b|mwst|ust\b|steuer|imposta|impuesto|税", re.I)
TAXED = re.compile(r"incl|brutto|ttc|with tax|inc\.? vat|税込|含税|iva incl", re.I)


@dataclass(frozen=True)
class Proposal:
    """What a file may be: an adapter, or a table with the SQL for each of its columns, and what an analyst must decide."""

    file: str
    rows: int
    adapter: Adapter | None
    table: Table | None
    columns: dict[str, str]
    doubts: list[str]

    def entry(self, sql_name: str = "") -> str:
        """The lines for company.toml."""
        if self.adapter:
            return f'[[sources]]\nadapter = "{self.adapter.name}"\nfiles = {_toml(self.file)}\nstore = "my-shop"'
        return f'[[sources]]\ntable = "{self.table.name}"\nsql = "{sql_name}"\nfiles = {_toml(self.file)}'

    def sql(self) -> str:
        """The SELECT, a line for each column, with a comment where it is a guess that must be edited."""
        lines = [f"  {expression} as {quote(name) if name == 'date' else name}" for name, expression in self.columns.items()]
        told = [line + ("," if place < len(lines) - 1 else "") for place, line in enumerate(lines)]
        told = [f"{line}  {UNKNOWN}" if "'?'" in line else line for line in told]
        doubts = [f"-- {doubt}" for doubt in self.doubts]
        return "\n".join(
            [
                f"-- {self.table.name} from {label(self.file, 100)}: a proposal, to be read and edited.",
                *doubts,
                "select",
                *told,
                "from raw\n",
            ]
        )


def _toml(text: str) -> str:
    return "'" + text + "'" if "'" not in text else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def propose(path: Path, folder: Path, con: duckdb.DuckDBPyConnection, scratch: Path) -> Proposal:
    """What may this file be? Its columns are matched by name, and looked at for days, amounts, keys and taxes.

    Raises BadInput where no table can be told.
    """
    name = path.relative_to(folder).as_posix()
    for adapter in ADAPTERS.values():
        if _is_export(path, adapter, con, scratch):
            rows = con.execute("select count(*) from looked_at").fetchone()[0]
            return Proposal(name, rows, adapter, None, {}, [])
    try:
        read = read_text(con, path, "looked_at", scratch=scratch, keep=any_header)
    except NoHeader:
        raise BadInput(f"{name} has no line with three column names or more, so nothing can be proposed for it") from None
    header = read.columns
    candidates = [(_fit(table, header), table) for table in TABLES.values()]
    (needed, found, missing, _), table = max(candidates, key=lambda one: (one[0][0] - one[0][2], one[0][1], one[0][3]))
    if not needed or missing > needed:
        raise BadInput(
            f"{name}: no table of the contract has columns like {', '.join(map(repr, header[:8]))}; write its SELECT by hand, as README shows"
        )
    columns, doubts = _columns(con, table, header)
    return Proposal(name, read.rows, None, table, columns, doubts + _doubts(con, table, columns, header, read.rejected))


def _is_export(path: Path, adapter: Adapter, con: duckdb.DuckDBPyConnection, scratch: Path) -> bool:
    def keep(texts: list[str]) -> list[str | None] | None:
        hits = match(texts, adapter.fields)
        enough = all(one.name in hits for one in adapter.fields if one.required) and len(hits) >= 3
        return [None if place not in {at for at, _ in hits.values()} else f"c{place}" for place in range(len(texts))] if enough else None

    try:
        read_text(con, path, "looked_at", scratch=scratch, keep=keep, literal_quotes=adapter.literal_quotes)
    except NoHeader:
        return False
    return True


def _found(column: str, header: list[str]) -> str | None:
    """The column of the file that is most likely this column of the contract."""
    names = {_bare(name): name for name in reversed(header)}
    wanted = [_bare(column.replace("_", " ")), *(_bare(name) for name in NAMES.get(column, "").split(";"))]
    return next((names[name] for name in wanted if name in names), None)


def _bare(name: str) -> str:
    letters = unicodedata.normalize("NFD", plain(name))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"\s+", " ", re.sub(r"\(.*?\)|[_\-./#:]", " ", bare)).strip()


def _fit(table: Table, header: list[str]) -> tuple[int, int, int, int]:
    """Required columns found, all columns found, required ones missing, and how many of its names are the contract's own."""
    required = [column for column in table.columns if column.required]
    found = [column for column in table.columns if _source(column.name, header)]
    own = sum(column.name in header for column in table.columns)
    hits = sum(column in found for column in required)
    return hits, len(found), len(required) - hits, own


def _source(column: str, header: list[str]) -> list[str]:
    """The file's columns that a contract column can be made of."""
    if hit := _found(column, header):
        return [hit]
    if column == "gross_amount" and (price := _found("unit_price", header)) and (count := _found("quantity", header)):
        return [price, count]
    return []


def _columns(con: duckdb.DuckDBPyConnection, table: Table, header: list[str]) -> tuple[dict[str, str], list[str]]:
    """SQL for each column of the table, and the doubts that came up on the way."""
    found, doubts, used = {}, [], {}
    for column in table.columns:
        sources = _source(column.name, header)
        if column.name != "gross_amount" and sources and sources[0] in used and column.required is False:
            continue
        if not sources:
            if column.name == "line_no":
                order = _found("order_id", header)
                found["line_no"] = f"row_number() over (partition by {quote(order)} order by file, row)" if order else "'?'"
            elif column.required:
                found[column.name] = "'?'"
            continue
        kinds = {
            "date": "day",
            "timestamp": "day",
            "month": "day",
            "amount": "amount",
            "number": "amount",
            "integer": "amount",
            "rate": "amount",
        }
        made = [_expression(con, name, kinds.get(column.kind, "text"), doubts) for name in sources]
        if len(made) == 2:
            made = [f"cast(try_cast({made[0]} as decimal(18,4)) * try_cast({made[1]} as decimal(18,4)) as decimal(18,4))"]
        if column.kind == "date" and made[0] == quote(sources[0]):
            made = [f"left({made[0]}, 10)"]
        if column.kind == "month":
            made = [f"left({made[0]}, 7)"]
        found[column.name], used[sources[0]] = made[0], column.name
        if TAXED.search(" ".join(sources)):
            doubts.append(
                f"{', '.join(map(repr, sources))} seems to hold amounts with tax, and the contract wants them without: divide by 1 + the rate"
            )
    return found, list(dict.fromkeys(doubts))


def _expression(con: duckdb.DuckDBPyConnection, name: str, kind: str, doubts: list[str]) -> str:
    """SQL that turns a text column into what the contract reads: ISO days and plain amounts."""
    column = quote(name)
    con.execute(f"create or replace temp view one_column as select {column} as c from looked_at")
    if kind == "amount":
        mark = cells.decimal_mark(con, "one_column", ["c"])
        if mark is None:
            doubts.append(f"{name!r}: nothing tells whether 1,234 is a thousand or a little more than one; a decimal point is assumed")
        if mark == "both":
            doubts.append(f"{name!r} has amounts with a decimal point and with a decimal comma: what doesn't fit is set aside")
        strange = [text for text, _ in cells.shapes(con, "one_column", "c", r"-?\d+(\.\d+)?")]
        if not strange:
            return column
        drop = "." if mark == "," else ","
        cleaned = (
            f"regexp_replace({column}, '[^0-9{re.escape(mark if mark == ',' else '.')}+-]', '', 'g')"
            if any(re.search(r"[^9.,\s-]", text) for text in strange)
            else f"replace({column}, '{drop}', '')"
        )
        return f"replace({cleaned}, ',', '.')" if mark == "," else cleaned
    if kind == "day":
        order = cells.order_of_days(con, "one_column", "c")
        if order is None:
            doubts.append(f"{name!r}: nothing tells whether 03/04/2026 is in March or April; the day is assumed to come first")
        texts = [text for text, _ in cells.shapes(con, "one_column", "c", r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?([+-]\d\d:\d\d|Z)?")]
        for text in texts:
            if form := _day_format(text, order is not False):
                return f"coalesce(strftime(try_strptime({column}, '{form}'), '%Y-%m-%d %H:%M:%S'), {column})"
        if texts:
            doubts.append(f"{name!r} holds days such as {texts[0]!r} (9 = any digit), which must be turned into 2025-12-31")
    return column


def _day_format(text: str, day_first: bool) -> str | None:
    """The strptime format of a shape.

    >>> _day_format("99.99.9999 99:99", True), _day_format("9/99/9999", False), _day_format("9999/99/99", True), _day_format("Foo", True)
    ('%d.%m.%Y %H:%M', '%m/%d/%Y', '%Y/%m/%d', None)
    """
    order = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    day, _, clock = text.replace("T", " ").partition(" ")
    forms = {r"99?/99?/9999": order, r"99?-99?-9999": order.replace("/", "-"), r"99?\.99?\.9999": "%d.%m.%Y", r"9999/99?/99?": "%Y/%m/%d", r"9999\.99?\.99?": "%Y.%m.%d", r"9999年99?月99?日": "%Y年%m月%d日"}  # fmt: skip
    clocks = {"": "", "99?:99": " %H:%M", "99?:99:99": " %H:%M:%S"}
    found = next((form for pattern, form in forms.items() if re.fullmatch(pattern, day)), None)
    time = next((form for pattern, form in clocks.items() if re.fullmatch(pattern, clock)), None)
    return found + time if found and time is not None else None


def _doubts(con: duckdb.DuckDBPyConnection, table: Table, columns: dict[str, str], header: list[str], rejected: int) -> list[str]:
    doubts = []
    guessed = [name for name, expression in columns.items() if expression == "'?'"]
    if guessed:
        doubts.append(f"the file has no column for {', '.join(guessed)}: in the place of '?' write the column that it is after all, or what is true for all rows")
    if rejected:
        doubts.append(f"{rejected} rows of the file are broken and will be set aside")
    con.execute(
        f"create or replace temp view proposed as select {', '.join(f'{expression} as {quote(name)}' for name, expression in columns.items())} from (select *, '' as file from looked_at)"
    )
    if table.key and all(name in columns and columns[name] != "'?'" for name in table.key if name not in guessed):
        key = ", ".join(quote(name) for name in table.key if name not in guessed)
        try:
            twice = con.execute(f"select count(*) from (select {key} from proposed group by {key} having count(*) > 1)").fetchone()[0]
        except duckdb.Error:
            twice = 0
        if twice:
            doubts.append(f"{twice} keys ({key.replace(chr(34), '')}) stand in more than one row: only the first of them would be loaded")
    if "quantity" in columns and table.name == "order_lines":
        negative = con.execute("select count(*) from proposed where cast(quantity as varchar) like '-%'").fetchone()[0]
        if negative:
            doubts.append(f"{negative} rows have a negative quantity: they may be returns, which are a table of their own")
    used = " ".join(columns.values())
    money = [name for name in ("gross_amount", "refund_amount") if name in columns]
    if money and (taxes := [name for name in header if TAX.search(name) and quote(name) not in used]):
        doubts.append(
            f"the file tells a tax ({', '.join(label(name, 30) for name in taxes[:3])}): take it out of {money[0]} if the prices contain it, for the contract wants amounts without"
        )
    rest = [name for name in header if quote(name) not in used and not PERSONAL.search(name)]
    if rest:
        doubts.append(f"columns that are not used: {', '.join(label(name, 30) for name in rest[:12])}{' …' if len(rest) > 12 else ''}")
    if left := [name for name in header if PERSONAL.search(name)]:
        doubts.append(f"not used, since they may tell who a buyer is: {', '.join(label(name, 30) for name in left[:8])}")
    return doubts


# ---- the command ---------------------------------------------------------------------------------------------------------------


def unread(folder: Path) -> list[Path]:
    """Data files in the folder, and in folders of it, that are no table by their name."""
    tables = {f"{table}{ending}" for table in TABLES for ending in DATA_FILES}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in DATA_FILES and path.name not in tables and not path.name.startswith((".", "~$"))
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.propose", description="Propose how to read files of unknown shape.")
    parser.add_argument("--data", required=True, help="the company folder")
    parser.add_argument("--file", default="", help="one file in it; default all that are no table")
    asked = parser.parse_args(argv)
    try:
        folder = find_folder(asked.data)
        paths = [folder / asked.file] if asked.file else unread(folder)
        if not paths:
            raise BadInput(
                f"{folder.name} holds no file that isn't a table already; put the export into {folder.name}/raw/ and run this again"
            )
        for path in paths:
            _tell(path.resolve(), folder)
    except BadInput as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def _tell(path: Path, folder: Path) -> None:
    if not path.is_relative_to(folder) or not path.is_file():
        raise BadInput(f"{path.name} is no file in {folder.name}")
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        try:
            found = propose(path, folder, con, Path(scratch))
        except BadInput as problem:
            print(f"\n{problem}")
            return
        if found.adapter:
            print(
                f"\n{label(found.file, 100)}: {found.rows:,} rows; it is an export that is known ({found.adapter.meaning}). Add to company.toml, and name your store:\n"
            )
            print(found.entry())
            return
        sql_name = _free_name(folder, found.table.name)
        print(f"\n{label(found.file, 100)}: {found.rows:,} rows; it may be the table {found.table.name} ({found.table.meaning}).")
        for doubt in found.doubts:
            print(f"  - {doubt}")
        print("  First rows, as they would be read:")
        frame = con.execute("from proposed limit 3").df().astype(str)
        print("\n".join("    " + line for line in frame.T.map(lambda cell: label(cell, 24)).to_string(header=False).splitlines()))
        (folder / sql_name).write_text(found.sql(), encoding="utf-8")
        print(f"  Written: {sql_name}. Read and edit it, then add to company.toml:\n\n{found.entry(sql_name)}")
        if not (folder / "company.toml").exists():
            needed = [name for name, field in Settings.model_fields.items() if field.is_required()]
            print(f"\n{folder.name} has no company.toml yet; it needs {' and '.join(needed)}, as in README.")


def _free_name(folder: Path, table: str) -> str:
    names = [f"{table}.sql", *(f"{table}_{number}.sql" for number in range(2, 1000))]
    return next(name for name in names if not (folder / name).exists())


if __name__ == "__main__":
    sys.exit(main())
