import subprocess
import sys

import pytest

from lowdim.companion.environment import THREAD_VARIABLES, kernel_environment, repeatable


def test_one_thread_and_on_x86_one_instruction_set():
    found = repeatable(machine="x86_64")
    assert all(found[name] == "1" for name in THREAD_VARIABLES)
    assert found["ATEN_CPU_CAPABILITY"] == "avx2"
    assert repeatable(machine="AMD64") == found
    assert set(repeatable(machine="arm64")) == set(THREAD_VARIABLES)


def test_threads_must_be_positive():
    with pytest.raises(ValueError, match="threads: 0"):
        repeatable(0)


def test_a_kernel_gets_no_backend_and_what_was_asked_for():
    found = kernel_environment(2, {"X": "1"}, {"MPLBACKEND": "agg", "HOME": "/h"})
    assert "MPLBACKEND" not in found
    assert (found["X"], found["HOME"], found["OMP_NUM_THREADS"]) == ("1", "/h", "2")


@pytest.mark.skipif(repeatable().get("ATEN_CPU_CAPABILITY") is None, reason="x86-64 only")
def test_torch_obeys():
    code = "import torch; print(torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())"
    done = subprocess.run([sys.executable, "-c", code], env=kernel_environment(), capture_output=True, text=True)
    assert done.stdout.split() == ["1", "AVX2"]
