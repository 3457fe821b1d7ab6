// One clip in a grid: its poster, and while the pointer moves over it (or arrow keys do) its other frames, from one
// picture. No <video>: twenty-four of them would starve the page.
import { chip, clock, duration, h, link } from "/ui/shell/kit.js";

const TILES = 10;

export function card(clip, more) {
  const version = clip.v ? `?v=${clip.v}` : "";
  const image = h("img", { src: `/media/clips/${clip.id}/poster${version}`, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.classList.add("missing"));
  const score = clip.score === null ? null : h("span", { class: "q-tag q-score", title: "cosine similarity" }, clip.score.toFixed(3));
  const file = clip.file_profile ? h("span", { class: "q-tag q-file", title: `Its file is exported: profile ${clip.file_profile}` }, "file") : null;
  const poster = h("div", { class: "q-poster" }, image, score, file, h("span", { class: "q-tag" }, duration(clip.end_seconds - clip.start_seconds)));
  const about = `${clip.title}, ${clock(clip.start_seconds)} to ${clock(clip.end_seconds)}`;
  const open = link("review", { clip: clip.id }, { class: "q-open", "aria-label": `Open clip ${clip.id}: ${about}` }, poster, h("h3", { title: clip.title }, clip.title));
  const scrub = scrubber(poster, `/media/clips/${clip.id}/sprite${version}`);
  open.addEventListener("pointermove", (event) => scrub.at(event.offsetX / poster.clientWidth));
  open.addEventListener("pointerleave", scrub.leave);
  open.addEventListener("blur", scrub.leave);
  open.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") scrub.step(event.key === "ArrowRight" ? 1 : -1);
    else if (event.key === "m" || event.key === "M") more();
    else return;
    event.preventDefault();
  });
  const like = h("button", { type: "button", class: "h-button quiet", title: "More like this", "aria-label": `More like clip ${clip.id}`, onclick: more }, "similar");
  return h(
    "li",
    { class: "q-card" },
    open,
    h("div", { class: "q-meta" }, chip(clip.state), h("span", { class: "h-num" }, clock(clip.start_seconds)), like),
  );
}

// Shows tile n of the sprite over the poster; the sprite is asked for when first needed.
function scrubber(poster, source) {
  let layer = null;
  let tile = -1;
  const show = (wanted) => {
    if (!layer) {
      const bar = h("i");
      layer = h("div", { class: "q-sprite" }, h("div", { class: "q-scrub" }, bar));
      layer.bar = bar;
      const sprite = new Image();
      sprite.onload = () => {
        layer.style.backgroundImage = `url("${source}")`;
        layer.isReady = true;
        if (tile >= 0) draw();
      };
      sprite.src = source;
    }
    tile = Math.min(TILES - 1, Math.max(0, wanted));
    if (layer.isReady) draw();
  };
  const draw = () => {
    layer.style.backgroundPosition = `${(tile / (TILES - 1)) * 100}% 0`;
    layer.bar.style.width = `${((tile + 1) / TILES) * 100}%`;
    poster.insertBefore(layer, poster.querySelector(".q-tag"));
  };
  return {
    at: (share) => show(Math.floor(share * TILES)),
    step: (by) => show(tile + by),
    leave: () => {
      tile = -1;
      layer?.remove();
    },
  };
}

export function skeletons(count) {
  const one = () => h("li", { class: "q-card" }, h("div", { class: "q-poster h-skeleton" }), h("h3", { class: "h-skeleton" }, "\u00a0"));
  return h("ul", { class: "q-grid", "aria-hidden": "true" }, ...Array.from({ length: count }, one));
}
