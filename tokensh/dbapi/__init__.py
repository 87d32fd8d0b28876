"""The Python library: a PEP 249 module (`pep249`), its connections and cursors. Importing the package loads nothing."""
