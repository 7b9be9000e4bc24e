"""Run a module as the task of a Databricks job: ``python job.py training run …``.

The file is in the project's root, so that the packages beside it are found. Databricks runs a file inside a process of
its own, where SystemExit counts as a failure even with exit code 0.
"""

import runpy
import sys

if __name__ == "__main__":
    module, *sys.argv[1:] = sys.argv[1:]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise
