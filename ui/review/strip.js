// The film strip under the picture: thumbnails, the detector's probabilities, cuts, playhead. Dragging scrubs; dragging
// a cut's handle moves the cut.

const TILES = 10; // of a sprite
const TILE_ASPECT = 16 / 9;
const CURVE_SHARE = 0.5; // of the height
const CONTEXT_SHARE = 0.09; // of the clip's length, on either side
const LEAST_CONTEXT_FRAMES = 6;

export class Strip {
  // `on`: scrub(frame), grab("start" | "end", frame).
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.canvas = root.querySelector("canvas");
    this.playhead = root.querySelector("[data-part=playhead]");
    this.ghost = root.querySelector("[data-part=ghost]");
    this.handles = { start: root.querySelector("[data-part=start]"), end: root.querySelector("[data-part=end]") };
    this.images = new Map();
    this.card = null;
    new ResizeObserver(() => this.draw()).observe(root);
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributes: true });
    new MutationObserver(() => this.draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.listen();
  }

  show(card) {
    this.card = card;
    this.wide = false;
    this.root.classList.toggle("is-empty", !card);
    if (card) this.fetch(card);
    this.draw();
  }

  // While a cut is moved, more of the neighbours is in sight.
  widen(wide) {
    if (this.wide === wide) return;
    this.wide = wide;
    this.draw();
  }

  fetch(card) {
    if (this.images.has(card.id)) return;
    const image = new Image();
    image.decoding = "async";
    image.src = `/media/clips/${card.id}/sprite`;
    image.onload = () => this.card && this.draw();
    this.images.set(card.id, image);
    for (const id of this.images.keys()) {
      if (this.images.size <= 12) break;
      this.images.delete(id);
    }
  }

  get range() {
    const { start_frame, end_frame, window } = this.card;
    const share = Math.max(LEAST_CONTEXT_FRAMES, Math.round((end_frame - start_frame) * CONTEXT_SHARE));
    const context = this.wide ? Infinity : share;
    return [Math.max(window[0], start_frame - context), Math.min(window[1], end_frame + context)];
  }

  x(frame) {
    const [low, high] = this.range;
    return ((frame - low) / (high - low)) * this.root.clientWidth;
  }

  frameAt(x) {
    const [low, high] = this.range;
    return Math.max(low, Math.min(high - 1, Math.floor(low + (x / this.root.clientWidth) * (high - low))));
  }

  // The playhead stands in the middle of its frame; a cut being placed stands before it.
  move(frame, cut) {
    if (!this.card || frame === null) return;
    this.playhead.style.transform = `translateX(${this.x(frame + 0.5)}px)`;
    this.ghost.hidden = cut === null;
    if (cut !== null) this.ghost.style.transform = `translateX(${this.x(cut)}px)`;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const ink = getComputedStyle(this.root);
    const colour = (name) => ink.getPropertyValue(name).trim();
    pen.fillStyle = colour("--rv-strip");
    pen.fillRect(0, 0, width, height);
    if (!this.card) return;
    this.drawTiles(pen, height);
    this.drawCurves(pen, height, colour);
    this.drawShade(pen, width, height, colour);
    for (const [end, frame] of [["start", this.card.start_frame], ["end", this.card.end_frame]]) {
      const has = end === "start" ? this.card.previous : this.card.next;
      this.handles[end].hidden = !has;
      this.handles[end].style.transform = `translateX(${this.x(frame)}px)`;
    }
  }

  drawTiles(pen, height) {
    const { previous, next, start_frame, end_frame } = this.card;
    const around = [
      [this.card.id, start_frame, end_frame],
      previous && [previous.id, previous.start_frame, start_frame],
      next && [next.id, end_frame, next.end_frame],
    ];
    for (const entry of around) {
      if (!entry) continue;
      const [id, first, end] = entry;
      const image = this.images.get(id);
      if (!image || !image.complete || !image.naturalWidth) continue;
      const [tileWidth, tileHeight] = [image.naturalWidth / TILES, image.naturalHeight];
      const left = this.x(first);
      const right = this.x(end);
      const count = Math.max(1, Math.round((right - left) / (height * TILE_ASPECT)));
      const step = (right - left) / count;
      pen.save();
      pen.beginPath();
      pen.rect(left, 0, right - left, height);
      pen.clip();
      for (let n = 0; n < count; n++) {
        const tile = Math.min(TILES - 1, Math.floor(((n + 0.5) / count) * TILES));
        cover(pen, image, tile * tileWidth, tileWidth, tileHeight, left + n * step, step, height);
      }
      pen.restore();
    }
  }

  drawCurves(pen, height, colour) {
    if (!this.card.curves) return;
    const [single, many] = this.card.curves;
    const top = height * (1 - CURVE_SHARE);
    const shade = pen.createLinearGradient(0, top - 12, 0, height);
    shade.addColorStop(0, "transparent");
    shade.addColorStop(1, colour("--rv-strip"));
    pen.fillStyle = shade;
    pen.fillRect(0, top - 12, this.root.clientWidth, height);
    this.drawCurve(pen, many, height, colour("--rv-curve-many"), 0.35);
    this.drawCurve(pen, single, height, colour("--rv-curve"), 0.3);
  }

  drawCurve(pen, { bin_frames, values }, height, colour, fill) {
    const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
    const [low, high] = this.range;
    const first = this.card.window[0];
    const room = height * CURVE_SHARE - 2;
    pen.beginPath();
    pen.moveTo(this.x(low), height);
    for (let n = 0; n < bytes.length; n++) {
      const frame = first + n * bin_frames;
      if (frame + bin_frames < low || frame > high) continue;
      pen.lineTo(this.x(frame + bin_frames / 2), height - 1 - (bytes[n] / 255) * room);
    }
    pen.lineTo(this.x(high), height);
    pen.globalAlpha = fill;
    pen.fillStyle = colour;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour;
    pen.lineWidth = 1.25;
    pen.stroke();
  }

  drawShade(pen, width, height, colour) {
    pen.fillStyle = colour("--rv-strip-shade");
    pen.fillRect(0, 0, this.x(this.card.start_frame), height);
    const right = this.x(this.card.end_frame);
    pen.fillRect(right, 0, width - right, height);
  }

  listen() {
    let grabbed = null;
    const frameOf = (event) => this.frameAt(event.clientX - this.root.getBoundingClientRect().left);
    this.root.addEventListener("pointerdown", (event) => {
      if (!this.card || event.button) return;
      grabbed = event.target.dataset.part === "start" || event.target.dataset.part === "end" ? event.target.dataset.part : "";
      this.root.setPointerCapture(event.pointerId);
      if (grabbed) this.on.grab(grabbed, null);
      else this.on.scrub(frameOf(event));
      event.preventDefault();
    });
    this.root.addEventListener("pointermove", (event) => {
      if (grabbed === null) return;
      if (grabbed) this.on.grab(grabbed, frameOf(event));
      else this.on.scrub(frameOf(event));
    });
    for (const name of ["pointerup", "pointercancel"]) this.root.addEventListener(name, () => (grabbed = null));
  }
}

// Draws a part of an image so that it covers a box, its middle in the box's middle.
function cover(pen, image, left, width, height, x, boxWidth, boxHeight) {
  const scale = Math.max(boxWidth / width, boxHeight / height);
  const [partWidth, partHeight] = [boxWidth / scale, boxHeight / scale];
  pen.drawImage(image, left + (width - partWidth) / 2, (height - partHeight) / 2, partWidth, partHeight, x, 0, boxWidth, boxHeight);
}
