"""Runs commands for the benchmarks and says what each cost; a process of its own, and small.

A child's peak memory counts from its parent's, of which it is a copy before it becomes another program: so the parent
must be smaller than everything that is measured. One command a line comes in as JSON, one usage a line goes out.
"""

import json
import os
import sys
import time

READ = 1 << 16


def run(command):  # type: ignore[no-untyped-def]  # typing would make this process larger
    """Start it, read its output to the end, and wait for it."""
    reading, writing = os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, command["stdin"] or os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
        (os.POSIX_SPAWN_OPEN, 2, command["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_CLOSE, reading),
    ]
    argv = command["argv"]
    started = time.perf_counter()
    child = os.posix_spawn(argv[0], argv, command["env"], file_actions=actions)
    os.close(writing)
    first, size = 0.0, 0
    while block := os.read(reading, READ):
        first = first or time.perf_counter() - started
        size += len(block)
    os.close(reading)
    _, status, usage = os.wait4(child, 0)
    return {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.perf_counter() - started,
        "peak": usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        "first": first,
        "size": size,
        "status": os.waitstatus_to_exitcode(status),
    }


for line in sys.stdin:
    sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")  # type: ignore[no-untyped-call]  # as above
    sys.stdout.flush()
