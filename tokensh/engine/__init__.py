"""Plan to rows: fetch, load into SQLite, answer."""
