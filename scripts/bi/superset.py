"""Makes a database, a dataset and a chart in Superset over its REST interface, and prints the chart's data as the facts of
scripts/bi-trial.sh: superset.py URL (and PG… variables)."""

import datetime
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

base = sys.argv[1]
token = None


def call(method, path, body=None):
    request = urllib.request.Request(base + path, method=method)
    if body is not None:
        # Not without a body: Superset answers a GET that has this header with 400.
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


token = call(
    "POST", "/api/v1/security/login", {"username": "admin", "password": "trial", "provider": "db", "refresh": False}
)["access_token"]

reader = "postgresql+psycopg2://{}:{}@{}:{}/{}".format(
    os.environ["PGUSER"],
    urllib.parse.quote(os.environ["PGPASSWORD"], safe=""),
    os.environ["PGHOST"],
    os.environ["PGPORT"],
    os.environ["PGDATABASE"],
)
database = call("POST", "/api/v1/database/", {"database_name": "LMP billing", "sqlalchemy_uri": reader})["id"]

dataset = call(
    "POST", "/api/v1/dataset/", {"database": database, "schema": "lmp_billing", "table_name": "cycle_progress"}
)["id"]
found = call("GET", f"/api/v1/dataset/{dataset}")["result"]
for column in found["columns"]:
    print(f"{column['column_name']}: {column['type']}, is_dttm={column['is_dttm']}: {column['description']}", file=sys.stderr)
kinds = {column["column_name"]: column["is_dttm"] for column in found["columns"]}
assert kinds["cycle"] and kinds["confirmed_at"] and not kinds["reports"], kinds

metrics = {
    "reports": "sum(reports)",
    "share": "sum(completed)::float8 / nullif(sum(reports), 0)",
    "confirmed": "floor(extract(epoch from min(confirmed_at)))::bigint",
}
metrics = [{"expressionType": "SQL", "sqlExpression": sql, "label": label} for label, sql in metrics.items()]
query = {
    "columns": ["cycle"],
    "metrics": metrics,
    "orderby": [["cycle", False]],
    "row_limit": 3,
}
context = {
    "datasource": {"id": dataset, "type": "table"},
    "queries": [query],
    "result_format": "json",
    "result_type": "full",
}
chart = call(
    "POST",
    "/api/v1/chart/",
    {
        "slice_name": "Closing of each billing month",
        "viz_type": "echarts_timeseries_bar",
        "datasource_id": dataset,
        "datasource_type": "table",
        "params": json.dumps(
            {"viz_type": "echarts_timeseries_bar", "x_axis": "cycle", "metrics": metrics[:1], "groupby": [], "row_limit": 100}
        ),
        "query_context": json.dumps(context),
    },
)["id"]

result = call("GET", f"/api/v1/chart/{chart}/data/")["result"][0]
print(result["query"], file=sys.stderr)
for row in result["data"]:
    cycle = datetime.datetime.fromtimestamp(row["cycle"] / 1000, datetime.timezone.utc).date()
    print("progress", cycle, row["reports"], f"{row['share']:.4f}", row["confirmed"])
