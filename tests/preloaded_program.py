"""Turn a process that tests/preloaded.py has forked into a program with its own environment.

`Preloaded` runs this file, and sets `COMMAND`, `ENVIRONMENT`, `STDOUT` and `STDERR`.
"""

import gc
import os
import runpy
import sys
import warnings

# A fork and its parent share memory until one of them writes to it. The garbage collector writes to
# each object that it examines, so the memory of the object is copied. The collector skips frozen
# objects.
gc.freeze()
values = globals()
for descriptor, path in (1, values["STDOUT"]), (2, values["STDERR"]):
    output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, descriptor)
os.environ.clear()
os.environ.update(values["ENVIRONMENT"])
# Python reads PYTHONWARNINGS only when an interpreter starts. A fork starts no new interpreter.
warnings.simplefilter(values["ENVIRONMENT"].get("PYTHONWARNINGS", "default"))
sys.argv = values["COMMAND"]
runpy.run_module(values["COMMAND"][0], run_name="__main__", alter_sys=True)
