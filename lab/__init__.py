"""Runs and observes the service on one machine. `app` imports nothing from this package.

__main__     the commands: `lab up`, `lab trace`, …
install      installs the packages into .venv
stack/       starts, stops and describes the local stack
ending       `lab stop` and `lab reset`
collector/   keeps the spans of requests, and serves them to the page and to `lab trace`
page/        the page /lab, in JavaScript
trace/       `lab trace`
mail/        the mailbox, and `lab mail`
provider     the identity provider of the stack
fault/       `lab fault`
seed/        `lab seed`
cluster/     `lab cluster`: PostgreSQL and Redis that fail over
tour/        `lab tour`, and the programs of its chapters
doctor/      `make doctor`
bench/       `make bench` and `make profile`
http_client  sends the lab's own HTTP requests
"""
