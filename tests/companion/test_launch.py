import os
import sys
import threading
import time

import psutil
import pytest

from lowdim.companion.launch import Stopped, launch

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"


def start(code, tmp_path, stop=None):
    return launch([sys.executable, "-c", code], os.environ, tmp_path, tmp_path / "log", stop or threading.Event())


def test_status_and_output(tmp_path):
    done = start("print('hello'); raise SystemExit(3)", tmp_path)
    assert done.status == 3
    assert (tmp_path / "log").read_text().strip() == "hello"


def test_memory_of_children_is_seen(tmp_path):
    code = "import time; x = bytearray(200 * 2**20); time.sleep(1)"
    assert start(CHILD.format(code=code), tmp_path).peak_memory_bytes > 200 * 2**20


def test_stopping_ends_the_whole_tree(tmp_path):
    file = tmp_path / "pid"
    code = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    stop = threading.Event()
    begin = time.monotonic()
    threading.Thread(target=lambda: (wait_for(file), stop.set())).start()
    with pytest.raises(Stopped):
        start(CHILD.format(code=code), tmp_path, stop)
    assert time.monotonic() - begin < 50
    assert not psutil.pid_exists(int(file.read_text()))


def wait_for(file):
    for _ in range(200):
        if file.is_file() and file.read_text():
            return
        time.sleep(0.1)
