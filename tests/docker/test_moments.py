"""One moment for several happenings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drill.model.lease import Moment
from drill.stacks.moments import spanning

moments = st.builds(
    Moment,
    at_ns=st.integers(0, 10**18),
    uncertainty_ns=st.integers(0, 10**12),
    source=st.sampled_from(["call", "pidfd"]),
)


@given(st.lists(moments, min_size=1, max_size=4))
def test_the_span_holds_every_instant_that_each_can_be(several: list[Moment]) -> None:
    whole = spanning(several)
    for one in several:
        assert whole.at_ns - whole.uncertainty_ns <= one.at_ns - one.uncertainty_ns
        assert one.at_ns + one.uncertainty_ns <= whole.at_ns + whole.uncertainty_ns
    assert set(whole.source.split(", ")) == {one.source for one in several}


@given(moments)
def test_one_is_told_as_it_is(one: Moment) -> None:
    assert spanning([one]) == one
