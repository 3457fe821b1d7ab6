// The frame: which tab is shown, the person, the theme, help. Tabs are Gradio's; the address decides which is open.
//
//   ?tab=review&clip=ID   opens a clip in its context
//   ?tab=query&q=…        a search
//
// A tab hears `heaters:tab` on the window when the one that is shown changed, or its address did;
// `document.documentElement.dataset.tab` names it.
import { api, h, isTyping, place, toast } from "/ui/shell/kit.js";

const NAMES = ["review", "query", "status", "submit"];
const COUNT_SECONDS = 10;
const tabOf = (name) => document.querySelector(`#tabs [role="tab"][data-tab-id="${name}"]`);
const help = new Map();

// Give a tab's part of the help sheet: `rows()` → [[keys, what they do], …] where keys is an array.
export function addHelp(title, rows) {
  help.set(title, rows);
}

export function mount(element) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  api("/api/session").then((session) => {
    part("person").textContent = session.name;
    part("person").title = `${session.name}, ${session.role}`;
    part("sign-out").hidden = !session.can_sign_out;
    document.documentElement.dataset.role = session.role;
    window.dispatchEvent(new Event("heaters:session"));
  }, () => {});
  part("sign-out").addEventListener("click", async () => {
    await api("/api/session", { method: "DELETE" });
    location.assign("/login");
  });
  part("theme").addEventListener("click", switchTheme);
  part("help").addEventListener("click", showHelp);
  document.addEventListener("keydown", shortcut);
  // What the Review tab tells the frame: how many clips wait, and that somebody wants to search.
  document.addEventListener("heaters:pending", (event) => setCount("review", event.detail));
  document.addEventListener("heaters:tab", (event) => (event.detail === "query" ? search() : place.go(event.detail)));
  followTabs();
  setInterval(count, COUNT_SECONDS * 1000);
  count();
}

function switchTheme() {
  const theme = document.documentElement.dataset.theme !== "light" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  document.documentElement.style.colorScheme = theme;
  try {
    localStorage.setItem("heaters.theme", theme);
  } catch {
    // It holds until the page is left.
  }
}

// ---------------------------------------------------------------- tabs

function followTabs() {
  const wanted = () => {
    const name = new URLSearchParams(location.search).get("tab");
    return NAMES.includes(name) ? name : "review";
  };
  const show = () => {
    const name = wanted();
    document.documentElement.dataset.tab = name;
    const tab = tabOf(name);
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
    document.title = `${name[0].toUpperCase()}${name.slice(1)} · Heaters`;
    window.dispatchEvent(new Event("heaters:tab"));
  };
  window.addEventListener("popstate", show);
  // Gradio draws its tabs after us, and a click on one is the person's.
  document.addEventListener("click", (event) => {
    const tab = event.target instanceof Element && event.target.closest('#tabs [role="tab"]');
    if (!tab || !event.isTrusted || wanted() === tab.dataset.tabId) return;
    place.go(tab.dataset.tabId);
  });
  const ready = () => tabOf("submit") && (show(), mend(), true);
  if (!ready()) {
    const watcher = new MutationObserver(() => ready() && watcher.disconnect());
    watcher.observe(document.body, { childList: true, subtree: true });
  }
}

// What Gradio's row of tabs leaves out for people who cannot see it.
function mend() {
  document.querySelector("#tabs [role='tablist']").setAttribute("aria-label", "Heaters");
  for (const name of NAMES) {
    const tab = tabOf(name);
    if (!tab.getAttribute("aria-controls")) tab.removeAttribute("aria-controls");
  }
}

// How many clips wait, on the Review tab. `setCount` is also for the Review tab itself, which knows at once.
export function setCount(name, value) {
  const tab = tabOf(name);
  if (!tab) return;
  if (value === null) delete tab.dataset.count;
  else tab.dataset.count = value > 9999 ? "9999+" : value;
}

async function count() {
  if (document.visibilityState !== "visible") return;
  try {
    setCount("review", (await api("/api/status/waiting")).clips);
  } catch {
    // The bar says that the server is away.
  }
}

// ---------------------------------------------------------------- keys and help

function shortcut(event) {
  // The Review tab has its own keys, these two among them.
  const isTaken = document.documentElement.dataset.tab === "review";
  if (isTaken || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") {
    event.preventDefault();
    showHelp();
  } else if (event.key === "/") {
    event.preventDefault();
    search();
  }
}

// Go to the Query tab and into its field.
function search() {
  place.go("query", place.get("query"));
  // The Query tab may be drawn for the first time just now.
  const ask = (left) => {
    if (document.querySelector("#query [data-part=q]")) window.dispatchEvent(new Event("heaters:search"));
    else if (left) requestAnimationFrame(() => ask(left - 1));
  };
  ask(120);
}

const EVERYWHERE = [
  [["?"], "This sheet"],
  [["/"], "Search"],
];

export function showHelp() {
  if (document.documentElement.dataset.tab === "review") {
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "?" }));
    return;
  }
  document.querySelector("dialog.h-dialog")?.remove();
  const parts = [["Everywhere", EVERYWHERE], ...[...help].map(([title, rows]) => [title, rows()])];
  const dialog = h(
    "dialog",
    { class: "h-dialog", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    ...parts.flatMap(([title, rows]) => [h("h3", {}, title), h("dl", {}, ...rows.flatMap(row))]),
    h("form", { method: "dialog", style: { marginTop: "24px" } }, h("button", { class: "h-button" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function row([keys, does]) {
  return [h("dt", {}, ...keys.flatMap((key, n) => [n ? " " : "", h("kbd", {}, key)])), h("dd", {}, does)];
}

window.addEventListener("unhandledrejection", (event) => {
  if (event.reason?.status !== undefined) {
    event.preventDefault();
    toast(event.reason.message, "bad");
  }
});
