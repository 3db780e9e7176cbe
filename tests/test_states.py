"""The table of states and the life of a request, as pure rules (SPEC G6, G7, G8)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chart.audit import Actor
from chart.lifecycle import (
    BY,
    ENDINGS,
    ON_ITS_WAY,
    STATES,
    Act,
    Life,
    OnDecline,
    RequestState,
    Seat,
    SeatState,
    Side,
    offers,
)
from chart.refusals import NotInThisState, NotYourTurn, Refusal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANA, BEN, DR = Actor("account:ana"), Actor("account:ben"), Actor("staff:dr")


def life(*parties: Actor | None, in_order: bool = False, on_decline: OnDecline = OnDecline.ENDS) -> Life:
    state = RequestState.AWAITING_REGISTRATION if None in parties else RequestState.PENDING
    return Life(state, tuple(map(Seat, parties)), NOW + timedelta(days=60), in_order, on_decline)


def test_every_state_and_every_act_has_its_line() -> None:
    assert set(STATES) == set(RequestState)
    assert {*BY} == set(Act)
    for state, row in STATES.items():
        assert row.label
        assert row.too_late.endswith(".")
        assert not row.ended or row.takes <= {Act.REISSUE}, state


def test_an_ending_takes_nothing_but_being_asked_for_again() -> None:
    for state in RequestState:
        if state.ended:
            assert offers(state, attention=True, skippable=True) <= {Act.REISSUE}


def test_what_is_being_sealed_takes_nothing_until_it_needs_attention() -> None:
    assert offers(RequestState.SEALING) == frozenset()
    assert offers(RequestState.SEALING, attention=True) == {Act.RESUME, Act.REISSUE}


def test_the_practice_is_never_offered_what_signers_do() -> None:
    for state in RequestState:
        assert all(BY[act] is Side.PRACTICE for act in offers(state, attention=True, skippable=True))


def test_one_signature_is_enough_for_one_signer() -> None:
    assert life(ANA).signed(ANA, NOW).state is RequestState.SEALING


def test_it_waits_until_everybody_has_signed() -> None:
    first = life(ANA, DR).signed(DR, NOW)
    assert (first.state, first.waits_for) == (RequestState.PENDING, (ANA,))
    assert first.signed(ANA, NOW).state is RequestState.SEALING


def test_in_order_nobody_signs_before_the_one_before() -> None:
    both = life(ANA, DR, in_order=True)
    assert both.waits_for == (ANA,)
    with pytest.raises(NotYourTurn, match="before you"):
        both.signed(DR, NOW)
    assert both.signed(ANA, NOW).waits_for == (DR,)


def test_nobody_signs_twice_and_no_stranger_signs() -> None:
    both = life(ANA, DR).signed(ANA, NOW)
    with pytest.raises(NotYourTurn, match="already"):
        both.signed(ANA, NOW)
    with pytest.raises(NotYourTurn, match="Nobody asks you"):
        both.signed(BEN, NOW)


def test_a_decline_ends_the_request_or_lets_the_others_go_on() -> None:
    assert life(ANA, BEN).declined(ANA, NOW).state is RequestState.DECLINED
    on = life(ANA, BEN, on_decline=OnDecline.CONTINUES).declined(ANA, NOW)
    assert on.waits_for == (BEN,)
    assert on.signed(BEN, NOW).state is RequestState.SEALING
    assert on.declined(BEN, NOW).state is RequestState.DECLINED


def test_a_last_decline_after_a_signature_seals_what_was_signed() -> None:
    on = life(ANA, BEN, on_decline=OnDecline.CONTINUES).signed(ANA, NOW)
    assert on.declined(BEN, NOW).state is RequestState.SEALING


def test_what_was_signed_in_time_counts_and_what_was_not_does_not() -> None:
    one = life(ANA)
    assert one.signed(ANA, one.expires_at - timedelta(microseconds=1)).state is RequestState.SEALING
    with pytest.raises(NotInThisState, match="expired"):
        one.signed(ANA, one.expires_at)
    assert one.expired(one.expires_at).open
    assert one.expired(one.expires_at + ON_ITS_WAY).state is RequestState.EXPIRED


def test_nobody_signs_before_the_client_has_registered() -> None:
    parked = life(None, DR)
    assert parked.waits_for == ()
    with pytest.raises(NotInThisState, match="not registered"):
        parked.signed(DR, NOW)
    assert parked.registered([ANA, DR]).waits_for == (ANA, DR)


EVENTS: list[Callable[[Life], Life]] = [
    lambda one: one.signed(ANA, NOW),
    lambda one: one.signed(BEN, NOW),
    lambda one: one.signed(DR, NOW),
    lambda one: one.declined(ANA, NOW),
    lambda one: one.declined(BEN, NOW),
    lambda one: one.registered([ANA, BEN]),
    lambda one: one.extended(one.expires_at + timedelta(days=1)),
    lambda one: one.expired(NOW),
    lambda one: one.expired(one.ends_at),
    *(lambda one, act=act: one.ended(act) for act in ENDINGS),
]


@given(
    st.lists(st.sampled_from(EVENTS), max_size=12),
    st.sampled_from([(ANA,), (ANA, BEN), (None, BEN)]),
    st.booleans(),
    st.sampled_from(OnDecline),
)
def test_whatever_comes_one_ending_is_for_ever(
    events: list[Callable[[Life], Life]], parties: tuple[Actor | None, ...], in_order: bool, on_decline: OnDecline
) -> None:
    one = life(*parties, in_order=in_order, on_decline=on_decline)
    for event in events:
        before = one
        try:
            one = event(one)
        except Refusal as why:
            assert str(why).endswith(".")  # noqa: PT017 - the sentence is what is told
            continue
        answers = [seat.state for seat in one.seats]
        assert before.open or one == before, "nothing moves what is decided"
        if one.state is RequestState.SEALING:
            assert SeatState.SIGNED in answers
            assert SeatState.WAITING not in answers
        if one.state is RequestState.PENDING:
            assert one.waits_for
