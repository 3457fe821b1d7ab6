// Two screens that take turns: while one shows a clip, the other holds the next clip's first frame ready.

import { Screen, filmOf } from "./screen.js";

export const RATES = [0.25, 0.5, 1, 1.5, 2, 3, 4];

export class Player {
  constructor(elements, on) {
    this.on = on;
    const events = {
      frame: (screen) => screen === this.front && on.frame(),
      settled: (screen) => {
        if (screen !== this.front) return;
        this.reveal();
        on.settled();
        if (this.following) this.prepare(this.following);
      },
      ended: (screen) => screen === this.front && on.ended(),
      problem: (screen, text) => {
        if (screen !== this.front) screen.spoilt = text;
        else {
          this.reveal();
          on.problem(text);
        }
      },
    };
    [this.front, this.back] = elements.map((element) => new Screen(element, events));
    this.following = null;
    this.rate = 1;
    this.sound = false;
  }

  get card() {
    return this.front.card;
  }

  // The frame that is shown, counted within the video; null while there is none.
  get frame() {
    return this.front.frame;
  }

  get times() {
    return this.front.times;
  }

  get isPlaying() {
    return this.front.playing;
  }

  get isSettled() {
    return this.front.isSettled;
  }

  // Shows a clip from its first frame, playing; at once when it was prepared.
  show(card) {
    if (!(this.back.card && this.back.card.id === card.id)) this.back.load(card);
    [this.front, this.back] = [this.back, this.front];
    this.back.stop();
    this.back.element.muted = true;
    this.front.card = card;
    this.front.loops = true;
    this.front.element.muted = !this.sound;
    this.following = null;
    if (this.front.spoilt || !this.front.times) {
      this.reveal();
      const text = this.front.spoilt;
      this.front.spoilt = "";
      if (text) this.on.problem(text);
      return;
    }
    this.front.setRate(this.rate);
    this.front.play();
    if (this.front.isSettled) {
      this.reveal();
      this.on.frame();
    }
  }

  // The clip before stays in sight until this one has its first frame: no black between them.
  reveal() {
    this.front.element.classList.add("is-front");
    this.back.element.classList.remove("is-front");
  }

  // Makes the other screen ready, once this one has shown its own.
  prepare(card) {
    if (!this.front.isSettled && this.front.card && this.front.times) {
      this.following = card;
      return;
    }
    this.following = null;
    if (card.times && filmOf(card) && !(this.back.card && this.back.card.id === card.id)) {
      this.back.spoilt = "";
      this.back.load(card);
    }
  }

  clear() {
    for (const screen of [this.front, this.back]) {
      screen.clear();
      screen.element.classList.remove("is-front");
    }
    this.following = null;
  }

  retry() {
    this.front.url = "";
    const card = this.front.card;
    this.front.load(card);
    this.front.play();
  }

  play() {
    this.front.play();
  }

  pause() {
    this.front.stop();
  }

  setLoop(loops) {
    this.front.loops = loops;
  }

  // Moves to a frame of the video within [low, high], paused. Returns where it will be.
  goto(frame, low, high) {
    this.front.stop();
    const wanted = Math.max(low, Math.min(high, frame));
    this.front.goto(wanted);
    return wanted;
  }

  // Where it will be once the seek in flight is done.
  get heading() {
    return this.front.target === null ? this.front.frame : this.front.want;
  }

  changeRate(direction) {
    const at = RATES.indexOf(this.rate);
    this.rate = RATES[Math.max(0, Math.min(RATES.length - 1, at + direction))];
    this.front.setRate(this.rate);
    if (!this.isPlaying) this.play();
    return this.rate;
  }

  toggleSound() {
    this.sound = !this.sound;
    this.front.element.muted = !this.sound;
    return this.sound;
  }
}
