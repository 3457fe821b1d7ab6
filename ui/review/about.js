// What is known of the clip on the screen: what was measured, and what was decided of the clips most like it. It is asked
// for once the clip is seen, never before: a decision does not wait for it.

import { call } from "./calls.js";
import { STATES, button, element } from "./page.js";

const REST_MS = 120; // who goes on at once is asked nothing
const MARKS = { review_approved: "✓", review_skipped: "–", review_archived: "×" };
const ORDER = Object.keys(MARKS);

export class About {
  // `page`: its parts. `open(id)`: look at another clip.
  constructor(page, open) {
    this.page = page;
    this.open = open;
    this.card = null; // the clip that is told of, or will be
    this.timer = null;
  }

  // Another clip comes: what was said of the last one goes, its room stays.
  expect(card) {
    clearTimeout(this.timer);
    this.card = null;
    for (const value of this.page.part("measured").querySelectorAll("dd")) blank(value);
    for (const box of this.page.part("like").children) box.replaceChildren();
    this.page.text("like-words", "");
    if (card) return;
    this.page.part("measured").hidden = this.page.part("like-section").hidden = true;
  }

  // The clip shows its first frame.
  seen(card) {
    if (this.card === card) return;
    this.card = card;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(card), REST_MS);
  }

  async ask(card) {
    let found;
    try {
      found = await call(`clips/${card.id}/about`, undefined, { method: "GET" });
    } catch {
      found = { facts: null, like: null }; // a comfort: what is wrong with the server is said elsewhere
    }
    if (this.card !== card) return;
    this.showFacts(found.facts);
    this.showLike(found.like);
  }

  showFacts(facts) {
    const list = this.page.part("measured");
    list.hidden = !facts;
    if (facts) list.replaceChildren(...facts.map(fact));
  }

  showLike(clips) {
    this.page.part("like-section").hidden = !clips || !clips.length;
    if (!clips || !clips.length) return;
    const counts = ORDER.map((state) => [STATES[state], clips.filter((clip) => clip.state === state).length]).filter(([, n]) => n);
    this.page.text("like-words", counts.map(([word, n]) => `${word} ${n}`).join(" · "));
    const boxes = clips.map((clip) => {
      const item = element("li");
      item.append(this.poster(clip));
      return item;
    });
    this.page.part("like").replaceChildren(...boxes);
  }

  poster(clip) {
    const box = button("", () => this.open(clip.id), `rv-poster is-${clip.state}`);
    const word = `Clip ${clip.id}, ${STATES[clip.state]}: ${clip.title}`;
    box.title = `${word} · similarity ${clip.score.toFixed(2)}`;
    box.setAttribute("aria-label", word);
    const image = element("img");
    image.alt = "";
    image.src = `/media/clips/${clip.id}/poster${clip.v ? `?v=${clip.v}` : ""}`;
    image.addEventListener("error", () => image.remove());
    box.append(image, element("span", "rv-mark", MARKS[clip.state]));
    return box;
  }
}

function fact({ label, text, share, is_odd: isOdd, title }) {
  const box = element("div", isOdd ? "is-odd" : "");
  box.title = title;
  const bar = element("i");
  bar.style.setProperty("--share", share);
  const value = element("dd", "", text);
  value.append(bar);
  box.append(element("dt", "", label), value);
  return box;
}

function blank(value) {
  value.parentElement.classList.remove("is-odd");
  value.replaceChildren("\u00a0", element("i"));
}
