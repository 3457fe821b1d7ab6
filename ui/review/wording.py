"""Sentences for a reviewer whose act was not carried out: what has become of the clip, and through whom."""

from typing import Any

from heaters.core.states import ClipState, ReviewAction

DONE = {
    ClipState.REVIEW_APPROVED: "approved",
    ClipState.REVIEW_SKIPPED: "skipped",
    ClipState.REVIEW_ARCHIVED: "archived",
}
PAST = {
    ReviewAction.SPLIT: "split it",
    ReviewAction.MERGE: "merged it",
    ReviewAction.MOVE: "moved its cut",
    ReviewAction.RECUT: "cut the video anew",
    ReviewAction.UNDO: "took an edit of it back",
    ReviewAction.REDO: "redid an edit of it",
}


def conflict(card: dict[str, Any], last: tuple[str, str] | None, reviewer: str, reason: str) -> str:
    """Why a clip was not changed. `last` is who touched it last and by which action; `reason` the rule's own words."""
    name = f"Clip {card['id']}"
    if card["is_gone"]:
        who, action = last or ("somebody", "edit")
        return f"{name} is gone: {_you(who, reviewer)} {PAST.get(ReviewAction(action), 'changed it')}"
    state = ClipState(card["state"])
    if state is not ClipState.PENDING_REVIEW and "is already" in reason:
        word, by = DONE.get(state, "archived"), card["reviewed_by"]
        return f"{name} is already {word} by {'you' if by == reviewer else by}" if by else f"{name} is already {word}"
    if card["held_by"]:
        return f"{name} is in {card['held_by']}'s hands"
    for known, word in DONE.items():
        reason = reason.replace(str(known), word)  # it may be about the clip beside it
    return reason[:1].upper() + reason[1:]


def _you(who: str, reviewer: str) -> str:
    return "you have" if who == reviewer else f"{who} has"
