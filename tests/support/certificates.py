"""Certificates that are made for one test, each trusted by nobody but who names its file."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path


async def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate of these names (`DNS:...`, `IP:...`).

    Return what a server presents it with, and what a client needs to trust it.
    """
    key, made = folder / "key.pem", folder / "certificate.pem"
    await asyncio.to_thread(
        subprocess.run,
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", str(key), "-out", str(made), "-days", "2",
         "-subj", "/CN=hazina.test", "-addext", f"subjectAltName={','.join(names)}"],
        check=True, capture_output=True,
    )  # fmt: skip
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made, key)
    return serving, ssl.create_default_context(cafile=str(made))
