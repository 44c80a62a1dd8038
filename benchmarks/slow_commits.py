"""Adds time to each flush of the embedded PostgreSQL, as a disk that is slower would.

A library of a few lines is compiled and preloaded into the server; its fsync and fdatasync sleep
after the real call, as long as a file says. PostgreSQL's own settings cannot do that: commit_delay
waits before a flush, and only while other sessions are active.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from hazina.db import embedded

_SOURCE = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int delayed(int result) {
    char text[16] = {0};
    int file = open(getenv("BENCH_FLUSH_DELAY"), O_RDONLY);
    if (file >= 0) {
        ssize_t length = read(file, text, sizeof text - 1);
        long microseconds = length > 0 ? atol(text) : 0;
        close(file);
        if (microseconds > 0) {
            struct timespec wait = {microseconds / 1000000, microseconds % 1000000 * 1000};
            nanosleep(&wait, NULL);
        }
    }
    return result;
}

int fsync(int file) { return delayed(syscall(SYS_fsync, file)); }
int fdatasync(int file) { return delayed(syscall(SYS_fdatasync, file)); }
"""


class SlowCommits:
    """An embedded server whose flushes can be made slower while it runs."""

    def __init__(self, server: embedded.Server, folder: Path) -> None:
        """Start the server anew with the library; needs `available`."""
        self._file = folder / "flush_delay"
        self.set_ms(0)
        library = folder / "flush_delay.so"
        subprocess.run(
            [_compiler() or "cc", "-shared", "-fPIC", "-O2", "-x", "c", "-", "-o", str(library)],
            input=_SOURCE, text=True, check=True,
        )  # fmt: skip
        library.chmod(0o755)
        running = psutil.Process(server.pid)
        command, owner = running.cmdline(), running.username()
        embedded.stop(server)
        account = pwd.getpwnam(owner)
        identity = (
            {} if account.pw_uid == os.geteuid() else {"user": owner, "group": account.pw_gid}
        )
        log = (folder / "slow_commits.log").open("w")
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd="/",
            env={**embedded.ENVIRONMENT, "LD_PRELOAD": str(library),
                 "BENCH_FLUSH_DELAY": str(self._file)},
            start_new_session=True, **identity,
        )  # fmt: skip
        for _ in range(600):
            if (server.folder / "postmaster.pid").exists():
                break
            time.sleep(0.05)

    def set_ms(self, milliseconds: float) -> None:
        """Let each flush take so much longer from now on."""
        self._file.write_text(str(int(milliseconds * 1000)))
        self._file.chmod(0o644)


def available() -> bool:
    """Tell whether there is a C compiler."""
    return _compiler() is not None


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
