"""Make certificates with openssl: for the right host, for another host, and an expired one."""

from __future__ import annotations

import ssl
import subprocess
from functools import partial
from pathlib import Path

_LOCAL = "IP:127.0.0.1"
REAL = "dbc-1.cloud.databricks.com"
"""A workspace's real host, for a server behind a proxy."""


def make_certificates(folder: Path) -> Path:
    """Make self-signed certificates: `good` for 127.0.0.1, `real` for a workspace's host, `other` for another, `old` expired."""
    for name, host, days in (
        ("good", _LOCAL, "2"),
        ("real", f"DNS:{REAL}", "2"),
        ("other", "DNS:other.example", "2"),
        ("old", _LOCAL, "-1"),
    ):
        sign(folder, name, host, days)
    return folder


def sign(folder: Path, name: str, hosts: str, days: str = "2") -> None:
    """Make a key and a self-signed certificate; `hosts` is a list such as `DNS:a.example,DNS:b.example`."""
    openssl = partial(subprocess.run, check=True, capture_output=True, cwd=folder)
    key = f"-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key".split()
    openssl(["openssl", "req", "-new", *key, "-subj", "/CN=t", "-addext", f"subjectAltName={hosts}", "-out", "request"])
    signed = f"-signkey {name}.key -days {days} -copy_extensions copy -out {name}.pem".split()
    openssl(["openssl", "x509", "-req", "-in", "request", *signed])


def server_context(folder: Path, name: str) -> ssl.SSLContext:
    """Return the TLS context of a server that has a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context
