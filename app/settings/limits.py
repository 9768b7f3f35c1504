"""What clients may use at most: requests, messages, processor time, and memory."""

import os

from pydantic import Field, PositiveFloat, PositiveInt

from app.settings.types import EnvironmentSettings, RateLimit


class LimitSettings(EnvironmentSettings):
    """The rate limits, and the limits of one request and of one process."""

    # Rate limits, such as "100/10 seconds". Several limits are separated by semicolons.
    rate_limit_signup: RateLimit = "10/minute"
    rate_limit_login: RateLimit = "10/minute"
    # Failed logins in a row for one account, from all IP addresses.
    rate_limit_login_failures: RateLimit = "20/15minutes"
    rate_limit_password: RateLimit = "5/minute"
    # Messages to one email address, and messages that one account or one client has requested.
    rate_limit_mail: RateLimit = "10/10minutes"
    rate_limit_default: RateLimit = "1200/minute"

    request_timeout: PositiveFloat = 10.0
    max_body_size: PositiveInt = 64 * 1024
    # The threads that hash passwords. Each thread occupies one core and 19 MiB while it hashes.
    password_threads: PositiveInt = Field(default_factory=lambda: os.cpu_count() or 1)
    # The maximum number of hashes that run or wait, per process. A request that needs one more hash
    # gets 503.
    password_queue: PositiveInt = 100
