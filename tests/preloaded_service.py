"""Turn a process that tests/preloaded.py has forked into a service with its own environment.

`ENVIRONMENT`, `LOG` and `ARGUMENTS` are set by `Preloaded`, which runs this file.
"""

import os
import warnings

import uvicorn

values = globals()
log = os.open(values["LOG"], os.O_WRONLY | os.O_APPEND)
os.dup2(log, 1)
os.dup2(log, 2)
os.environ.clear()
os.environ.update(values["ENVIRONMENT"])
# Python reads PYTHONWARNINGS only when an interpreter starts. In a fork, none starts.
warnings.simplefilter(values["ENVIRONMENT"]["PYTHONWARNINGS"])
uvicorn.main(values["ARGUMENTS"])
