// The reviewer's desk: what becomes of the clips in hand, and what the server says to it. It knows no page: `page` shows
// what it is told.

import { Refused, call, makeKey } from "./calls.js";
import { Hand } from "./hand.js";

const MOST_BUFFERED = 8;
export const WORDS = { approve: "Approved", skip: "Skipped", archive: "Archived", group: "Grouped", merge: "Merged", split: "Split", move: "Moved a cut of", later: "Put off" };

export class Desk extends Hand {
  constructor(outbox, page, scope) {
    super(outbox, page, scope);
    this.recent = [];
    this.times = []; // of decisions, for the pace
    this.busy = 0; // acts whose answer decides what comes next
    this.buffer = []; // keys pressed meanwhile
    this.lastLater = null;
  }

  opened(answer) {
    this.recent = answer.recent.map(entryOf);
    this.times = answer.ages.map((age) => Date.now() - 1000 * age);
  }

  // Calls `work` now, or once the answer that is awaited has come.
  whenFree(work) {
    if (!this.busy) work();
    else if (this.buffer.length < MOST_BUFFERED) this.buffer.push(work);
  }

  // A decision: the next clip is shown at once, the server hears of it in its turn.
  decide(action) {
    const card = this.current;
    const done = { action, clips: [card.id], title: card.title, number: card.number };
    this.lastLater = null;
    this.note(done);
    this.count({ pending: -1, decided: 1 });
    const body = { key: makeKey(), clip: card.id, version: card.version, action };
    this.outbox.push("act", body, [card.id]).then(
      (answer) => {
        this.count({ pending: answer.counts.pending + 1, decided: answer.counts.decided - 1 });
        this.reconcile(answer);
      },
      (error) => {
        this.count({ pending: 1, decided: -1 });
        this.refused(error, card, done);
      },
    );
    this.next();
  }

  later() {
    const card = this.current;
    this.lastLater = card;
    this.outbox.push("release", { ids: [card.id], later: true }, [card.id]).catch(() => {});
    this.page.notice(`Clip ${card.number} comes again at the end`, "info");
    this.next();
  }

  // An act whose answer says what comes next: split, merge, move.
  edit(act) {
    const card = this.current;
    const done = { action: act.action, clips: [card.id], title: card.title, number: card.number };
    this.lastLater = null;
    this.await(
      this.outbox.push("act", { key: makeKey(), ...act }, [card.id]),
      (answer) => {
        this.note({ ...done, clips: answer.changed.map((clip) => clip.id) });
        this.count(answer.counts);
        this.reconcile(answer);
      },
      (error) => this.refused(error, card, null),
    );
  }

  turn(word) {
    if (word === "undo" && this.lastLater) {
      const card = this.lastLater;
      this.lastLater = null;
      this.await(this.outbox.push(`clips/${card.id}`, {}), (answer) => this.jump(answer.clip), () => {});
      return;
    }
    this.lastLater = null;
    this.await(
      this.outbox.push(word, { key: makeKey() }),
      (answer) => {
        if (word === "undo") this.recent.shift();
        else {
          const { title } = answer.clips[0] || this.current || { title: "" };
          this.recent = [{ action: answer.of, clips: answer.changed.map((clip) => clip.id), title }, ...this.recent].slice(0, 5);
        }
        this.count(answer.counts);
        this.reconcile(answer);
        this.page.notice(`${word === "undo" ? "Took back" : "Did again"}: ${answer.of}`, "info");
        this.refresh();
      },
      (error) => this.page.notice(sentence(error), "warn"),
    );
  }

  await(promise, then, otherwise) {
    this.busy += 1;
    this.page.busy(true);
    promise.then(then, otherwise).finally(() => {
      this.busy -= 1;
      this.page.busy(this.busy > 0);
      while (!this.busy && this.buffer.length) this.buffer.shift()();
    });
  }

  // What the server has done: clips that no longer wait leave, new ones and those brought back come next.
  reconcile(answer) {
    const cards = answer.clips;
    const fresh = new Set(cards.map((card) => card.id));
    const done = new Set(answer.changed.map((clip) => clip.id).filter((id) => !fresh.has(id)));
    this.queue = this.queue.filter((card) => !done.has(card.id) && !fresh.has(card.id));
    this.relink(cards);
    const gone = this.current && done.has(this.current.id);
    if (cards.length) {
      const keep = this.current && !gone && !fresh.has(this.current.id) && this.waits(this.current);
      this.queue = [...cards.slice(1), ...(keep ? [this.current] : []), ...this.queue];
      this.show(cards[0]);
    } else if (gone) this.next();
    this.page.recent();
    this.page.upcoming();
  }

  // Cards in hand learn of their new neighbours.
  relink(cards) {
    for (const card of cards) {
      for (const other of [...this.queue, ...(this.current ? [this.current] : [])]) {
        if (other.video_id !== card.video_id) continue;
        const known = { id: card.id, version: card.version, state: card.state };
        if (other.start_frame === card.end_frame) other.previous = { ...known, start_frame: card.start_frame };
        if (other.end_frame === card.start_frame) other.next = { ...known, end_frame: card.end_frame };
      }
    }
  }

  // The reviewer has gone on; where the clip still waits it comes back.
  refused(error, card, done) {
    if (done) {
      this.recent = this.recent.filter((entry) => entry !== done);
      this.times.pop();
    }
    this.page.notice(sentence(error), "warn");
    const now = error.body && error.body.clip;
    const waits = now && this.waits(now);
    if (this.current && this.current.id === card.id) {
      if (waits) this.show(now);
      else this.next();
    } else if (waits && !this.queue.some((other) => other.id === now.id)) this.queue.unshift(now);
    this.page.recent();
    this.page.upcoming();
  }

  note(entry) {
    this.recent = [entry, ...this.recent].slice(0, 5);
    this.times.push(Date.now());
    this.page.recent();
  }

  // So many more.
  count({ pending, decided }) {
    if (!this.counts) return;
    this.counts = { ...this.counts, pending: this.counts.pending + pending, decided: this.counts.decided + decided };
    this.page.counts();
  }

  // Recent acts as the log has them: after an undo there may be older ones than are known here.
  async refresh() {
    try {
      const answer = await call("past", {});
      if (this.outbox.length) return;
      this.recent = answer.recent.map(entryOf);
      this.page.recent();
    } catch {
      // The list is a comfort; the next answer brings it.
    }
  }

  // Decisions a minute over the last five.
  get pace() {
    const now = Date.now();
    this.times = this.times.filter((time) => now - time < 300000);
    if (!this.times.length) return 0;
    return this.times.length / Math.max(1, (now - Math.min(...this.times)) / 60000);
  }
}

function entryOf(event) {
  return { action: event.action, clips: event.clip_ids, title: event.title };
}

function sentence(error) {
  return error instanceof Refused ? error.message : "The server cannot be reached just now";
}
