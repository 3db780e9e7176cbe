"""Emails that outlive the request they tell of: it was recalled, or a new version took its place."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.notify import GiveUpMail, Notification, Notify
from gateways.temporal import PlainWords
from workflows.patience import MAIL, MAIL_FOR, STEP, UNTIL_DONE


@workflow.defn(name="TellSigners")
class TellSigners:
    """Mails whoever had the request in the inbox, however long the relay is away. It takes no signals."""

    @workflow.run
    async def run(self, notification: Notification) -> None:
        try:
            await workflow.execute_activity_class(
                Notify,
                notification,
                start_to_close_timeout=STEP,
                schedule_to_close_timeout=MAIL_FOR,
                retry_policy=MAIL,
                summary=PlainWords("Email: a new portal message is available"),
            )
        except ActivityError:
            await workflow.execute_activity_class(
                GiveUpMail,
                notification,
                start_to_close_timeout=STEP,
                retry_policy=UNTIL_DONE,
                summary=PlainWords("Tell staff: mail failed"),
            )
