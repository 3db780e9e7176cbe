"""How long each kind of step may take, and how often it is tried."""

from datetime import timedelta

from temporalio.common import RetryPolicy

STEP = timedelta(seconds=15)
"""How long a crash of the worker can hold a step up (10 to 15 s for database, mail and stamp)."""

ROUND = RetryPolicy(
    initial_interval=timedelta(milliseconds=300), maximum_interval=timedelta(seconds=5), maximum_attempts=7
)
"""A bounded round of tries, about 20 s; after it the request needs attention instead of failing."""

UNTIL_DONE = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(minutes=1))

MAIL = RetryPolicy(initial_interval=timedelta(seconds=2), backoff_coefficient=2, maximum_interval=timedelta(hours=1))
MAIL_FOR = timedelta(days=5)
"""RFC 5321 4.5.4.1: give up after four to five days at the earliest."""

FIRST_OWN_TRY, LONGEST_PAUSE = timedelta(minutes=1), timedelta(days=1)
"""A request that needs attention tries again by itself, with pauses that double; its history stays short in a year."""
