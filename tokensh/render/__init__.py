"""Rows and errors to text."""
