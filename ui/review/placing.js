// A cut being placed: a new one inside the clip, or the one at its start or end being moved. Knows the rules, no page.

export class Placing {
  // `kind`: split, start or end. `other`: the clip beside it, for a move.
  constructor(kind, card) {
    this.kind = kind;
    this.card = card;
    const [first, end] = card.window;
    this.low = kind === "start" ? Math.max(first, card.previous.start_frame) : card.start_frame;
    this.high = (kind === "end" ? Math.min(end, card.next.end_frame) : card.end_frame) - 1;
    this.origin = kind === "split" ? null : kind === "start" ? card.start_frame : card.end_frame;
  }

  // Why this cannot be begun; empty where it can.
  static refusal(kind, card) {
    if (kind === "start" && !card.previous) return "This is the first clip of its video: there is no cut at its start";
    if (kind === "end" && !card.next) return "This is the last clip of its video: there is no cut at its end";
    if (kind === "split" && card.end_frame - card.start_frame < 2) return "A clip of one frame cannot be split";
    return "";
  }

  // Why a cut before `frame` cannot be; empty where it can.
  refusal(frame) {
    const at = this.kind === "split" ? "the clip" : "the left-hand clip";
    if (frame <= this.low) return `A cut before this frame would leave nothing of ${at}: step on first`;
    if (frame === this.origin) return "The cut is here already: step to another frame first";
    return "";
  }

  // What the server is asked for. Frames count from the first frame of the clip that the act names.
  act(frame) {
    if (this.kind === "split") return { action: "split", clip: this.card.id, version: this.card.version, frame: frame - this.card.start_frame };
    const clip = this.kind === "start" ? this.card : { ...this.card.next, start_frame: this.card.end_frame };
    return { action: "move", clip: clip.id, version: clip.version, frame: frame - clip.start_frame };
  }

  get badge() {
    const what = { split: "SPLIT", start: "MOVE START", end: "MOVE END" }[this.kind];
    return `${what} · Enter commits · Esc leaves`;
  }

  // The lengths on both sides of a cut before `frame`.
  lengths(frame) {
    const left = this.kind === "start" ? this.card.previous.start_frame : this.card.start_frame;
    const right = this.kind === "end" ? this.card.next.end_frame : this.card.end_frame;
    return [frame - left, right - frame];
  }
}
