"""A run that is killed leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

_RUN = """
import time
from circuit_scaling.runners import InProcesses
runner = InProcesses(max_workers=2)
pool = runner._get_executor(2)
pool.submit(time.sleep, 600)
pool.submit(time.sleep, 600)
print("at work", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there the kernel ends orphans")
def test_a_run_that_is_killed_takes_its_workers_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RUN], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stdout is not None
        at_work = any(line == "at work\n" for line in run.stdout)
        os.kill(run.pid, signal.SIGKILL)
        assert at_work
    for _ in range(100):
        try:
            os.killpg(run.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGKILL)
    pytest.fail("processes of the run are still there")
