"""The process that executes one notebook: ``python -m lowdim.companion.worker JOB.json``.

A process of its own, because threads and instruction sets are fixed by the environment before PyTorch is loaded, and
because it starts the same way on Linux, macOS and Windows. The parent is :mod:`lowdim.companion.execute`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any


def execute(source: Path, target: Path, folder: Path, timeout: int | None) -> dict[str, Any]:
    """Execute ``source`` into ``target`` with ``folder`` as working directory.

    Returns ``{"ok": True}``, or on an error ``{"ok": False}`` with the cell's number, source and traceback.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    sockets = tempfile.mkdtemp(prefix="k")  # short: the path of a socket may have about 100 characters
    config = Config()
    if os.name == "posix":
        # TCP ports of kernels that start together can collide; the default address of IPC is shared by all of them.
        config.KernelManager.transport = "ipc"
        config.KernelManager.ip = os.path.join(sockets, "k")
    try:
        papermill.execute_notebook(
            str(source),
            str(target),
            cwd=str(folder),
            kernel_name="python3",
            progress_bar=False,
            start_timeout=180,
            execution_timeout=timeout,
            config=config,
        )
    except PapermillExecutionError as error:
        return {
            "ok": False,
            "cell": error.cell_index,
            "source": error.source,
            "error": f"{error.ename}: {error.evalue}",
            "traceback": list(error.traceback),
        }
    except Exception as error:  # a dead kernel, a timeout: the parent reports it with the others
        return {"ok": False, "cell": None, "source": "", "error": f"{type(error).__name__}: {error}", "traceback": []}
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    return {"ok": True}


def main(argv: list[str]) -> int:
    """Run the job described in the file ``argv[0]`` and write its outcome beside it."""
    job_file = Path(argv[0])
    job = json.loads(job_file.read_text(encoding="utf-8"))
    outcome = execute(Path(job["source"]), Path(job["target"]), Path(job["folder"]), job.get("timeout"))
    job_file.with_suffix(".outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    return 0 if outcome["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
