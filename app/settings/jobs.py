"""The settings of the worker, which runs jobs."""

from pydantic import PositiveFloat, PositiveInt

from app.settings.types import EnvironmentSettings


class JobSettings(EnvironmentSettings):
    """How many jobs a worker runs, when it tries them again, and when it deletes expired rows."""

    # When a worker deletes expired rows, in cron's notation.
    sweep_schedule: str = "*/10 * * * *"
    # A worker tries a failed job again after a pause: at first at most a second, then doubled up to
    # JOB_MAX_PAUSE. After JOB_MAX_ATTEMPTS, the job waits for an operator.
    job_max_attempts: PositiveInt = 100
    job_max_pause: PositiveFloat = 900.0
    # The number of jobs that a worker runs at the same time. A worker sends only one message at a
    # time, so more workers are necessary to send faster.
    job_concurrency: PositiveInt = 4
