// What the reviewer did, on its way to the server: in order, one at a time, each with a key that makes sending it
// again harmless. It outlives a reload; nothing is given up before the server has answered.

import { Refused, SignedOut, Unreachable, call } from "./calls.js";

const STORE = "heaters.review.outbox of ";
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;

export class Outbox {
  // `onState(word, waiting)`: saved, saving, retrying, offline or signedout.
  constructor(onState) {
    this.onState = onState;
    this.entries = [];
    this.owner = "";
    this.pushed = 0; // acts so far
    this.running = false;
    this.pause_ms = FIRST_PAUSE_MS;
    this.wake = null;
    addEventListener("online", () => this.retry());
    addEventListener("offline", () => this.entries.length && this.tell("offline"));
  }

  get length() {
    return this.entries.length;
  }

  // Clips that are decided here and not yet there: they must not be asked for again.
  get clips() {
    return this.entries.flatMap((entry) => entry.clips);
  }

  // Sends `body` to `path` when all before it are done. Resolves with the answer; rejects only with Refused.
  push(path, body, clips = []) {
    this.pushed += 1;
    return new Promise((resolve, reject) => {
      this.entries.push({ path, body, clips, resolve, reject });
      this.keep();
      if (this.pausing) this.tell(this.word);
      this.run();
    });
  }

  // What an earlier page of this person left behind goes first. Another's stays until they are back.
  adopt(owner) {
    if (this.owner) return;
    this.owner = owner;
    this.entries = [...restored(owner), ...this.entries];
  }

  // Resolves once what an earlier page left behind is with the server.
  async settle() {
    while (this.entries.length) {
      this.run();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  retry() {
    this.pause_ms = FIRST_PAUSE_MS;
    if (this.wake) this.wake();
    else this.run();
  }

  async run() {
    if (this.running) return;
    this.running = true;
    while (this.entries.length) {
      if (!this.pausing) this.tell("saving");
      const entry = this.entries[0];
      try {
        const answer = await call(entry.path, entry.body);
        this.done(entry);
        if (entry.resolve) entry.resolve(answer);
      } catch (error) {
        if (error instanceof Refused) {
          this.done(entry);
          if (entry.reject) entry.reject(error);
        } else {
          await this.again(error);
        }
      }
    }
    this.running = false;
    this.tell("saved");
  }

  done(entry) {
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.keep();
    this.pausing = false;
    this.pause_ms = FIRST_PAUSE_MS;
  }

  async again(error) {
    this.pausing = true;
    const word = error instanceof SignedOut ? "signedout" : navigator.onLine ? "retrying" : "offline";
    this.tell(word);
    const wait_ms = Math.max(this.pause_ms, (error instanceof Unreachable && error.wait_ms) || 0);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, wait_ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
    this.pause_ms = Math.min(2 * this.pause_ms, LONGEST_PAUSE_MS);
  }

  tell(word) {
    this.word = word;
    this.onState(word, this.entries.length);
  }

  keep() {
    const plain = this.entries.map(({ path, body, clips }) => ({ path, body, clips }));
    try {
      if (plain.length) sessionStorage.setItem(STORE + this.owner, JSON.stringify(plain));
      else sessionStorage.removeItem(STORE + this.owner);
    } catch {
      // A full or forbidden storage only costs what a reload in this moment would lose.
    }
  }
}

function restored(owner) {
  try {
    return JSON.parse(sessionStorage.getItem(STORE + owner) || "[]");
  } catch {
    return [];
  }
}
