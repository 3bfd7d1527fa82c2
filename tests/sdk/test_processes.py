"""What is started beside the client ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

PROGRAM = """
import os, time
from clients.sdk.processes import arithmetic_pool

if __name__ == "__main__":
    pool = arithmetic_pool()
    print(*{pool.submit(os.getpid).result() for _ in range(20)}, flush=True)
    time.sleep(60)
"""


INTERRUPTED = """
import os, signal
from clients.sdk.processes import arithmetic_pool

if __name__ == "__main__":
    with arithmetic_pool() as pool:
        pool.submit(os.getpid).result()
        signal.signal(signal.SIGINT, lambda *_: print("we hear it", flush=True))
        os.killpg(0, signal.SIGINT)
        print(pool.submit(len, "abc").result())
"""


def test_ctrl_c_is_heard_by_us_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, start_new_session=True
    )
    assert (done.stdout.split("\n")[:2], done.stderr) == (["we hear it", "3"], "")


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_no_process_of_a_pool_outlives_a_client_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        processes = [int(word) for word in client.stdout.readline().split()]
        assert processes
        client.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(map(alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, processes))
