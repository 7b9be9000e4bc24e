"""What a task of a Databricks job starts: ``python job.py training run …``; in the root, so packages are found.

Databricks runs the file inside a process of its own, where leaving with an exit code of 0 would be taken for a failure.
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
