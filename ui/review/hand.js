// The clips that a reviewer has in hand: where they come from, which is shown, and that the server knows of it.

import { Refused, SignedOut, call } from "./calls.js";

const IN_HAND = 6;
const REFILL_BELOW = 5;
const EMPTY_POLL_MS = 5000;

export class Hand {
  constructor(outbox, page, scope) {
    this.outbox = outbox;
    this.page = page;
    this.scope = scope; // { videos: null | [id], uncertain }
    this.current = null;
    this.queue = [];
    this.counts = null;
    this.videos = [];
    this.renewTimer = null;
    this.pollTimer = null;
  }

  async open(clip) {
    this.page.state("loading");
    this.outbox.adopt((await this.ask("past", {})).me);
    await this.outbox.settle();
    const answer = await this.ask("open", { ...this.scope, n: IN_HAND, have: [], clip });
    this.me = answer.me;
    this.opened(answer);
    this.counts = answer.counts;
    this.videos = answer.videos;
    this.queue = answer.clips;
    this.page.counts();
    this.page.recent();
    if (clip && !answer.asked) this.page.notice(`There is no clip ${clip}`, "warn");
    clearInterval(this.renewTimer);
    this.renewTimer = setInterval(() => this.renew(), 1000 * answer.renew_seconds);
    if (answer.asked) this.show(answer.asked);
    else this.next();
  }

  // Another queue: what is in hand goes back first.
  async change(scope) {
    this.scope = scope;
    await this.release();
    this.current = null;
    this.queue = [];
    this.page.clear();
    await this.open(null);
  }

  // An answer, however long it takes; the page says meanwhile that it is being waited for.
  async ask(path, body) {
    for (let pause_ms = 300, tries = 0; ; pause_ms = Math.min(2 * pause_ms, 4000)) {
      try {
        const answer = await call(path, body);
        if (tries) this.outbox.tell(this.outbox.length ? this.outbox.word : "saved");
        return answer;
      } catch (error) {
        if (error instanceof Refused) throw error;
        tries += 1;
        this.page.waiting(error instanceof SignedOut ? "signedout" : navigator.onLine ? "retrying" : "offline");
      }
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
    }
  }

  get have() {
    const mine = [...(this.current ? [this.current] : []), ...this.queue].map((card) => card.id);
    return [...new Set([...mine, ...this.outbox.clips])].slice(0, 500);
  }

  // One at a time; who asks meanwhile waits for the same.
  refill() {
    if (!this.filling) this.filling = this.fill().finally(() => (this.filling = null));
    return this.filling;
  }

  async fill() {
    if (this.queue.length < REFILL_BELOW) {
      const acts = this.outbox.length ? -1 : this.outbox.pushed;
      const answer = await this.ask("lease", { ...this.scope, n: IN_HAND - this.queue.length, have: this.have });
      // Counted while something was on its way, the figures would be neither before it nor after.
      if (acts === this.outbox.pushed) this.counts = answer.counts;
      const have = new Set(this.have);
      this.queue.push(...answer.clips.filter((card) => !have.has(card.id)));
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
    this.page.fetching();
    this.poll();
  }

  async poll() {
    clearTimeout(this.pollTimer);
    await this.refill();
    if (!this.current) await this.refill(); // the first may have been asked for before the last clip went
    if (this.current) return;
    this.page.empty();
    this.pollTimer = setTimeout(() => this.poll(), EMPTY_POLL_MS);
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
  async release() {
    const leaving = new Set(this.outbox.clips);
    const ids = this.have.filter((id) => !leaving.has(id));
    if (ids.length) await call("release", { ids }, { keepalive: true }).catch(() => {});
  }
}
