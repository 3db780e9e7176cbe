"""How long each kind of step may take, how often it is tried, and what is said when that was in vain."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from activities.stamp import BEYOND_RETRY
from chart.lifecycle import STEP_FAILED
from chart.text import N_, Text

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


def reason(error: BaseException) -> str:
    """The sentence of an error that we raised ourselves; of any other its class, since it may quote values."""
    # a local activity's error comes as it is, a regular one's inside an ActivityError
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.message if cause.type == BEYOND_RETRY else Text(STEP_FAILED, kind=cause.type)
    return N_("The step took too long.")
