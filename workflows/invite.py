"""An invitation to the Client Portal: its mail is sent, however long the relay is away."""

from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.invite import GiveUpInvitation, InvitationMail, MailInvitation
from gateways.temporal import PlainWords
from workflows.patience import MAIL, STEP, UNTIL_DONE


def workflow_id(invitation: UUID) -> str:
    return f"invite/{invitation}"


@workflow.defn(name="Invite")
class Invite:
    """Mails one invitation. It takes no signals."""

    @workflow.run
    async def run(self, invitation: InvitationMail) -> None:
        try:
            await workflow.execute_activity_class(
                MailInvitation,
                invitation,
                start_to_close_timeout=STEP,
                # the link in it is good for seven days
                schedule_to_close_timeout=timedelta(days=7),
                retry_policy=MAIL,
                summary=PlainWords("Email: invitation to the Client Portal"),
            )
        except ActivityError:
            await workflow.execute_activity_class(
                GiveUpInvitation,
                invitation,
                start_to_close_timeout=STEP,
                retry_policy=UNTIL_DONE,
                summary=PlainWords("Chart: the invitation could not be sent"),
            )
