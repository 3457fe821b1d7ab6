// "last of A | first of B": the two frames on either side of a cut that is being placed.

import { Screen } from "./screen.js";

export class Stills {
  constructor(video, canvases) {
    [this.left, this.right] = canvases;
    this.wanted = null;
    this.screen = new Screen(video, {
      frame: () => {},
      settled: (screen) => {
        if (screen.frame === this.wanted) draw(this.left, screen.element, screen.frame);
      },
      ended: () => {},
      problem: () => {},
    });
  }

  open(card) {
    if (!(this.screen.card && this.screen.card.id === card.id)) this.screen.load(card);
  }

  // `element` shows `frame`, the first of B; the one before it is fetched.
  show(card, element, frame) {
    draw(this.right, element, frame);
    if (frame - 1 < card.window[0] || frame <= 0) {
      this.wanted = null;
      blank(this.left);
      return;
    }
    this.wanted = frame - 1;
    if (this.screen.frame === this.wanted && this.screen.isSettled) draw(this.left, this.screen.element, this.wanted);
    else this.screen.goto(this.wanted);
  }

  close() {
    this.wanted = null;
    this.screen.stop();
  }
}

function draw(canvas, element, frame) {
  if (!element.videoWidth) return;
  const scale = Math.min(560 / element.videoWidth, 315 / element.videoHeight, 1);
  canvas.width = Math.max(2, Math.round(element.videoWidth * scale));
  canvas.height = Math.max(2, Math.round(element.videoHeight * scale));
  canvas.getContext("2d").drawImage(element, 0, 0, canvas.width, canvas.height);
  canvas.dataset.frame = frame;
}

function blank(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  canvas.dataset.frame = "";
}
