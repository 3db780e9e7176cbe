"""A link to a new password: its mail is sent while the link is good."""

from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.reset import MailReset, ResetMail
from gateways.temporal import PlainWords
from workflows.patience import MAIL, STEP


def workflow_id(reset: UUID) -> str:
    return f"reset/{reset}"


@workflow.defn(name="Reset")
class Reset:
    """Mails one link. It takes no signals."""

    @workflow.run
    async def run(self, reset: ResetMail) -> None:
        try:
            await workflow.execute_activity_class(
                MailReset,
                reset,
                start_to_close_timeout=STEP,
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=MAIL,
                summary=PlainWords("Email: link to a new password"),
            )
        except ActivityError:
            workflow.logger.warning("a link to a new password could not be sent while it was good")
