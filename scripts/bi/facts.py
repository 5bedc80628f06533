"""Prints the facts of scripts/bi-trial.sh as SQLAlchemy and pandas see them: facts.py MOMENT (and PG… variables)."""

import datetime
import os
import sys

import pandas
import psycopg
import sqlalchemy
from sqlalchemy import MetaData, URL, create_engine, inspect, select, text

VIEWS = [
    "current_reports",
    "cycle_progress",
    "cycles",
    "open_reports",
    "report_history",
    "status_changes",
    "time_in_status",
]
KINDS = {
    sqlalchemy.Text: "text",
    sqlalchemy.Date: "date",
    sqlalchemy.BigInteger: "bigint",
    sqlalchemy.Double: "double",
    sqlalchemy.DateTime: "timestamp",
}

# URL.create writes the password as a URL wants it; text put together by hand breaks at the first "@" or "/".
engine = create_engine(
    URL.create(
        "postgresql+psycopg",
        username=os.environ["PGUSER"],
        password=os.environ["PGPASSWORD"],
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        database=os.environ["PGDATABASE"],
    )
)
metadata = MetaData(schema="lmp_billing")
metadata.reflect(engine, views=True)

with engine.connect() as connection:
    for view in VIEWS:
        frame = pandas.read_sql(select(metadata.tables[f"lmp_billing.{view}"]), connection)
        print("rows", view, len(frame))

    progress = metadata.tables["lmp_billing.cycle_progress"]
    frame = pandas.read_sql(
        select(progress).order_by(progress.c.cycle.desc()).limit(3), connection, parse_dates=["cycle"]
    )
    assert str(frame.dtypes["reports"]) == "int64", frame.dtypes
    assert str(frame.dtypes["share_completed"]) == "float64", frame.dtypes
    assert frame.dtypes["confirmed_at"].tz is not None, frame.dtypes
    for row in frame.itertuples():
        print("progress", row.cycle.date(), row.reports, f"{row.share_completed:.4f}", int(row.confirmed_at.timestamp()))

    reports = metadata.tables["lmp_billing.current_reports"]
    names = connection.scalars(select(reports.c.partner_company_name).distinct()).all()
    for name in sorted(names)[:10]:
        print("name", name)

    moment = datetime.datetime.fromisoformat(sys.argv[1])
    as_of = text("select status, count(*) from lmp_billing.reports_as_of(:moment) group by status order by status")
    for status, count in connection.execute(as_of, {"moment": moment}):
        print("as of", status, count)

browse = inspect(engine)
print("comment", browse.get_table_comment("cycle_progress", schema="lmp_billing")["text"])
for column in progress.columns:
    kind = next((name for type_, name in KINDS.items() if isinstance(column.type, type_)), repr(column.type))
    if kind == "timestamp":
        assert column.type.timezone, column
    print("column", column.name, kind, column.comment)

try:
    with engine.begin() as connection:
        connection.execute(text("update lmp_billing.report_statuses set position = 0"))
        print("update allowed")
except sqlalchemy.exc.ProgrammingError as refused:
    print("update refused", refused.orig.sqlstate)

print(
    f"SQLAlchemy {sqlalchemy.__version__}, pandas {pandas.__version__}, psycopg {psycopg.__version__}, "
    f"Python {sys.version.split()[0]}",
    file=sys.stderr,
)
