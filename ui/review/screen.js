// One <video> that shows frames by number: one seek in flight, the latest wins, and what is shown is read back.

import { Times } from "./times.js";

// Where a clip's film comes from: the review proxy, or until it is there the master, where browsers play that.
export const filmOf = (card) => card.proxy || card.master;

const MOST_TRIES = 5;
const SILENT_MS = 150; // a seek to the frame that is shown already may present nothing
const NEAR_END_SECONDS = 0.2;
const EARLY_MS = 7; // timers are late rather than early; the last frame must not give way to the next clip's first

export class Screen {
  // `on`: frame(screen) for each frame presented, settled(screen), ended(screen), problem(screen, text).
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.card = null;
    this.times = null;
    this.frame = null; // the one that is shown
    this.want = null;
    this.target = null; // of the seek in flight
    this.playing = false; // what is wished for; the element follows
    this.loops = true;
    this.rate = 1;
    this.url = "";
    const next = (now, facts) => {
      element.requestVideoFrameCallback(next);
      this.presented(facts);
    };
    element.requestVideoFrameCallback(next);
    element.addEventListener("seeked", () => this.seeked());
    element.addEventListener("loadedmetadata", () => this.target !== null && this.seek());
    element.addEventListener("ended", () => this.card && this.playing && this.atEnd());
    element.addEventListener("error", () => this.card && this.on.problem(this, mediaProblem(element)));
  }

  get isSettled() {
    return this.card !== null && this.frame !== null && this.target === null;
  }

  // Shows the clip's first frame, paused.
  load(card) {
    this.stop();
    this.card = card;
    this.frame = null;
    this.target = null;
    this.tries = 0;
    this.times = null;
    const film = filmOf(card);
    if (!card.times || !film) return;
    this.times = new Times(card);
    if (this.url !== film || this.element.error) {
      this.url = film;
      this.element.src = film;
    }
    this.goto(card.start_frame);
  }

  clear() {
    this.stop();
    this.card = null;
    this.frame = null;
    this.target = null;
  }

  goto(frame) {
    this.want = frame;
    if (this.target === null) {
      this.tries = 0;
      this.seek();
    }
  }

  seek() {
    this.target = this.want;
    clearTimeout(this.silence);
    if (this.element.readyState >= HTMLMediaElement.HAVE_METADATA) {
      this.element.currentTime = this.times.middle(this.target);
    }
  }

  seeked() {
    clearTimeout(this.silence);
    if (this.target === null) return;
    const target = this.target;
    this.silence = setTimeout(() => this.target === target && !this.element.seeking && this.arrived(target), SILENT_MS);
  }

  presented(facts) {
    if (!this.card || !this.times) return;
    const frame = this.times.frameAt(facts.mediaTime);
    if (this.target !== null) {
      if (frame === this.target) this.arrived(frame);
      else if (!this.element.seeking && this.element.readyState >= 2) this.missed();
      return;
    }
    this.frame = frame;
    if (this.playing) this.watchEnd(facts);
    this.on.frame(this);
  }

  missed() {
    if (++this.tries < MOST_TRIES) this.seek();
    else this.on.problem(this, `frame ${this.target - this.card.start_frame} cannot be shown`);
  }

  arrived(frame) {
    clearTimeout(this.silence);
    this.frame = frame;
    this.target = null;
    this.tries = 0;
    if (this.want !== frame) {
      this.on.frame(this);
      this.seek();
      return;
    }
    if (this.playing) this.start();
    this.on.frame(this);
    this.on.settled(this);
  }

  play() {
    this.playing = true;
    if (this.target === null && this.frame !== null) {
      if (this.frame >= this.card.end_frame - 1) this.goto(this.card.start_frame);
      else this.start();
    }
  }

  start() {
    const { start_frame, end_frame } = this.card;
    if (this.frame === end_frame - 1) {
      if (end_frame - start_frame > 1) this.goto(start_frame); // a clip of one frame is a still
      return;
    }
    this.element.playbackRate = this.rate;
    this.element.play().catch(() => {}); // interrupted by a pause: nothing to do
  }

  stop() {
    this.playing = false;
    clearTimeout(this.endTimer);
    this.element.pause();
  }

  setRate(rate) {
    this.rate = rate;
    this.element.playbackRate = rate;
  }

  watchEnd(facts) {
    clearTimeout(this.endTimer);
    const isLast = this.frame === this.card.end_frame - 1;
    if (isLast) this.element.pause(); // at once: it is held here for as long as it shows, however late a timer comes
    const left = (this.times.begin(this.card.end_frame) - facts.mediaTime) / this.rate;
    if (this.frame >= this.card.end_frame || left <= 0) this.atEnd();
    else if (isLast || left < NEAR_END_SECONDS) {
      const shownAgo = performance.now() - facts.expectedDisplayTime;
      this.endTimer = setTimeout(() => this.playing && this.atEnd(), Math.max(0, left * 1000 - shownAgo - (isLast ? 0 : EARLY_MS)));
    }
  }

  atEnd() {
    clearTimeout(this.endTimer);
    this.element.pause();
    if (this.loops) {
      this.goto(this.card.start_frame);
      return;
    }
    this.playing = false;
    this.goto(this.card.end_frame - 1);
    this.on.ended(this);
  }
}

function mediaProblem(element) {
  const code = element.error ? element.error.code : 0;
  if (code === MediaError.MEDIA_ERR_NETWORK) return "the video broke off on its way here";
  if (code === MediaError.MEDIA_ERR_DECODE) return "the browser cannot decode the video";
  return "the video is not there, or the browser cannot play it";
}
