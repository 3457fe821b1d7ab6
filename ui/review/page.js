// What the reviewer sees besides the picture. Words from outside (titles, names) go in as text, never as markup.

import { WORDS } from "./desk.js";
import { clock } from "./times.js";

const SAVE_WORDS = {
  saved: () => "Saved",
  saving: (n) => `Saving ${n}…`,
  retrying: (n) => (n ? `Retrying… ${n} waiting` : "Retrying…"),
  offline: (n) => (n ? `Offline · ${n} waiting` : "Offline"),
  signedout: (n) => (n ? `Signed out · ${n} waiting` : "Signed out"),
};
export const STATES = { review_approved: "approved", review_skipped: "skipped", review_archived: "archived", pending_review: "waits" };
const NOTICE_MS = 4500;
const MOST_NOTICES = 3;

export class Page {
  constructor(root) {
    this.root = root;
    this.parts = new Map();
    for (const node of root.querySelectorAll("[data-part]")) this.parts.set(node.dataset.part, node);
    setInterval(() => this.desk && this.showPace(), 5000);
  }

  part(name) {
    return this.parts.get(name);
  }

  text(name, text) {
    const node = this.part(name);
    if (node.textContent !== text) node.textContent = text;
  }

  // ------------------------------------------------------------------------------------------ states

  state(word) {
    if (this.root.dataset.state !== word) this.root.dataset.state = word;
    if (word === "loading") this.veil("Getting your clips…", "", [], true);
  }

  // The server does not answer what the page cannot go on without.
  waiting(word) {
    this.save(word, this.desk ? this.desk.outbox.length : 0);
    if (word === "signedout") this.signedOut();
    else if (!this.desk || !this.desk.current) {
      const title = word === "offline" ? "You are offline" : "The server does not answer";
      this.veil(title, "Nothing is lost. This page goes on by itself as soon as it can.", [], true);
    }
  }

  signedOut() {
    this.root.dataset.state = "signedout";
    const next = encodeURIComponent(location.pathname + location.search);
    this.veil("You are signed out", "What you decided is kept here and sent once you have signed in.", [["Sign in", () => location.assign(`/login?next=${next}`)]]);
  }

  save(word, waiting) {
    this.root.dataset.save = word;
    this.text("save", SAVE_WORDS[word](waiting));
    if (word === "signedout") this.signedOut();
    else if (this.root.dataset.state === "signedout") this.back();
  }

  back() {
    if (this.desk && this.desk.current) {
      this.root.dataset.state = "playing";
      this.unveil();
    } else this.empty();
  }

  veil(title, text, buttons = [], spins = false) {
    this.part("veil").hidden = false;
    this.part("spinner").hidden = !spins;
    this.text("veil-title", title);
    this.text("veil-text", text);
    this.part("veil-buttons").replaceChildren(...buttons.map(([label, act, main]) => button(label, act, main ? "rv-main-button" : "")));
  }

  unveil() {
    this.part("veil").hidden = true;
  }

  problem(text, buttons) {
    this.root.dataset.state = "problem";
    this.veil("This clip cannot be played", text, buttons);
  }

  // Faster than the queue comes: no reason to say that it is over.
  fetching() {
    this.hooks.clear();
    this.state("loading");
    this.upcoming();
  }

  empty() {
    const { counts, videos, scope } = this.desk;
    this.hooks.clear();
    this.root.dataset.state = "empty";
    const unready = (scope.videos && videos ? videos : []).find((video) => video.state !== "cut");
    const others = counts ? counts.held_by_others : 0;
    if (unready) {
      this.root.dataset.state = "pending";
      this.veil("The proxy is on its way", `The video is ${unready.state}; its clips come here as soon as its cuts are found.`, [], true);
    } else if (others) {
      const who = others === 1 ? "1 clip is" : `${others} clips are`;
      this.veil("Nothing left for you", `${who} in other reviewers' hands. What they give back comes here by itself.`, this.undoButton());
    } else if (counts && counts.decided) this.veil("All clips reviewed", "New clips come here by themselves.", this.undoButton());
    else this.veil("Nothing to review yet", "Submit a video: its clips come here by themselves.", []);
    for (const name of ["number", "title", "length", "frames", "span"]) this.text(name, "");
    for (const name of ["clip", "frame", "shown"]) this.root.dataset[name] = "";
    this.part("facts").replaceChildren();
    this.counts();
    this.upcoming();
  }

  undoButton() {
    return this.desk.recent.length ? [["Undo the last act (U)", () => this.hooks.run("undo")]] : [];
  }

  clear() {
    this.hooks.clear();
  }

  busy(on) {
    clearTimeout(this.busyTimer);
    if (on) this.busyTimer = setTimeout(() => this.root.classList.add("is-busy"), 150);
    else this.root.classList.remove("is-busy");
  }

  notice(text, tone = "info") {
    const box = this.part("notices");
    const last = box.lastElementChild;
    if (last && last.textContent === text) last.remove();
    const node = element("div", `rv-notice is-${tone}`, text);
    box.append(node);
    while (box.children.length > MOST_NOTICES) box.firstElementChild.remove();
    setTimeout(() => node.remove(), NOTICE_MS);
  }

  // ------------------------------------------------------------------------------------------ the clip

  show(card) {
    this.unveil();
    this.root.dataset.state = "playing";
    this.root.dataset.clip = card.id;
    this.root.dataset.frame = "";
    this.text("number", `Clip ${card.number}/${card.clips}`);
    this.text("title", card.title);
    this.text("frames", String(card.end_frame - card.start_frame));
    this.showVerdict(card);
    this.showFacts(card);
    this.hooks.show(card);
    this.upcoming();
  }

  showVerdict(card) {
    const node = this.part("verdict");
    const word = card.is_gone ? "gone" : STATES[card.state];
    node.hidden = card.state === "pending_review" && !card.held_by;
    if (card.held_by) node.textContent = `in ${card.held_by}'s hands`;
    else node.textContent = card.reviewed_by ? `${word} by ${card.reviewed_by}` : word;
  }

  showFacts(card) {
    const share = (value) => (value === null || value === undefined ? "" : ` · ${Math.round(value * 100)} %`);
    const cut = (kind, value, edge) => (kind ? `${kind}${share(value)}` : edge);
    const rows = [
      ["Start", cut(card.start_kind, card.start_confidence, "the beginning")],
      ["End", cut(card.end_kind, card.end_confidence, "the end")],
    ];
    if (card.group_id) rows.push(["Group", `#${card.group_id}`]);
    this.text("span", `#${card.id} · frames ${card.start_frame}–${card.end_frame - 1}`);
    this.part("span").title = `${card.width}×${card.height}${card.is_vfr ? ", variable frame rate" : ""}${card.has_audio ? "" : ", silent"}`;
    this.part("facts").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
    const place = this.part("place").firstElementChild;
    place.style.left = `${(100 * card.start_frame) / card.frame_count}%`;
    place.style.width = `max(3px, ${(100 * (card.end_frame - card.start_frame)) / card.frame_count}%)`;
  }

  // ------------------------------------------------------------------------------------------ the lists

  counts() {
    const counts = this.desk.counts;
    if (!counts) return;
    const total = counts.decided + counts.pending;
    this.text("done", counts.decided.toLocaleString("en"));
    this.text("total", total.toLocaleString("en"));
    const share = total ? Math.round((100 * counts.decided) / total) : 0;
    this.part("bar").firstElementChild.style.width = `${share}%`;
    this.part("bar").setAttribute("aria-valuenow", share);
    this.showPace();
    document.dispatchEvent(new CustomEvent("heaters:pending", { detail: counts.pending }));
  }

  showPace() {
    const pace = this.desk.pace;
    this.text("pace", pace ? `${pace < 10 ? pace.toFixed(1) : Math.round(pace)} per minute` : "");
  }

  upcoming() {
    const cards = this.desk.queue.slice(0, 5);
    this.part("upcoming").replaceChildren(...cards.map((card) => this.row(
      `Clip ${card.number}`,
      card.times ? `${((card.end_frame - card.start_frame) / rateOf(card)).toFixed(1)} s` : "cannot be read",
      card,
      () => this.hooks.jump(card),
      card.video_id !== (this.desk.current || card).video_id ? card.title : "",
    )));
    if (!cards.length) this.part("upcoming").append(element("li", "rv-none", "Nothing more in hand"));
    this.hooks.upcoming(cards);
  }

  row(name, figure, card, act, title) {
    const item = element("li");
    const box = button("", act, "rv-row");
    const thumb = element("span", "rv-thumb");
    thumb.style.backgroundImage = `url("/media/clips/${card.id}/sprite")`;
    const words = element("span", "rv-words");
    words.append(element("b", "", name));
    if (title) words.append(element("small", "", title));
    box.append(thumb, words, element("span", "rv-figure", figure));
    item.append(box);
    return item;
  }

  recent() {
    const rows = this.desk.recent.map((entry) => {
      const item = element("li");
      const clip = entry.clips[entry.clips.length - 1];
      const box = button("", () => this.hooks.look(clip), `rv-row rv-did is-${entry.action}`);
      const words = element("span", "rv-words");
      words.append(element("b", "", WORDS[entry.action] || entry.action), element("small", "", entry.number ? `Clip ${entry.number} · ${entry.title}` : entry.title));
      box.append(words, element("span", "rv-figure", `#${entry.clips[0]}`));
      item.append(box);
      return item;
    });
    this.part("recent").replaceChildren(...rows);
    if (!rows.length) this.part("recent").append(element("li", "rv-none", "What you decide is listed here; U takes it back"));
  }

  // ------------------------------------------------------------------------------------------ frames

  frame(card, frame, times, placing) {
    const relative = frame - card.start_frame;
    this.root.dataset.frame = relative;
    this.root.dataset.shown = card.id;
    this.text("frame", String(relative));
    this.text("clock", clock(Math.max(0, times.begin(frame) - times.begin(card.start_frame))));
    this.text("length", clock(times.begin(card.end_frame) - times.begin(card.start_frame)));
    if (!placing) return;
    const [left, right] = placing.lengths(frame);
    this.text("left-length", frames(left));
    this.text("right-length", frames(right));
    this.text("cut-text", `cut before frame ${relative}`);
  }

  badge(text, tone = "") {
    const node = this.part("badge");
    node.hidden = !text;
    node.textContent = text;
    node.dataset.tone = tone;
  }

  placing(placing) {
    this.part("stills").hidden = !placing;
    this.root.classList.toggle("is-placing", !!placing);
    this.badge(placing ? placing.badge : "", "placing");
    this.root.dataset.state = placing ? "split" : "playing";
  }
}

function rateOf(card) {
  return card.duration_seconds ? card.frame_count / card.duration_seconds : 25;
}

function frames(count) {
  if (count < 1) return "· nothing";
  return count === 1 ? "· 1 frame" : `· ${count} frames`;
}

export function element(name, className = "", text = "") {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

export function button(label, act, className = "") {
  const node = element("button", className, label);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}
