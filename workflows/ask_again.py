"""A request that could not go on is asked for anew, once the old one has let go of its document."""

from temporalio import workflow

from activities.ask import OnceMore, StartAgain
from gateways.temporal import PlainWords
from workflows.patience import STEP, UNTIL_DONE


@workflow.defn(name="AskAgain")
class AskAgain:
    """Starts the same request once more. It takes no signals."""

    @workflow.run
    async def run(self, again: OnceMore) -> None:
        await workflow.execute_activity_class(
            StartAgain,
            again,
            start_to_close_timeout=STEP,
            retry_policy=UNTIL_DONE,
            summary=PlainWords("Share to Sign again"),
        )
