"""A link to a password or a second factor: its mail is sent while the link is good."""

from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.reset import MailReset, Occasion, ResetMail
from gateways.temporal import PlainWords
from workflows.patience import MAIL, STEP

SUMMARY = {
    Occasion.FORGOTTEN: "link to a new password",
    Occasion.INVITED: "invitation to the staff",
    Occasion.FACTORS_TAKEN: "link to new second factors",
    Occasion.FACTORS_OFFERED: "link to a new second factor",
    Occasion.FACTORS_REPLACED: "word of a new second factor",
}


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
                schedule_to_close_timeout=reset.occasion.lasts,
                retry_policy=MAIL,
                summary=PlainWords(f"Email: {SUMMARY[reset.occasion]}"),
            )
        except ActivityError:
            workflow.logger.warning("a link could not be sent while it was good: %s", reset.occasion)
