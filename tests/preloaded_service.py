"""What a process of tests/preloaded.py does: become the service, with its own environment and log.

`ENVIRONMENT`, `LOG` and `ARGUMENTS` are set by `Preloaded`, which runs this file.
"""

import os
import warnings

import uvicorn

given = globals()
log = os.open(given["LOG"], os.O_WRONLY | os.O_APPEND)
os.dup2(log, 1)
os.dup2(log, 2)
os.environ.clear()
os.environ.update(given["ENVIRONMENT"])
# Python reads PYTHONWARNINGS only when an interpreter starts, and this process is a fork.
warnings.simplefilter(given["ENVIRONMENT"]["PYTHONWARNINGS"])
uvicorn.main(given["ARGUMENTS"])
