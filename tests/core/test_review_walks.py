"""Long random walks over all of review: every truth holds after every step, and undo is exact."""

import json

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from review_desk import Desk, laid_out, step, updated

from heaters.core.cuts import Cuts
from heaters.core.edits import Limits
from heaters.core.review import RULES
from heaters.core.snapshot import Snapshot
from heaters.core.states import ClipState

WORDS = [*map(str, RULES), "undo", "undo", "redo", "recut"]
steps = st.lists(
    st.tuples(st.sampled_from(WORDS), st.integers(0, 2**16), st.integers(0, 2**16)), min_size=20, max_size=60
)
# A walk that fails is shown as it is: shrinking one of sixty steps takes minutes. Without `derandomize` it could not
# be walked again.
walks = settings(max_examples=80, deadline=None, derandomize=True, phases=[Phase.generate])


def assert_sound(desk: Desk) -> None:
    """Truth 3: active clips tile the video, and inner boundaries are the cuts."""
    assert desk.cuts().frames == tuple(cut.frame for cut in desk.rows.cuts)
    for clip in desk.rows.clips:
        assert (clip.start_pts, clip.end_pts) == (clip.start_frame * 40, clip.end_frame * 40)


@walks
@given(steps)
def test_a_reviewer_alone_can_go_back_and_forth(path: list[tuple[str, int, int]]) -> None:
    """Against the plainest model of an editor: a list of states and a position in it."""
    desk = Desk(Cuts.of(300, range(30, 300, 30)), Limits(min_clip_frames=3, min_cut_distance=2))
    states, at = [desk.content()], 0
    for word, a, b in path:
        done = step(desk, word, a, b, "ada")
        if word == "undo":
            assert done == (at > 0)
            at -= done
        elif word == "redo":
            assert done == (at < len(states) - 1)
            at += done
        elif done:
            states[at + 1 :] = [desk.content()]
            at += 1
        assert desk.content() == states[at]
        assert_sound(desk)
    while at:
        desk.undo()
        at -= 1
        assert desk.content() == states[at]
    assert desk.rows.cuts == laid_out(Cuts.of(300, range(30, 300, 30))).cuts


@walks
@given(steps, st.lists(st.integers(0, 5), min_size=60, max_size=60))
def test_many_reviewers_and_a_machine_keep_every_truth(path: list[tuple[str, int, int]], who: list[int]) -> None:
    desk = Desk(Cuts.of(200, range(20, 200, 20)), Limits(min_clip_frames=2))
    first = desk.rows
    exported: set[int] = set()
    for (word, a, b), person in zip(path, who, strict=False):
        rows, events = desk.rows, len(desk.log)
        if person == 5:
            approved = [clip.id for clip in desk.active if clip.state is ClipState.REVIEW_APPROVED]
            if approved:
                exported |= {approved[a % len(approved)]} if b % 2 else set()
                desk.held = dict.fromkeys({*exported, approved[a % len(approved)]}, "export")
        elif not step(desk, word, a, b, ("ada", "bob", "cyd")[person % 3]):
            assert (desk.rows, len(desk.log)) == (rows, events), "a refusal leaves everything as it was"
        assert_sound(desk)
        for old in rows.clips:
            new = desk.clip(old.id)
            assert (new == old) or new.version > old.version
            assert (new.start_frame, new.end_frame, new.parents) == (
                old.start_frame,
                old.end_frame,
                old.parents,
            )
            if old.id in desk.held:
                assert new.state is ClipState.REVIEW_APPROVED, "what has a file stays approved"
    for event in desk.log:
        for image in (event.change.before, event.change.after):
            assert Snapshot.from_json(json.loads(json.dumps(image.to_json()))) == image
    replayed = first
    for event in desk.log:
        replayed = updated(replayed, event.change.before, event.change.after)
    assert {c.id for c in replayed.clips if c.is_active} == {c.id for c in desk.active}
    assert replayed.cuts == desk.rows.cuts
