// When each frame of a clip and of its surroundings shows, from the video's own table. Frames count within the video.

const TOLERANCE_SECONDS = 5e-6; // players round the time of a frame to microseconds

export class Times {
  constructor(card) {
    [this.first, this.end] = card.window;
    const [num, den] = card.time_base;
    this.begins = new Float64Array(this.end - this.first + 1);
    let tick = card.times.first_tick;
    let at = 0;
    this.begins[0] = (tick * num) / den;
    for (const [step, count] of card.times.runs) {
      for (let n = 0; n < count; n++) {
        tick += step;
        this.begins[++at] = (tick * num) / den;
      }
    }
  }

  // When a frame begins, in seconds of the proxy; `end` is allowed.
  begin(frame) {
    return this.begins[Math.max(0, Math.min(frame - this.first, this.begins.length - 1))];
  }

  // Where to seek for a frame: the middle of the time it shows, so that no rounding can miss it.
  middle(frame) {
    return (this.begin(frame) + this.begin(frame + 1)) / 2;
  }

  // The frame that shows at a time; clamped to the window.
  frameAt(seconds) {
    const wanted = seconds + TOLERANCE_SECONDS;
    let low = 0;
    let high = this.begins.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.begins[middle] <= wanted) low = middle;
      else high = middle - 1;
    }
    return this.first + low;
  }
}

export function clock(seconds) {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const minutes = Math.floor(hundredths / 6000);
  const rest = (hundredths % 6000) / 100;
  const hours = Math.floor(minutes / 60);
  const small = `${String(minutes % 60).padStart(2, "0")}:${rest.toFixed(2).padStart(5, "0")}`;
  return hours ? `${hours}:${small}` : small;
}
