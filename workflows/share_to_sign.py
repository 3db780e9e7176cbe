"""The life of one signature request, from top to bottom in the order in which it happens."""

import asyncio
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.ask import HandOver, OnceMore, waits_for
from activities.deliver import Deliver, Delivered, Delivery, Outcome
from activities.end import SIGNERS_ARE_TOLD, End, Ended, Ending, EndRequest
from activities.file import File, Filing
from activities.notify import FIRST, GiveUpMail, Notification, Notify
from activities.record import Answer, Attention, Record, Term, TooLate, VersionFiling
from activities.stamp import Signature, Stamp, Stamped, Stamping
from activities.time_stamp import TimeStamping
from chart import audit, schedule
from chart.audit import Action, Actor
from chart.ids import RequestId
from chart.lifecycle import Act, Life, Order, RequestState, SeatState, check_takes
from chart.message import MessageAbout
from chart.refusals import NotInThisState, NotReadyToSign, Refusal
from gateways.temporal import ENDING, EXPIRES, WAITS_FOR, PlainWords
from workflows.patience import FIRST_OWN_TRY, LONGEST_PAUSE, MAIL, MAIL_FOR, ROUND, STEP, UNTIL_DONE, reason
from workflows.signals import Decline, Extend, Mend, Recall, Remind, Replace, Reschedule, StaffRecord

Result = TypeVar("Result")
T = TypeVar("T")

SEALING = frozenset({RequestState.SEALING})
WAITING = frozenset({RequestState.AWAITING_REGISTRATION, RequestState.PENDING})

LONG_HISTORY = 4_000
"""Events after which a request goes on in a new run; a year of reminders and signers stays far below."""

LOOKS = tuple(timedelta(seconds=seconds) for seconds in (0, 2, 10, 60, 300))
"""When to look for a registration after a knock, which comes before the account is in the chart (decision 011)."""


@dataclass(frozen=True)
class SoFar:
    """All that a request knows, for the next run when its history has grown long."""

    life: Life
    mailed_at: datetime
    """When the last mail was due; a reminder by hand keeps its distance from it."""
    reminder_days: tuple[int, ...] | None
    signatures: tuple[Signature, ...] = ()
    reminders: tuple[datetime, ...] = ()
    reminded: int = 0
    late: int = 0
    """How much has come that it did not take."""


@workflow.defn(name="ShareToSign")
class ShareToSign:
    """Delivers a document for signature, waits for everybody who is to sign, stamps, files and tells staff.

    Input is an `Order`; the result is the state in which the request ended, None if there was nothing to ask for.
    What may happen when is `chart.lifecycle`'s; signals are applied in the order in which the engine has them.
    """

    @workflow.init
    def __init__(self, order: Order, so_far: SoFar | None) -> None:
        self.order = order
        self.request_id = RequestId(UUID(workflow.info().first_execution_run_id))
        known = so_far or SoFar(Life.of(order), mailed_at=workflow.now(), reminder_days=order.reminder_days)
        self.life = known.life
        self.signatures = known.signatures
        self.reminder_days = known.reminder_days
        self.reminders = known.reminders
        self.rescheduled = False
        self.reminded = known.reminded
        self.mailed_at = known.mailed_at
        self.late = known.late
        self.mails: list[Notification] = []
        self.mailing: list[asyncio.Task[None]] = []
        self.ending = Ending(audit.SERVICE)
        self.to_do: deque[Callable[[], Awaitable[None]]] = deque()
        self.looks: tuple[datetime, ...] = ()
        self.early: deque[Callable[[], None]] = deque()
        self.taking_early = False
        self.attention: str | None = None
        self.mended: Act | None = None
        self.mended_by = audit.SERVICE
        self.again = False

    @workflow.run
    async def run(self, order: Order, so_far: SoFar | None) -> RequestState | None:
        if so_far is None and not await self._deliver():
            # a new version may have come meanwhile, for the request before, and was acknowledged
            self._take_what_came_early()
            await self._catch_up()
            return None
        # what came during the delivery is written before the end that came with it
        await self._catch_up()
        while self.life.open:
            await self._wait()
            await self._catch_up()
            self._go_on_in_a_new_run_if_long()
        self._take_what_came_early()
        for task in self.mailing:
            task.cancel()
        if self.life.state is RequestState.SEALING:
            await self._seal()
        if self.life.state is not RequestState.SIGNED:
            await self._end()
        await self._catch_up()
        return self.life.state

    # -- the signals: what people do

    @workflow.signal(description="A signer selected Sign Document (encrypted signature). Sent by the service only.")
    def sign(self, signature: Signature) -> None:
        if self._comes_early(lambda: self.sign(signature), answer=True):
            return None
        before = self.life
        try:
            self._check_fits(signature.request_id)
            if signature.sha256 != self.order.sha256:
                raise NotReadyToSign("The signature is for another version of the document.")  # SPEC G5
            self.life = self.life.signed(signature.signer, signature.at)
        except Refusal as why:
            return self._refuse(Act.SIGN, signature.signer, why)
        self.signatures += (signature,)
        if self.life.open:
            self._answered(before, signature.signer, SeatState.SIGNED, signature.at, signature=signature)
        return None

    @workflow.signal(description="A signer declined or asked for a correction (encrypted). Sent by the service only.")
    def decline(self, decline: Decline) -> None:
        if self._comes_early(lambda: self.decline(decline), answer=True):
            return None
        before = self.life
        try:
            self._check_fits(decline.request_id)
            self.life = self.life.declined(decline.by, decline.at)
        except Refusal as why:
            return self._refuse(Act.DECLINE, decline.by, why)
        if self.life.state is RequestState.DECLINED:
            self.ending = Ending(decline.by, decline.reason, decline.correction)
        else:
            self._answered(
                before, decline.by, SeatState.DECLINED, decline.at, decline.reason, correction=decline.correction
            )
        return None

    @workflow.signal(description="Staff recalls the request (encrypted reason). Sent by the service only.")
    def recall(self, recall: Recall) -> None:
        if not self._comes_early(lambda: self.recall(recall)):
            self._end_by(recall.request_id, Act.RECALL, Ending(recall.by, recall.reason))

    @workflow.signal(description="A new version replaces the document (encrypted). Sent by the service only.")
    def replace(self, new: Replace) -> None:
        if self._comes_early(lambda: self.replace(new)):
            return
        if not self._end_by(new.request_id, Act.REPLACE, Ending(new.version.added_by, version=new.version)):
            self.to_do.append(lambda: self._file_version(new))

    @workflow.signal(description="Staff records 'unable to obtain' or 'signed on paper'. Sent by the service only.")
    def record(self, record: StaffRecord) -> None:
        if not self._comes_early(lambda: self.record(record)):
            self._end_by(record.request_id, record.act, Ending(record.by, record.reason, record=record.record))

    @workflow.signal(description="Staff moves the expiry (encrypted date). Sent by the service only.")
    def extend(self, extend: Extend) -> None:
        try:
            self._check_fits(extend.request_id)
            self.life = self.life.extended(extend.until)
        except Refusal as why:
            return self._refuse(Act.EXTEND, extend.by, why)
        workflow.upsert_search_attributes([EXPIRES.value_set(extend.until)])
        self.to_do.append(lambda: self._record_term(extend.by, Action.EXTENDED))
        return None

    @workflow.signal(description="Staff changes the reminders (encrypted dates). Sent by the service only.")
    def reschedule(self, reschedule: Reschedule) -> None:
        try:
            self._check_fits(reschedule.request_id)
            check_takes(self.life.state, Act.RESCHEDULE)
        except Refusal as why:
            return self._refuse(Act.RESCHEDULE, reschedule.by, why)
        self.reminder_days, self.reminders, self.rescheduled = reschedule.days, reschedule.reminders, True
        self.to_do.append(lambda: self._record_term(reschedule.by, Action.RESCHEDULED, reschedule.days))
        return None

    @workflow.signal(description="Remind whoever is to sign, now. Sent by the service only.")
    def remind(self, remind: Remind) -> None:
        try:
            self._check_fits(remind.request_id)
            check_takes(self.life.state, Act.REMIND)
            schedule.may_remind_now(self.mailed_at, workflow.now())
        except Refusal as why:
            return self._refuse(Act.REMIND, remind.by, why)
        self._remind(in_daytime=False)
        return None

    @workflow.signal(description="Somebody registers for the client: look whether it can be delivered. No input.")
    def registered(self) -> None:
        if self.life.state is RequestState.AWAITING_REGISTRATION:
            self.looks = tuple(workflow.now() + pause for pause in LOOKS)
            self.to_do.append(_nothing)

    @workflow.signal(description="Try again now what needs attention. No input.")
    def resume(self, mend: Mend | str | None = None) -> None:
        self._mend(Act.RESUME, mend)

    @workflow.signal(description="Leave out the step that needs attention, where that is possible. No input.")
    def skip(self, mend: Mend | str | None = None) -> None:
        self._mend(Act.SKIP, mend)

    @workflow.signal(description="Give up the request that needs attention and ask for the same once more. No input.")
    def reissue(self, mend: Mend | str | None = None) -> None:
        self._mend(Act.REISSUE, mend)

    @workflow.signal(dynamic=True)
    def unknown(self, _name: str, _arguments: Sequence[RawValue]) -> None:
        self._note_too_late(None, audit.SERVICE, "No signal of this name is known.")

    def _comes_early(self, event: Callable[[], None], *, answer: bool = False) -> bool:
        """The chart may know of a registration before we do, and its signer answers at once.

        The answer is kept until we have looked, and what ends requests waits in line behind it.
        """
        if self.life.state is not RequestState.AWAITING_REGISTRATION or self.taking_early:
            return False
        if not answer and not self.early:
            return False
        self.early.append(event)
        self.registered()
        return True

    def _take_what_came_early(self) -> None:
        self.taking_early = True
        while self.early:
            self.early.popleft()()
        self.taking_early = False

    # -- who wins: the first that `chart.lifecycle` takes

    def _check_fits(self, request_id: RequestId) -> None:
        if request_id != self.request_id:
            raise NotInThisState("This was meant for another request on the document, which has ended.")

    def _mend(self, act: Act, mend: Mend | str | None) -> None:
        """Whoever reaches the engine may mend, as nobody in particular; a name counts for its own request only.

        A bare name, as it was sent before, may be copied from any other request: it counts as nobody's.
        """
        if not isinstance(mend, Mend):
            self.mended, self.mended_by = act, audit.SERVICE
            return
        try:
            self._check_fits(mend.request_id)
        except Refusal as why:
            return self._refuse(act, mend.by, why)
        self.mended, self.mended_by = act, mend.by

    def _end_by(self, request_id: RequestId, act: Act, ending: Ending) -> bool:
        try:
            self._check_fits(request_id)
            self.life = self.life.ended(act, stuck=self.attention is not None)
        except Refusal as why:
            self._refuse(act, ending.by, why)
            return False
        self.ending = ending
        return True

    def _refuse(self, act: Act, by: Actor, why: Refusal) -> None:
        self._note_too_late(act, by, str(why))

    def _note_too_late(self, act: Act | None, by: Actor, why: str) -> None:
        self.late += 1
        late = TooLate(self.order, self.request_id, by, act, why, self.late)
        self.to_do.append(lambda: self._local(Record.too_late, late, "Chart: came too late"))

    def _answered(
        self,
        before: Life,
        by: Actor,
        state: SeatState,
        at: datetime,
        reason: str | None = None,
        signature: Signature | None = None,
        *,
        correction: bool = False,
    ) -> None:
        """One of several has answered: write it down, and tell whoever is next."""
        days = self.reminder_days
        answer = Answer(
            self.order, self.request_id, self.life, by, state, at, workflow.now(), days, reason, signature, correction
        )
        self.to_do.append(lambda: self._record_answer(answer))
        self.rescheduled = False
        following = tuple(party for party in self.life.waits_for if party not in before.waits_for)
        if following:
            self.to_do.append(lambda: self._ask_next(following))

    # -- the steps of the story

    async def _deliver(self) -> bool:
        """Into the chart and the portal; False if there is nothing to ask for."""
        delivered = await self._until_done(self._try_to_deliver, while_in=WAITING)
        if delivered is None:
            return True
        if delivered.outcome is Outcome.NOTHING_TO_DO:
            return False
        if delivered.outcome is Outcome.DELIVERED:
            self._is_delivered(delivered)
        self._take_what_came_early()
        return True

    async def _try_to_deliver(self) -> Delivered:
        self._say("Delivering to the client's portal.")
        self.rescheduled = False
        return await workflow.execute_activity_class(
            Deliver,
            Delivery(self.order, self.request_id, workflow.now(), self.life.expires_at, self.reminder_days),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords("Put request, share and inbox message into the chart; email"),
        )

    def _is_delivered(self, delivered: Delivered) -> None:
        if self.life.state is RequestState.AWAITING_REGISTRATION:
            self.looks = ()
            self.life = self.life.registered([seat.party for seat in delivered.life.seats if seat.party])
            workflow.upsert_search_attributes([WAITS_FOR.value_set(waits_for(self.life.state))])
        self._plan(delivered.reminders)
        self.mailed_at = workflow.now()
        if not delivered.mailed:
            self._post(self._request_mail(FIRST, self.life.waits_for))

    async def _look_for_registration(self) -> None:
        if self.life.state is RequestState.AWAITING_REGISTRATION and not await self._deliver():
            self.life = self.life.given_up()

    async def _wait(self) -> None:
        """Until there is something to do; one timer is armed, for whatever comes first."""
        self._say()
        moment, why = self._next_moment()
        left = max(moment - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(
                lambda: bool(self.to_do) or not self.life.open, timeout=left, timeout_summary=PlainWords(why)
            )
        except TimeoutError:
            self._on_time(workflow.now())
        except asyncio.CancelledError:
            self._cancelled()

    def _next_moment(self) -> tuple[datetime, str]:
        moments = [(self.life.ends_at, "The request expires")]
        moments += [(moment, "Look for a registration") for moment in self.looks[:1]]
        moments += [(moment, "Remind") for moment in self.reminders[:1] if self.life.waits_for]
        return min(moments)

    def _on_time(self, now: datetime) -> None:
        self.life = self.life.expired(now)
        if any(moment <= now for moment in self.looks):
            self.looks = tuple(moment for moment in self.looks if moment > now)
            self.to_do.append(self._look_for_registration)
        if self.life.waits_for and any(moment <= now for moment in self.reminders):
            self.reminders = tuple(moment for moment in self.reminders if moment > now)
            self._remind(in_daytime=True)

    async def _ask_next(self, parties: tuple[Actor, ...]) -> None:
        self._post(self._request_mail(FIRST, parties))

    def _remind(self, *, in_daytime: bool) -> None:
        self.reminded += 1
        self.mailed_at = workflow.now()
        mail = self._request_mail(f"reminder-{self.reminded}", self.life.waits_for)
        self._post(dataclasses.replace(mail, in_daytime=in_daytime))

    def _request_mail(self, occasion: str, parties: tuple[Actor, ...]) -> Notification:
        return Notification(self.order, self.request_id, MessageAbout.RECORD_REQUEST, occasion, parties, workflow.now())

    def _post(self, mail: Notification) -> None:
        """Beside the waiting, for days if need be: the request lives on in the portal (SPEC N3)."""
        self.mails.append(mail)
        self.mailing.append(asyncio.create_task(self._mail(mail)))
        self._say()

    async def _mail(self, mail: Notification) -> None:
        try:
            while morning := await self._notify(mail):
                # the answer may have taken until then
                left = max(morning - workflow.now(), timedelta(0))
                await workflow.sleep(left, summary=PlainWords("It is night where the client lives"))
        except ActivityError as error:
            # cancelled when the request ended first: then nobody needs the mail any more
            if is_cancelled_exception(error):
                return
            self.to_do.append(lambda: self._local_class(GiveUpMail, mail, "Tell staff: mail failed"))
        self.mails.remove(mail)
        self._say()
        if self._is_long():
            self.to_do.append(_nothing)

    async def _notify(self, mail: Notification) -> datetime | None:
        return await workflow.execute_activity_class(
            Notify,
            mail,
            start_to_close_timeout=STEP,
            schedule_to_close_timeout=MAIL_FOR,
            retry_policy=MAIL,
            summary=PlainWords(f"Email ({mail.occasion}): a new portal message is available"),
        )

    async def _seal(self) -> None:
        self._say("Stamping and filing.")
        stamped = await self._until_done(self._stamp, while_in=SEALING)
        stamping = None
        if stamped is not None:
            stamping = await self._until_done(lambda: self._file(stamped), while_in=SEALING)
        if self.life.state is RequestState.SEALING:
            self.life = self.life.sealed()
        self._say()
        if stamping is not None:
            await self._until_done(
                lambda: self._local(HandOver.time_stamp, stamping, "Beside: a time stamp"), skippable=True
            )

    async def _stamp(self) -> Stamped:
        return await workflow.execute_local_activity_class(
            Stamp,
            Stamping(self.order, self.request_id, self.signatures),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords("Stamp and seal the PDF"),
        )

    async def _file(self, stamped: Stamped) -> TimeStamping | None:
        """What is to be time-stamped, where an authority is configured."""
        return await workflow.execute_local_activity_class(
            File,
            Filing(self.order, self.request_id, self.signatures, stamped),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords("Put the signed version into the chart"),
        )

    async def _end(self) -> None:
        self._say()
        ended = await self._until_done(self._write_end, skippable=True)
        if ended is None:  # its words cannot be written, whatever they hold; the ending itself can
            self.ending = dataclasses.replace(self.ending, reason=None, record=None)
            ended = await self._until_done(self._write_end)
        if ended is None:
            return
        self.life, told = self.life.as_it_stands(ended.state), ended.told
        if told:
            about, _ = SIGNERS_ARE_TOLD[self.life.state]
            mail = Notification(self.order, self.request_id, about, FIRST, told, workflow.now())
            await self._until_done(lambda: self._local(HandOver.mail, mail, "Tell the signers"), skippable=True)
        if self.again:
            once_more = OnceMore(self.request_id, self.order)
            await self._until_done(lambda: self._local(HandOver.order, once_more, "Share to Sign again"))
        workflow.upsert_search_attributes([ENDING.value_set(self.life.state.label)])

    async def _write_end(self) -> Ended:
        # not local: what a timer or an operator's cancel has decided is in the history before it is in the chart
        return await workflow.execute_activity_class(
            End,
            EndRequest(self.order, self.request_id, self.life, self.ending),
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords(f"Chart: {self.life.state.label}"),
        )

    async def _file_version(self, new: Replace) -> None:
        filing = VersionFiling(self.order, self.request_id, new.version)
        await self._local(Record.version, filing, "Chart: a new version behind the signed one")

    async def _record_answer(self, answer: Answer) -> None:
        """Whoever is asked next is reminded on the same days, counted from now."""
        reminders = await workflow.execute_local_activity_method(
            Record.answer,
            answer,
            start_to_close_timeout=STEP,
            retry_policy=ROUND,
            summary=PlainWords(f"Chart: one of the signers has {answer.state}"),
        )
        if reminders is not None:
            self._plan(reminders)

    def _plan(self, reminders: Sequence[datetime]) -> None:
        """As an activity has computed them, unless staff has changed them meanwhile."""
        if not self.rescheduled:
            self.reminders = tuple(reminders)

    async def _record_term(self, by: Actor, action: Action, days: tuple[int, ...] | None = None) -> None:
        term = Term(self.order, self.request_id, by, action, self.life.expires_at, days, self.reminders)
        await self._local(Record.term, term, f"Chart: {action}")

    # -- what is left over

    async def _catch_up(self) -> None:
        """Write down what has happened, in the order in which it did."""
        while self.to_do:
            await self._until_done(self.to_do.popleft(), skippable=True)

    def _is_long(self) -> bool:
        info = workflow.info()
        return info.get_current_history_length() > LONG_HISTORY or info.is_continue_as_new_suggested()

    def _go_on_in_a_new_run_if_long(self) -> None:
        """When nothing is under way: what an activity of this run does would be lost to the next, and done again."""
        under_way = self.to_do or self.looks or self.early or self.mails
        if self.life.open and not under_way and self._is_long():
            so_far = SoFar(
                self.life,
                self.mailed_at,
                self.reminder_days,
                self.signatures,
                self.reminders,
                self.reminded,
                self.late,
            )
            workflow.continue_as_new(args=[self.order, so_far])

    def _cancelled(self) -> None:
        """An operator has cancelled the workflow: that recalls what is open, and stops no sealing."""
        if self.life.open:
            self._end_by(self.request_id, Act.RECALL, Ending(audit.SERVICE, "Cancelled by an operator in the engine."))

    # -- needs attention instead of failed (SPEC O2)

    async def _until_done(
        self,
        step: Callable[[], Awaitable[Result]],
        *,
        skippable: bool = False,
        while_in: Container[RequestState] = frozenset(RequestState),
    ) -> Result | None:
        """Run a step. When its round of tries is over, say why, and wait to be mended or for the next own try.

        None: it was skipped, or the request was given up or has left the states in which the step makes sense.
        """
        pause = FIRST_OWN_TRY
        while True:
            try:
                return await self._to_its_end(step())
            except (ActivityError, ApplicationError) as error:
                await self._needs_attention(reason(error), pause, skippable=skippable)
                pause = min(pause * 2, LONGEST_PAUSE)
            if self.mended is Act.REISSUE and not self.life.state.ended:
                self._give_up()
                return None
            if self.mended is Act.SKIP and skippable:
                return None
            if self.life.state not in while_in:
                return None

    async def _to_its_end(self, step: Awaitable[Result]) -> Result:
        """An operator's cancel reaches whoever waits here; what has begun is not left half done."""
        task = asyncio.ensure_future(step)
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                self._cancelled()

    async def _needs_attention(self, reason: str, pause: timedelta, *, skippable: bool) -> None:
        self._begin_to_need_attention(reason)
        await self._attend(Action.NEEDS_ATTENTION, reason, skippable=skippable)
        before = self.life
        with suppress(TimeoutError):
            try:
                await workflow.wait_condition(
                    lambda: self.mended is not None or self.life.state is not before.state,
                    timeout=pause,
                    timeout_summary=PlainWords("The next own try"),
                )
            except asyncio.CancelledError:
                self._cancelled()
        self.attention = None
        self._say()
        await self._attend(Action.SKIPPED if self.mended is Act.SKIP and skippable else Action.RESUMED, None)
        workflow.upsert_search_attributes([WAITS_FOR.value_set(waits_for(self.life.state))])

    def _begin_to_need_attention(self, reason: str) -> None:
        self.attention = reason
        # what was sent before was meant for something else
        self.mended, self.mended_by = None, audit.SERVICE
        self._say()
        workflow.upsert_search_attributes([WAITS_FOR.value_set("Attention")])

    async def _attend(self, action: Action, reason: str | None, *, skippable: bool = False) -> None:
        by = self.mended_by if action is not Action.NEEDS_ATTENTION else audit.SERVICE
        await self._to_its_end(
            workflow.execute_activity_method(
                Record.attention,
                Attention(self.order, self.request_id, self.life, by, action, reason, skippable),
                start_to_close_timeout=STEP,
                retry_policy=UNTIL_DONE,
                summary=PlainWords(f"Chart: {action}"),
            )
        )

    def _give_up(self) -> None:
        self.life = self.life.given_up()
        self.ending = Ending(self.mended_by, "It could not go on and was asked for once more.")
        self.again = True

    # -- local activities: short and repeatable, they cost no billable action after a signal

    async def _local(self, step: Callable[[Any, T], Awaitable[None]], argument: T, summary: str) -> None:
        await workflow.execute_local_activity_method(
            step, argument, start_to_close_timeout=STEP, retry_policy=ROUND, summary=PlainWords(summary)
        )

    async def _local_class(self, step: type[Callable[[T], Awaitable[None]]], argument: T, summary: str) -> None:
        await workflow.execute_local_activity_class(
            step, argument, start_to_close_timeout=STEP, retry_policy=ROUND, summary=PlainWords(summary)
        )

    # -- what the operator reads

    def _say(self, now: str | None = None) -> None:
        """Current Details in the UI, readable without a key."""
        workflow.set_current_details(self._details(now))

    def _details(self, now: str | None) -> str:
        life = self.life
        rows = [("State", life.state.label)]
        if now:
            rows.append(("Now", now))
        if self.attention:
            rows.append(("Needs attention", f"{self.attention} `resume` tries at once."))
        if life.open:
            signed = sum(seat.state is SeatState.SIGNED for seat in life.seats)
            order = ", one after the other" if life.in_order else ""
            rows.append(("Signatures", f"{signed} of {len(life.seats)}{order}"))
            if self.reminders:
                rows.append(("Next reminder", f"{self.reminders[0]:%Y-%m-%d %H:%M} UTC"))
            rows.append(("Reminders sent", str(self.reminded)))
            rows.append(("Expires", f"{life.expires_at:%Y-%m-%d %H:%M} UTC"))
            if self.mails:
                rows.append(("Email", f"{len(self.mails)} not taken by the relay yet"))
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


async def _nothing() -> None:
    """Wakes the waiting: the timer is set anew, or the request goes on in a new run."""
