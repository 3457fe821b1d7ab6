// Four plots as inline SVG. Each has a text for those who do not see it, and a title on every mark.
import { duration, h, number, svg } from "/ui/shell/kit.js";

const WIDTH = 440;
const HEIGHT = 150;
const LEFT = 34;
const BOTTOM = 18;
// What happens to clips on a day: they are made by the detector or an edit, and decided.
const MADE = ["made", "made", "var(--h-accent)"];
const DECIDED = [
  ["review_approved", "approved", "var(--h-good)"],
  ["review_skipped", "skipped", "var(--h-text-3)"],
  ["review_archived", "archived", "var(--h-bad)"],
];
const SERIES = ["var(--h-heat)", "var(--h-accent)", "var(--h-good)", "var(--h-violet)", "var(--h-warn)", "var(--h-bad)"];

export function drawPlots(place, figures) {
  place.replaceChildren(days(figures), seconds(figures), confidence(figures), pace(figures));
}

function plot(title, text, drawing, legend = []) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${text}` }, ...drawing);
  const key = legend.map(([label, colour]) => {
    const item = h("span", { class: "h-chip" }, label);
    item.style.setProperty("--h-dot", colour);
    return item;
  });
  return h("div", { class: "h-card s-plot" }, h("h3", { style: { marginBottom: "10px" } }, title), picture, h("div", { class: "s-legend" }, ...key));
}

const label = (x, y, text, anchor = "middle") => {
  const element = svg("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
};

const bar = (x, y, width, height, colour, title) => {
  const name = svg("title");
  name.textContent = title;
  return svg("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), style: `fill:${colour}` }, name);
};

// The lines to read a height by: 0, half, and a round number above the highest.
function scale(highest) {
  const step = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
  const top = [1, 2, 5, 10].map((factor) => factor * step).find((value) => value >= highest);
  const y = (value) => 6 + (HEIGHT - BOTTOM - 6) * (1 - value / top);
  const marks = (top === 1 ? [0, 1] : [0, top / 2, top]).flatMap((value) => [
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    label(LEFT - 6, y(value) + 4, number(value), "end"),
  ]);
  return { y, marks };
}

function nothing(title, text) {
  return plot(title, text, [label(WIDTH / 2, HEIGHT / 2, text)]);
}

// For each day two bars: the clips that were made, and the decisions, one kind on the other.
function days({ days: rows, day_count: count }) {
  const title = `Clips a day, last ${count} days`;
  const dates = Array.from({ length: count }, (_, n) => new Date(Date.now() - (count - 1 - n) * 86400e3).toISOString().slice(0, 10));
  const at = new Map(rows.map((row) => [`${row.day} ${row.what}`, row.n]));
  const n = (date, what) => at.get(`${date} ${what}`) ?? 0;
  const decided = (date) => DECIDED.reduce((sum, [what]) => sum + n(date, what), 0);
  const highest = Math.max(...dates.flatMap((date) => [n(date, "made"), decided(date)]));
  if (!highest) return nothing(title, "no clips yet");
  const { y, marks } = scale(highest);
  const slot = (WIDTH - LEFT) / count;
  const bars = dates.flatMap((date, place) => {
    const x = LEFT + place * slot + 2;
    const width = (slot - 5) / 2;
    let below = 0;
    const pieces = DECIDED.map(([what, word, colour]) => {
      const found = n(date, what);
      below += found;
      return found ? bar(x + width + 1, y(below), width, y(below - found) - y(below), colour, `${date}: ${number(found)} ${word}`) : null;
    });
    const made = n(date, "made");
    return [made ? bar(x, y(made), width, y(0) - y(made), MADE[2], `${date}: ${number(made)} made`) : null, ...pieces];
  });
  const names = dates.flatMap((date, place) => ((count - 1 - place) % 3 === 0 ? [label(LEFT + (place + 0.5) * slot, HEIGHT - 4, date.slice(5))] : []));
  const total = (counted) => number(dates.reduce((sum, date) => sum + counted(date), 0));
  const text = `${total((date) => n(date, "made"))} made, ${total(decided)} decided`;
  const legend = [MADE, ...DECIDED].filter(([what]) => dates.some((date) => n(date, what)));
  return plot(title, text, [...marks, ...bars, ...names], legend.map(([, word, colour]) => [word, colour]));
}

// For each stage a line from the 5th to the 95th percentile, a box over the middle half, a mark at the median;
// on a logarithmic axis, since a cut takes milliseconds and a download minutes.
function seconds({ seconds: rows, stage_order: order }) {
  const title = "Seconds an item takes, by stage";
  if (!rows.length) return nothing(title, "nothing was done yet");
  const sorted = order.flatMap((stage) => rows.filter((row) => row.stage === stage));
  const low = Math.floor(Math.log10(Math.max(1e-3, Math.min(...sorted.map((row) => row.quantiles[0])))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1e-2, ...sorted.map((row) => row.quantiles[4])))));
  const left = 74;
  const x = (value) => left + ((WIDTH - left - 10) * (Math.log10(Math.max(value, 10 ** low)) - low)) / (high - low);
  const step = Math.min(22, (HEIGHT - BOTTOM) / sorted.length);
  const grid = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n)).flatMap((value) => [
    svg("line", { class: "axis", x1: x(value), x2: x(value), y1: 0, y2: HEIGHT - BOTTOM }),
    label(x(value), HEIGHT - 4, value < 1 ? `${value * 1000} ms` : `${number(value)} s`, value === 10 ** high ? "end" : "middle"),
  ]);
  const marks = sorted.flatMap(({ stage, n, quantiles: [p5, p25, p50, p75, p95] }, place) => {
    const y = (place + 0.5) * step;
    const told = `${stage}: median ${duration(p50)}, 5 to 95 % ${duration(p5)} to ${duration(p95)}, ${number(n)} calls`;
    return [
      label(left - 8, y + 4, stage, "end"),
      svg("line", { x1: x(p5), x2: x(p95), y1: y, y2: y, style: "stroke:var(--h-text-3)" }),
      bar(x(p25), y - step * 0.28, Math.max(2, x(p75) - x(p25)), step * 0.56, "var(--h-accent)", told),
      bar(x(p50) - 1.5, y - step * 0.38, 3, step * 0.76, "var(--h-text)", told),
    ];
  });
  const text = sorted.map((row) => `${row.stage} ${duration(row.quantiles[2])}`).join(", ");
  return plot(title, `Medians: ${text}`, [...grid, ...marks], [["middle half", "var(--h-accent)"], ["median", "var(--h-text)"]]);
}

function confidence({ confidence: rows }) {
  const title = "How sure the detector is of its cuts";
  if (!rows.length) return nothing(title, "no cuts yet");
  const { y, marks } = scale(Math.max(...rows.map((row) => row.n)));
  const slot = (WIDTH - LEFT) / 20;
  const bars = rows.map(({ bin, n }) =>
    bar(LEFT + bin * slot + 1, y(n), slot - 2, y(0) - y(n), "var(--h-accent)", `${(bin / 20).toFixed(2)}–${((bin + 1) / 20).toFixed(2)}: ${n} cuts`),
  );
  const names = [0, 0.25, 0.5, 0.75, 1].map((value) =>
    label(LEFT + value * (WIDTH - LEFT), HEIGHT - 4, value.toString(), value === 1 ? "end" : value ? "middle" : "start"));
  const total = rows.reduce((sum, row) => sum + row.n, 0);
  const unsure = rows.filter((row) => row.bin < 14).reduce((sum, row) => sum + row.n, 0);
  return plot(title, `${number(unsure)} of ${number(total)} cuts are below 0.7`, [...marks, ...bars, ...names]);
}

function pace({ pace: rows, pace_minutes: minutes }) {
  const title = `Decisions a minute, last ${minutes} minutes`;
  if (!rows.length) return nothing(title, "nobody reviewed in this time");
  const people = [...new Set(rows.map((row) => row.reviewer))].slice(0, SERIES.length);
  const { y, marks } = scale(Math.max(...rows.map((row) => row.n)));
  const x = (ago) => LEFT + ((WIDTH - LEFT) * (minutes - ago)) / minutes;
  const lines = people.map((person, place) => {
    const at = new Map(rows.filter((row) => row.reviewer === person).map((row) => [row.minutes_ago, row.n]));
    const points = Array.from({ length: minutes + 1 }, (_, n) => minutes - n).map((ago) => `${x(ago)},${y(at.get(ago) ?? 0)}`);
    return svg("polyline", { points: points.join(" "), fill: "none", "stroke-width": 1.8, style: `stroke:${SERIES[place]}` });
  });
  const names = [60, 45, 30, 15, 0].filter((ago) => ago <= minutes).map((ago) =>
    label(x(ago), HEIGHT - 4, ago ? `−${ago} min` : "now", ago === 0 ? "end" : ago === minutes ? "start" : "middle"));
  const sum = (person) => rows.filter((row) => row.reviewer === person).reduce((total, row) => total + row.n, 0);
  const text = people.map((person) => `${person} ${sum(person)}`).join(", ");
  return plot(title, text, [...marks, ...lines, ...names], people.map((person, n) => [`${person}: ${number(sum(person))}`, SERIES[n]]));
}
