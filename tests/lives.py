"""Random lives of requests, and a plain model of what has to come of each.

Written apart from `chart.lifecycle` and `chart.schedule`; it knows nothing of engine, chart or mail server.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from chart.lifecycle import OnDecline

STEPS = 5
"""In each a few things happen, then time passes."""

PROVIDER = 2
"""The third signer counter-signs; staff gets no mail."""

ZONES = ["America/Chicago", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Auckland", "Pacific/Honolulu"]

NEARLY = timedelta(minutes=2)
"""What is due so close to something else may come before or after it: the engine's clock goes on while we count."""


# -- what may happen


@dataclass(frozen=True)
class Event:
    what: str
    who: int = 0


@dataclass(frozen=True)
class Script:
    signers: int
    in_order: bool
    on_decline: OnDecline
    parked: bool
    zone: str
    """Where the client lives."""
    reminder_days: tuple[int, ...]
    lasts: int
    """Days."""
    steps: list[list[Event]]
    hours: list[int]
    """That pass in each step."""


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    signers = draw(st.integers(1, 3))
    by_signer = st.builds(Event, st.sampled_from(["sign", "sign", "decline"]), who=st.integers(0, signers - 1))
    steering = st.builds(Event, st.sampled_from(["remind", "reschedule", "extend", "register"]))
    ending = st.builds(Event, st.sampled_from(["recall", "paper", "unable", "replace"]))
    steps = draw(st.lists(st.lists(st.one_of(by_signer, steering), max_size=2), min_size=STEPS, max_size=STEPS))
    for event in draw(st.lists(ending, max_size=1)):
        steps[draw(st.integers(0, STEPS - 1))].append(event)
    return Script(
        signers,
        in_order=draw(st.booleans()),
        on_decline=draw(st.sampled_from(OnDecline)),
        parked=draw(st.sampled_from([False, False, False, True])),
        zone=draw(st.sampled_from(ZONES)),
        reminder_days=draw(st.sampled_from([(1, 3, 9), (1, 2), (4,), ()])),
        lasts=draw(st.integers(1, 20)),
        steps=steps,
        hours=draw(st.lists(st.sampled_from([0, 5, 11, 24, 30, 72, 100]), min_size=STEPS, max_size=STEPS)),
    )


FORECASTS = st.fixed_dictionaries(
    {
        failure: st.sets(st.integers(0, STEPS - 1), max_size=2)
        for failure in ("no mail", "no file", "lost answers", "new worker")
    }
)
"""In which steps what fails."""


# -- the model


@dataclass
class Model:
    """What has to come out, in as few words as possible. All times are by the request's own clock."""

    script: Script
    now: datetime
    state: str = "awaiting_registration"
    answers: list[str] = field(init=False)
    expires_at: datetime = field(init=False)
    ended_at: datetime | None = None
    days: tuple[int, ...] = field(init=False)
    reminders: list[datetime] = field(default_factory=list)
    """Those to come."""
    mailed_at: datetime = field(init=False)
    asked: set[int] = field(default_factory=set)
    posted: list[tuple[str, int]] = field(default_factory=list)
    """What goes out as soon as mail works, unless the request ends before."""
    must: Counter[tuple[str, int]] = field(default_factory=Counter)
    """The mails that have gone out for sure, by what they tell and to whom."""
    may: Counter[tuple[str, int]] = field(default_factory=Counter)
    """The same, with those that may have."""
    by_hand: int = 0
    """Reminders that staff has sent, at whatever hour."""

    def __post_init__(self) -> None:
        self.answers = ["waiting"] * self.script.signers
        self.expires_at = self.in_days(self.script.lasts)
        self.days = self.script.reminder_days
        if not self.script.parked:
            self._deliver()

    def in_days(self, days: int) -> datetime:
        """A date to expire at. All waits are whole hours and some minutes: it falls together with none."""
        return self.now + timedelta(days=days, minutes=4)

    @property
    def open(self) -> bool:
        return self.state in {"pending", "awaiting_registration"}

    @property
    def turn(self) -> list[int]:
        """Whose it is."""
        waiting = [who for who, answer in enumerate(self.answers) if answer == "waiting"]
        return (waiting[:1] if self.script.in_order else waiting) if self.state == "pending" else []

    # -- what people do

    def apply(self, event: Event) -> None:
        if not self.open:
            return
        match event.what:
            case "recall":
                self._end("recalled")
            case "paper":
                self._end("signed_on_paper")
            case "unable":
                self._end("unable_to_obtain")
            case "replace":
                self._end("replaced")
            case "extend":
                self.expires_at = self.in_days(6)
            case "reschedule":
                self.days = (2,)
                self.reminders = self._plan()
            case "register" if self.state == "awaiting_registration":
                self._deliver()
            case "remind" if self.turn and self.now - self.mailed_at >= timedelta(minutes=5):
                self.mailed_at = self.now
                self.by_hand += len(self.turn)
                self._post("reminder")
            case "sign" | "decline" if event.who in self.turn:
                self.answers[event.who] = "signed" if event.what == "sign" else "declined"
                self._count()

    def _deliver(self) -> None:
        self.state = "pending"
        self.mailed_at = self.now
        self._ask()

    def _ask(self) -> None:
        self.reminders = self._plan()
        self.asked |= set(self.turn)
        self._post("request")

    def _count(self) -> None:
        if "declined" in self.answers and self.script.on_decline is OnDecline.ENDS:
            self._end("declined")
        elif "waiting" not in self.answers:
            self._end("signed" if "signed" in self.answers else "declined")
        elif self.script.in_order:
            self._ask()

    def _end(self, state: str) -> None:
        self.state, self.ended_at = state, self.now
        told = {"recalled": ["waiting", "signed", "declined"], "declined": ["waiting", "signed"], "expired": ["signed"]}
        told["replaced"] = told["recalled"]
        concerned = [who for who in self.asked if who != PROVIDER and self.answers[who] in told.get(state, ())]
        self.must.update(("end", who) for who in concerned)
        self.may.update(("end", who) for who in concerned)

    def _post(self, about: str) -> None:
        mails = [(about, who) for who in self.turn if who != PROVIDER]
        self.posted += mails
        self.may.update(mails)

    # -- what time does

    def _plan(self) -> list[datetime]:
        """So many days from now, at this time of day if it is between nine and six where the client lives."""
        zone = ZoneInfo(self.script.zone)
        there = self.now.astimezone(zone)
        late = there.time() > time(18)
        wall = time(9) if late or there.time() < time(9) else there.time()
        days = [there.date() + timedelta(days=day + late) for day in self.days]
        planned = [datetime.combine(day, wall, zone).astimezone(UTC) for day in days]
        return [due for due in planned if due < self.expires_at]

    def wait(self, until: datetime, *, mail_works: bool) -> None:
        """Of an open request."""
        if mail_works:  # whoever has answered already needs no mail
            self.must.update((about, who) for about, who in self.posted if self.answers[who] == "waiting")
        self.posted.clear()
        self.now = min(until, self.expires_at)
        for due in self.reminders:
            self._remind(due, mail_works=mail_works)
        self.reminders = [due for due in self.reminders if due > self.now]
        if self.now == self.expires_at:
            self._end("expired")

    def _remind(self, due: datetime, *, mail_works: bool) -> None:
        mails = [("reminder", who) for who in self.turn if who != PROVIDER]
        if due <= self.now:
            self.mailed_at = due
        if due <= self.now + NEARLY:
            self.may.update(mails)
        if due <= self.now - NEARLY and mail_works:
            self.must.update(mails)
