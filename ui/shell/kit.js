// What every tab uses: elements without HTML strings, requests with one kind of error, the address, the clock.
// It knows no tab. Text from people goes through `textContent` alone.

// h("a", {class: "x", href: "/", onclick: f, "aria-label": "…"}, "text", child, …)
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") Object.assign(element.style, value);
    else if (name in element && typeof value === "boolean") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// The same for SVG.
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat().filter(Boolean));
  return element;
}

// Bring a tab to life once: where Gradio draws it anew, what was there goes into the new place as it is.
const kept = new Map();

export function keep(name, element, mount) {
  const known = kept.get(name);
  if (known) {
    element.replaceChildren(known);
    return;
  }
  const root = h("div", { style: { height: "100%" } }, [...element.childNodes]);
  element.append(root);
  kept.set(name, root);
  mount(root);
  root.firstElementChild.hidden = false; // before that nobody could use it
}

// ---------------------------------------------------------------- requests

export class Refused extends Error {
  constructor(status, type, message) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

// JSON in, JSON out. Throws Refused: status 0 when the server cannot be reached.
export async function api(path, { method = "GET", body, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: method === "GET" ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    setOffline(true);
    throw new Refused(0, "offline", "The server cannot be reached.");
  }
  setOffline(false);
  if (answer.ok) return answer.json();
  if (answer.status === 401) signIn();
  throw await refusal(answer);
}

// What a refused answer says.
export async function refusal(answer) {
  try {
    const { error } = await answer.json();
    return new Refused(answer.status, error.type, error.message);
  } catch {
    return new Refused(answer.status, "unavailable", `The server answered ${answer.status}.`);
  }
}

export function signIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

let offline = null;

// The note in the header while the server is away; it asks by itself until it is back.
export function setOffline(isOffline) {
  if (isOffline === (offline !== null)) return;
  if (!isOffline) {
    clearInterval(offline.timer);
    offline.note.remove();
    offline = null;
    window.dispatchEvent(new Event("heaters:online"));
    return;
  }
  const note = h("div", { class: "h-offline", role: "status" }, "Offline: the server cannot be reached. Trying again…");
  document.body.append(note);
  const timer = setInterval(() => fetch("/healthz").then(() => setOffline(false), () => {}), 2000);
  offline = { note, timer };
}

// ---------------------------------------------------------------- the address: ?tab=query&q=…

export const place = {
  // The parameters of the address that belong to `tab`; none when another tab is shown.
  get(tab) {
    const parameters = new URLSearchParams(location.search);
    if ((parameters.get("tab") ?? "review") !== tab) return new URLSearchParams();
    parameters.delete("tab");
    return parameters;
  },
  // Show `tab` with these parameters in the address. `push`: the back button comes back to here.
  set(tab, parameters, { push = false } = {}) {
    const all = new URLSearchParams([["tab", tab], ...new URLSearchParams(parameters)]);
    const address = `/?${all}`;
    if (address === location.pathname + location.search) return;
    history[push ? "pushState" : "replaceState"](null, "", address);
  },
  // Go to a tab as a link would.
  go(tab, parameters = {}) {
    place.set(tab, parameters, { push: true });
    window.dispatchEvent(new PopStateEvent("popstate"));
  },
};

// A link to a tab that does not load the page again.
export function link(tab, parameters, attributes, ...children) {
  const href = `/?${new URLSearchParams([["tab", tab], ...new URLSearchParams(parameters)])}`;
  const onclick = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    place.go(tab, parameters);
  };
  return h("a", { href, onclick, ...attributes }, ...children);
}

// Call `show(parameters)` whenever the tab is shown or its address changed from outside (a link, the back button).
export function whenShown(tab, show) {
  const check = () => document.documentElement.dataset.tab === tab && show(place.get(tab));
  window.addEventListener("heaters:tab", check);
  check();
}

// Call `work` now and every so many seconds while the tab and the page are visible; at once when they become so.
export function whileVisible(tab, seconds, work) {
  let last = 0;
  const isVisible = () => document.visibilityState === "visible" && document.documentElement.dataset.tab === tab;
  const tick = () => {
    if (!isVisible() || Date.now() - last < seconds * 1000 - 50) return;
    last = Date.now();
    work();
  };
  const atOnce = () => {
    last = 0;
    tick();
  };
  setInterval(tick, 500);
  document.addEventListener("visibilitychange", atOnce);
  window.addEventListener("heaters:tab", atOnce);
  window.addEventListener("heaters:online", atOnce);
  atOnce();
  return atOnce;
}

// ---------------------------------------------------------------- telling people

// A line that goes away by itself; screen readers read it.
export function toast(message, kind = "") {
  let corner = document.querySelector(".h-toasts");
  if (!corner) {
    corner = h("div", { class: "h-toasts", role: "status", "aria-live": "polite" });
    document.body.append(corner);
  }
  const line = h("div", { class: `h-toast ${kind}` }, message);
  corner.append(line);
  setTimeout(() => line.remove(), kind === "bad" ? 8000 : 4000);
}

const MARKS = {
  empty: "M4 8h24v18H4zM4 13h24M9 8V5M16 8V5M23 8V5",
  search: "M14 5a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM20.5 20.5l7 7",
  error: "M16 4l13 23H3zM16 12v7M16 22.5v1.5",
  wait: "M16 4a12 12 0 1 1-12 12M16 9v7l5 3",
};

// The one shape for "nothing here", "went wrong" and the like.
export function note(mark, title, text, ...actions) {
  const path = svg("path", { d: MARKS[mark], fill: "none", stroke: "currentColor", "stroke-width": 1.6 });
  const picture = svg("svg", { viewBox: "0 0 32 32", class: "mark", "aria-hidden": "true" }, path);
  const row = actions.length ? [h("div", { class: "h-row" }, ...actions)] : [];
  return h("div", { class: "h-note" }, picture, h("h2", {}, title), text ? h("p", {}, text) : null, ...row);
}

export function button(label, onclick, attributes = {}) {
  return h("button", { type: "button", class: "h-button", onclick, ...attributes }, label);
}

// What was decided of a clip, in words.
export const STATES = {
  pending_review: "to review",
  review_approved: "approved",
  review_skipped: "skipped",
  review_archived: "archived",
};

export function chip(state) {
  return h("span", { class: "h-chip", dataset: { state } }, STATES[state] ?? state);
}

// ---------------------------------------------------------------- figures

export function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  const text = hours ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
  return `${text}.${Math.floor((seconds - whole) * 10)}`;
}

export function duration(seconds) {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.round((seconds % 86400) / 3600)} h`;
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = count;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export const number = (value) => new Intl.NumberFormat("en-US").format(value);

// Whether a key press belongs to a field or a dialog, and is nobody's short cut.
export function isTyping(event) {
  const at = event.target;
  return (
    event.defaultPrevented ||
    (at instanceof Element && (at.matches("input, textarea, select, [contenteditable]") || at.closest("dialog")))
  );
}
