"""What someone would write by hand for the one listing: requests, JSON, SQLite, a writer. No SQL but SQLite's, no checks.

Arguments: csv, json or table; the URL; the token.
"""

import csv
import json
import sqlite3
import sys

import requests

COLUMNS = ("token_id", "comment", "creation_time", "expiry_time")

form, url, token = sys.argv[1:]
with requests.Session() as session:
    reply = session.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    tokens = reply.json()["token_infos"]
database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE tokens (token_id TEXT, comment TEXT, creation_time INTEGER, expiry_time INTEGER)")
database.executemany("INSERT INTO tokens VALUES (:token_id, :comment, :creation_time, :expiry_time)", tokens)
rows = database.execute("SELECT token_id, comment, creation_time, expiry_time FROM tokens")
match form:
    case "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    case "json":
        print(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows]))
    case _:
        texts = [[str(cell) for cell in row] for row in rows]
        widths = [
            max(map(len, (name, *column))) for name, column in zip(COLUMNS, zip(*texts, strict=True), strict=True)
        ]
        line = "| " + " | ".join(f"{{:<{width}}}" for width in widths) + " |"
        print(line.format(*COLUMNS))
        for row in texts:
            print(line.format(*row))
