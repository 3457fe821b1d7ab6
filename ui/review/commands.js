// What each command of the key table does. Keys, buttons, the strip and the sheets all come through `run`.

import { Placing } from "./placing.js";

const ACCELERATION = [1, 2, 4, 8, 16];
const MOST_AFTER = 8;
const REPEATS_A_GEAR = 10; // a third of a second at the usual thirty repeats a second

export class Commands {
  constructor({ table, desk, player, page, strip, stills, options, sheets }) {
    Object.assign(this, { desk, player, page, strip, stills, options, sheets });
    this.rows = new Map(table.map((row) => [row.command, row]));
    this.place = null; // the cut being placed
    this.armed = null; // the decision that waits for Enter
    this.committing = false;
    this.after = []; // keys pressed while Enter waits for its frame
    this.work = {
      approve: () => this.decide("approve"),
      skip: () => this.decide("skip"),
      archive: () => this.decide("archive"),
      group: () => this.withPrevious("group", () => this.decide("group")),
      merge: () => this.withPrevious("merge", () => this.confirmed("merge", () => this.merge())),
      later: () => this.has() && this.waits() && this.desk.later(),
      undo: () => this.turn("undo"),
      redo: () => this.turn("redo"),
      next_frame: (held) => this.step(gear(held)),
      previous_frame: (held) => this.step(-gear(held)),
      next_frames: () => this.step(10),
      previous_frames: () => this.step(-10),
      first_frame: () => this.goto((place) => place.low),
      last_frame: () => this.goto((place) => place.high),
      move_start: () => this.enter("start"),
      move_end: () => this.enter("end"),
      commit: () => this.commit(),
      leave: () => this.leave(),
      toggle: () => this.toggle(),
      faster: () => this.rate(1),
      slower: () => this.rate(-1),
      sound: () => this.sound(),
      options: () => this.sheets.options(),
      help: () => this.sheets.help(),
      search: () => this.sheets.search(),
    };
  }

  // `held`: how many repeats the key has sent since it went down.
  run(command, held = 0) {
    const row = this.rows.get(command);
    if (this.committing && command !== "leave") {
      if (this.after.length < MOST_AFTER) this.after.push(() => this.run(command, held));
      return;
    }
    if (this.place && row.where === "playing") {
      this.page.notice("First place the cut: Enter commits it, Esc leaves", "info");
      return;
    }
    if (this.armed && command !== this.armed.command && command !== "commit") this.disarm();
    if (["help", "options", "search", "sound"].includes(command)) this.work[command]();
    else this.desk.whenFree(() => this.work[command](held));
  }

  // ------------------------------------------------------------------------------------------ decisions

  has() {
    return this.desk.current !== null;
  }

  waits() {
    const card = this.desk.current;
    if (this.desk.waits(card)) return true;
    this.page.notice(card.held_by ? `${card.held_by} has this clip in hand` : "This clip is decided already; U takes your last act back", "info");
    return false;
  }

  decide(action) {
    if (!this.has() || !this.waits()) return;
    const blind = this.page.root.dataset.state === "problem" && (action === "approve" || action === "group");
    if (blind) this.page.notice("What cannot be seen is not approved: retry, skip or put it off", "warn");
    else this.confirmed(action, () => this.desk.decide(action));
  }

  confirmed(command, act) {
    if (!this.options.confirm) {
      act();
      return;
    }
    this.armed = { command, act };
    this.page.badge(`${this.rows.get(command).button}? Enter confirms · Esc cancels`, "armed");
  }

  disarm() {
    this.armed = null;
    this.page.badge("");
  }

  withPrevious(word, act) {
    if (!this.has()) return;
    if (this.desk.current.previous) act();
    else this.page.notice(`This is the first clip of its video: there is none before it to ${word} with`, "info");
  }

  merge() {
    const { id, version } = this.desk.current;
    this.desk.edit({ action: "merge", clip: id, version });
  }

  turn(word) {
    if (this.place) this.leave();
    else this.desk.turn(word);
  }

  // ------------------------------------------------------------------------------------------ placing a cut

  enter(kind, wide = kind !== "split") {
    const card = this.desk.current;
    if (!card) return false;
    if (!this.player.times) {
      if (card.times) this.page.notice("Cuts can be placed as soon as the player is there", "info");
      return false;
    }
    const refusal = Placing.refusal(kind, card) || (card.held_by ? `${card.held_by} has this clip in hand` : "");
    if (refusal) {
      this.page.notice(refusal, "info");
      return false;
    }
    const at = this.player.heading ?? card.start_frame;
    this.place = new Placing(kind, card);
    this.player.setLoop(false);
    this.strip.widen(wide);
    this.stills.open(card);
    this.page.placing(this.place);
    this.player.goto(this.place.origin ?? at, this.place.low, this.place.high);
    return true;
  }

  step(frames) {
    if (!this.place && !this.enter("split")) return;
    this.player.goto((this.player.heading ?? this.place.low) + frames, this.place.low, this.place.high);
  }

  goto(pick) {
    if (!this.place && !this.enter("split")) return;
    this.player.goto(pick(this.place), this.place.low, this.place.high);
  }

  // From the strip: to a frame of the video, within the clip.
  scrub(frame) {
    this.desk.whenFree(() => this.goto(() => frame));
  }

  // From a handle of the strip: take the cut, then move it.
  grab(kind, frame) {
    if (this.desk.busy) return;
    if (!this.place || this.place.kind !== kind) {
      if (this.place) this.leave();
      if (!this.enter(kind, false)) return; // the strip must not move under the hand
    }
    if (frame !== null) this.player.goto(frame, this.place.low, this.place.high);
  }

  // Exactly the frame that is shown: while a seek is under way, once it has arrived.
  commit() {
    if (this.armed) {
      const { act } = this.armed;
      this.disarm();
      act();
      return;
    }
    if (this.page.root.dataset.state === "problem") this.retry();
    if (!this.place) return;
    if (this.player.isPlaying) {
      this.player.goto(this.player.frame, this.place.low, this.place.high);
    }
    if (this.player.isSettled) this.send();
    else this.committing = true;
  }

  settled() {
    if (this.committing && this.place) this.send();
  }

  send() {
    const frame = this.player.frame;
    const refusal = this.place.refusal(frame);
    const pressed = this.after;
    this.committing = false;
    this.after = [];
    if (refusal) this.page.notice(refusal, "warn");
    else {
      const act = this.place.act(frame);
      this.close();
      this.desk.edit(act);
    }
    for (const press of pressed) press();
  }

  leave() {
    if (this.armed) this.disarm();
    if (!this.place) return;
    const { start_frame, end_frame } = this.desk.current;
    this.close();
    if (this.player.frame < start_frame || this.player.frame >= end_frame) this.player.goto(start_frame, start_frame, end_frame - 1);
    this.player.play();
  }

  close() {
    this.place = null;
    this.committing = false;
    this.after = [];
    this.player.setLoop(true);
    this.strip.widen(false);
    this.stills.close();
    this.page.placing(null);
  }

  // Another clip is shown.
  reset() {
    this.armed = null;
    if (this.place) this.close();
    this.page.badge("");
  }

  // ------------------------------------------------------------------------------------------ watching

  toggle() {
    if (!this.has() || !this.player.times) return;
    if (this.player.isPlaying) this.player.pause();
    else this.player.play();
    if (!this.place) this.page.state(this.player.isPlaying ? "playing" : "paused");
  }

  rate(direction) {
    if (!this.has()) return;
    const rate = this.player.changeRate(direction);
    this.page.text("rate", `${rate}×`);
    this.page.part("rate").classList.toggle("is-on", rate !== 1);
    if (!this.place) this.page.state("playing");
  }

  sound() {
    const on = this.player.toggleSound();
    const node = this.page.part("sound");
    node.textContent = on ? "Sound on" : "Sound off";
    node.setAttribute("aria-pressed", String(on));
    node.classList.toggle("is-on", on);
    if (on && this.has() && !this.desk.current.has_audio) this.page.notice("This video has no sound", "info");
  }

  retry() {
    const card = this.desk.current;
    if (card.times) {
      this.page.show(card);
      this.player.retry();
    } else this.desk.look(card.id);
  }
}

function gear(held) {
  return ACCELERATION[Math.min(ACCELERATION.length - 1, Math.floor(held / REPEATS_A_GEAR))];
}
