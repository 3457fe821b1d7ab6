// The reviewer's desk: the clips in hand, what becomes of them, and what the server says to it. It knows no page:
// `page` shows what it is told.

import { Refused, SignedOut, call, makeKey } from "./calls.js";

const IN_HAND = 6;
const REFILL_BELOW = 5;
const EMPTY_POLL_MS = 5000;
const MOST_BUFFERED = 8;
export const WORDS = { approve: "Approved", skip: "Skipped", archive: "Archived", group: "Grouped", merge: "Merged", split: "Split", move: "Moved a cut of", later: "Put off" };

export class Desk {
  constructor(outbox, page, scope) {
    this.outbox = outbox;
    this.page = page;
    this.scope = scope; // { videos: null | [id], uncertain }
    this.current = null;
    this.queue = [];
    this.recent = [];
    this.counts = null;
    this.times = []; // of decisions, for the pace
    this.busy = 0; // acts whose answer decides what comes next
    this.buffer = []; // keys pressed meanwhile
    this.lastLater = null;
    this.renewTimer = null;
  }

  // ------------------------------------------------------------------------------------------ the queue

  async open(clip) {
    this.page.state("loading");
    await this.outbox.settle();
    const answer = await this.ask("open", { ...this.scope, n: IN_HAND, have: [], clip });
    this.me = answer.me;
    this.recent = answer.recent.map((event) => ({ action: event.action, clips: event.clip_ids, title: event.title }));
    this.times = answer.ages.map((age) => Date.now() - 1000 * age);
    this.counts = answer.counts;
    this.videos = answer.videos;
    this.queue = answer.clips;
    if (clip && !answer.asked) this.page.notice(`There is no clip ${clip}`, "warn");
    clearInterval(this.renewTimer);
    this.renewTimer = setInterval(() => this.renew(), 1000 * answer.renew_seconds);
    if (answer.asked) this.show(answer.asked);
    else this.next();
  }

  // Another queue: what is in hand goes back first.
  async change(scope) {
    this.scope = scope;
    this.release();
    this.current = null;
    this.queue = [];
    this.page.clear();
    await this.open(null);
  }

  // An answer, however long it takes; the page says meanwhile that it is being waited for.
  async ask(path, body) {
    for (let pause_ms = 300; ; pause_ms = Math.min(2 * pause_ms, 4000)) {
      try {
        return await call(path, body);
      } catch (error) {
        if (error instanceof Refused) throw error;
        this.page.waiting(error instanceof SignedOut ? "signedout" : navigator.onLine ? "retrying" : "offline");
      }
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
    }
  }

  get have() {
    const mine = [...(this.current ? [this.current] : []), ...this.queue].map((card) => card.id);
    return [...new Set([...mine, ...this.outbox.clips])].slice(0, 500);
  }

  async refill() {
    if (this.filling || this.queue.length >= REFILL_BELOW) return;
    this.filling = true;
    try {
      const answer = await this.ask("lease", { ...this.scope, n: IN_HAND - this.queue.length, have: this.have });
      this.counts = answer.counts;
      const have = new Set(this.have);
      this.queue.push(...answer.clips.filter((card) => !have.has(card.id)));
    } finally {
      this.filling = false;
    }
    this.page.counts();
    if (!this.current && this.queue.length) this.next();
    else this.page.upcoming();
  }

  show(card) {
    this.current = card;
    this.page.show(card);
    this.refill();
  }

  next() {
    const card = this.queue.shift();
    if (card) {
      this.show(card);
      return;
    }
    this.current = null;
    this.page.empty();
    this.poll();
  }

  async poll() {
    clearTimeout(this.pollTimer);
    await this.refill();
    if (!this.current) this.pollTimer = setTimeout(() => this.poll(), EMPTY_POLL_MS);
  }

  // Puts the clip in hand back to the front of the queue and shows another.
  jump(card) {
    this.queue = this.queue.filter((other) => other.id !== card.id);
    if (this.current && this.current.id !== card.id && this.waits(this.current)) this.queue.unshift(this.current);
    this.show(card);
  }

  async look(id) {
    const known = this.queue.find((card) => card.id === id);
    if (known) return this.jump(known);
    try {
      const answer = await call(`clips/${id}`, {});
      this.jump(answer.clip);
      if (answer.clip.id !== id) this.page.notice(`Clip ${id} is gone; this is what became of it`, "info");
    } catch (error) {
      this.page.notice(error instanceof Refused ? error.message : "The server cannot be reached just now", "warn");
    }
  }

  waits(card) {
    return card.state === "pending_review" && !card.is_gone && !card.held_by;
  }

  // ------------------------------------------------------------------------------------------ acts

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
    if (this.counts) this.count(-1);
    const body = { key: makeKey(), clip: card.id, version: card.version, action };
    this.outbox.push("act", body, [card.id]).then(
      (answer) => this.reconcile(answer),
      (error) => this.refused(error, card, done),
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
        this.reconcile(answer, word);
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
  reconcile(answer, word = "") {
    const cards = answer.clips;
    const fresh = new Set(cards.map((card) => card.id));
    const done = new Set(answer.changed.map((clip) => clip.id).filter((id) => !fresh.has(id)));
    this.queue = this.queue.filter((card) => !done.has(card.id) && !fresh.has(card.id));
    this.relink(cards);
    const gone = this.current && done.has(this.current.id);
    if (cards.length) {
      const keep = this.current && !gone && !fresh.has(this.current.id) && this.waits(this.current);
      this.queue = [...cards.slice(1), ...(keep ? [this.current] : []), ...this.queue];
      if (this.counts && word) this.count(cards.length, -cards.length);
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
    if (done && this.counts && waits) this.count(1);
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

  count(pending, decided = -pending) {
    this.counts = { ...this.counts, pending: this.counts.pending + pending, decided: this.counts.decided + decided };
    this.page.counts();
  }

  // Recent acts as the log has them: after an undo there may be older ones than are known here.
  async refresh() {
    try {
      const answer = await call("past", {});
      if (this.outbox.length) return;
      this.recent = answer.recent.map((event) => ({ action: event.action, clips: event.clip_ids, title: event.title }));
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

  // ------------------------------------------------------------------------------------------ leases

  async renew() {
    const ids = this.have;
    if (!ids.length) return;
    try {
      const { lost } = await call("renew", { ids });
      const waiting = new Set(this.outbox.clips);
      const gone = lost.filter((clip) => !waiting.has(clip.id));
      const ids_gone = new Set(gone.map((clip) => clip.id));
      this.queue = this.queue.filter((card) => !ids_gone.has(card.id));
      const mine = gone.find((clip) => this.current && clip.id === this.current.id && this.waits(this.current));
      if (mine) {
        this.page.notice(`${mine.message}. Here is the next one`, "warn");
        this.next();
      }
      this.page.upcoming();
    } catch {
      // The next beat tries again; the lease outlasts several.
    }
  }

  // The page goes: what is in hand returns to the queue now rather than in five minutes.
  release() {
    const leaving = new Set(this.outbox.clips);
    const ids = this.have.filter((id) => !leaving.has(id));
    if (ids.length) call("release", { ids }, { keepalive: true }).catch(() => {});
  }
}

function sentence(error) {
  return error instanceof Refused ? error.message : "The server cannot be reached just now";
}
