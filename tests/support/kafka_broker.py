"""A real Apache Kafka of the tests' own: one KRaft broker on free loopback ports."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_LIBRARIES = Path(__file__).parents[1] / "services" / "kafka" / "target" / "lib"
_JAVA = shutil.which("java")
INSTALLED = _JAVA is not None and any(_LIBRARIES.glob("kafka_2.13-*.jar"))
SKIP_REASON = "Kafka is not there: make services-kafka installs it"
needs_kafka = pytest.mark.skipif(not INSTALLED, reason=SKIP_REASON)
_START_SECONDS_MAX = 90.0
_CLUSTER = "aGF6aW5hLXRlc3RzLWthZg"
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
num.partitions=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=1500
"""


class KafkaBroker:
    """Starts a broker in a folder of its own and ends it by its pid; its data stays in between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid_file = folder / "pid"
        self._port_file = folder / "port"

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"127.0.0.1:{self._port_file.read_text()}"

    def start(self) -> None:
        """Start, on the ports of before if there were any, and return once it takes connections."""
        if not self._port_file.exists():
            self._make()
        with (self._folder / "log").open("ab") as log:
            pid = os.posix_spawn(
                str(_JAVA),
                [
                    "java", "-Xmx384m", "-Xshare:auto", "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                    "-cp", f"{_LIBRARIES}/*", "kafka.Kafka",
                    str(self._folder / "server.properties"),
                ],
                os.environ, setsid=True,
                file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)],
            )  # fmt: skip
        self._pid_file.write_text(str(pid))
        until = time.monotonic() + _START_SECONDS_MAX
        while not self._answers():
            assert os.waitpid(pid, os.WNOHANG) == (0, 0), self._tail()
            assert time.monotonic() < until, f"Kafka did not start: {self._tail()}"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a farewell; what it acknowledged stays on its disk."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Have it answer nobody until `thaw`."""
        os.kill(int(self._pid_file.read_text()), signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it answer again."""
        os.kill(int(self._pid_file.read_text()), signal.SIGCONT)

    def remove(self) -> None:
        """End it and remove what it kept."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        if not self._pid_file.exists():
            return
        pid = int(self._pid_file.read_text())
        self._pid_file.unlink()
        # A number may have gone to another process since: only a broker of this folder is ended.
        while _is_broker(pid, self._folder):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            time.sleep(0.02)
        with suppress(ChildProcessError):  # Another worker of the run may have started it.
            os.waitpid(pid, 0)

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        port, controller = _free_ports()
        properties = self._folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(port=port, controller=controller, folder=self._folder)
        )
        subprocess.run(
            [str(_JAVA), "-XX:TieredStopAtLevel=1", "-cp", f"{_LIBRARIES}/*",
             "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)],
            check=True, capture_output=True,
        )  # fmt: skip
        self._port_file.write_text(str(port))

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self._port_file.read_text()))) == 0

    def _tail(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2_000:]


def broker_of(run_folder: Path) -> KafkaBroker:
    """Return the broker that a test run's workers share, started or not."""
    return KafkaBroker(run_folder / "kafka")


def started(run_folder: Path) -> KafkaBroker:
    """Return the run's broker, started by whichever worker needs it first."""
    broker = broker_of(run_folder)
    with (run_folder / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run_folder / "kafka" / "pid").exists():
            broker.start()
    return broker


@contextmanager
def own_broker(folder: Path) -> Iterator[KafkaBroker]:
    """Yield a broker of one test, to be stopped as it likes."""
    broker = KafkaBroker(folder / "kafka")
    broker.start()
    try:
        yield broker
    finally:
        broker.remove()


def _is_broker(pid: int, folder: Path) -> bool:
    """Tell whether a process is there, no zombie, and runs the broker of this folder."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return str(folder).encode() in words


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
