// Videos without a review proxy: one is asked for, and until it is there a picture or the master itself stands in.

import { call } from "./calls.js";

const ASK_AGAIN_MS = 1500;

export class Proxies {
  // `on`: drawn() when a picture stands in for the clip in hand, arrived() when its proxy is there instead.
  constructor(page, on) {
    this.page = page;
    this.on = on;
    this.known = new Map(); // video → its proxy's address
    this.refused = new Set(); // videos whose masters this browser does not play
    this.card = null;
    page.part("picture").querySelector("img").addEventListener("load", () => this.drawn());
  }

  // Takes over what has been learnt since the card was made.
  fill(card) {
    if (!card.proxy) card.proxy = this.known.get(card.video_id) ?? null;
    if (this.refused.has(card.video_id)) card.master = null;
  }

  // The clip in hand; null: none.
  expect(card) {
    clearTimeout(this.timer);
    this.card = card;
    if (card) this.fill(card);
    this.draw();
    if (card && !card.proxy) this.ask(card);
  }

  // The browser cannot play a master: true where a picture stands in now.
  refuse(card) {
    if (!card || card.proxy || !card.master) return false;
    this.refused.add(card.video_id);
    this.fill(card);
    if (card === this.card) this.draw();
    return true;
  }

  get standsIn() {
    return this.card !== null && !this.card.proxy && !this.card.master;
  }

  draw() {
    const node = this.page.part("picture");
    node.hidden = !this.standsIn;
    this.page.root.dataset.picture = "";
    if (!this.standsIn) return;
    const image = node.querySelector("img");
    if (image.getAttribute("src") !== this.card.poster) image.src = this.card.poster;
    else if (image.complete) this.drawn();
  }

  drawn() {
    if (!this.standsIn) return;
    this.page.root.dataset.picture = this.card.id;
    this.on.drawn();
  }

  async ask(card) {
    try {
      const { proxy } = await call(`videos/${card.video_id}/proxy`, {});
      if (proxy) this.known.set(card.video_id, proxy);
    } catch {
      // Asked again in a moment.
    }
    if (this.card !== card) return;
    const stoodIn = this.standsIn;
    this.fill(card);
    if (!card.proxy) this.timer = setTimeout(() => this.ask(card), ASK_AGAIN_MS);
    else if (stoodIn) {
      this.draw();
      this.on.arrived();
    }
  }
}
