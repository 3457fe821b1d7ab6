// The Review tab: puts its parts together on the element that the page gives.

import { About } from "./about.js";
import { call } from "./calls.js";
import { Commands } from "./commands.js";
import { Desk } from "./desk.js";
import { Keyboard, label } from "./keyboard.js";
import { Outbox } from "./outbox.js";
import { Page, button, element } from "./page.js";
import { Player } from "./player.js";
import { Proxies } from "./proxies.js";
import { Sheets, loadOptions } from "./sheets.js";
import { Stills } from "./stills.js";
import { Strip } from "./strip.js";

export function mount(host, table) {
  const root = host.querySelector(".rv");
  if (!root || root.dataset.mounted) return;
  root.dataset.mounted = "1";
  const page = new Page(root);
  const options = loadOptions();
  const outbox = new Outbox((word, waiting) => page.save(word, waiting));
  const desk = new Desk(outbox, page, scopeOf(location));
  page.desk = desk;
  const parts = { table, desk, page, options };

  parts.strip = new Strip(page.part("strip"), {
    scrub: (frame) => commands.scrub(frame),
    grab: (kind, frame) => commands.grab(kind, frame),
  });
  parts.stills = new Stills(page.part("helper"), [page.part("still-left"), page.part("still-right")]);
  parts.player = new Player([...root.querySelectorAll("[data-part=screen]")], {
    frame: () => drawFrame(parts, commands),
    settled: () => commands.settled(),
    ended: () => {},
    problem: (text) => parts.proxies.refuse(parts.player.card) || page.problem(text, problemButtons(commands)),
  });
  parts.proxies = new Proxies(page, { drawn: () => parts.about.seen(desk.current), arrived: () => parts.player.retry() });
  parts.about = new About(page, (id) => desk.whenFree(() => desk.look(id)));
  parts.sheets = new Sheets(page, table, options, {
    videos: async () => (await call("videos", undefined, { method: "GET" })).videos,
    scope: () => desk.scope,
    change: (scope) => {
      desk.change(scope);
      showScope(page, desk);
    },
  });
  const commands = new Commands(parts);
  page.hooks = hooks(parts, commands);
  root.classList.toggle("is-quiet", !options.letters);

  const isLive = () => root.isConnected && root.offsetParent !== null;
  new Keyboard(table, { isLive, run: (command, held) => commands.run(command, held), options });
  drawButtons(page, table);
  root.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-command]");
    if (!pressed) return;
    commands.run(pressed.dataset.command);
    if (event.detail) pressed.blur(); // a click with the mouse must not make Space press the button again
  });
  page.part("stage").addEventListener("click", (event) => {
    if (event.target.matches("video")) commands.run("toggle");
  });
  listen(desk, parts, isLive);
  follow(desk, () => showScope(page, desk));
  showScope(page, desk);
  desk.open(Number(new URLSearchParams(location.search).get("clip")) || null).then(() => showScope(page, desk));
}

function hooks({ player, proxies, strip, desk, about }, commands) {
  return {
    run: (command) => commands.run(command),
    jump: (card) => desk.whenFree(() => desk.jump(card)),
    look: (id) => desk.whenFree(() => desk.look(id)),
    show: (card) => {
      commands.reset();
      about.expect(card);
      proxies.expect(card);
      player.show(card);
      strip.show(card);
      address(card.id);
      if (card.problem) commands.page.problem(card.problem, problemButtons(commands));
    },
    upcoming: ([next, after]) => {
      if (next) {
        proxies.fill(next);
        player.prepare(next);
      }
      for (const card of [next, after]) if (card) strip.fetch(card);
    },
    clear: () => {
      commands.reset();
      about.expect(null);
      proxies.expect(null);
      player.clear();
      strip.show(null);
      address(null);
    },
  };
}

function drawFrame({ player, page, strip, stills, desk, about }, commands) {
  const { card, frame, times } = player;
  if (!card || frame === null || !desk.current || card.id !== desk.current.id) return;
  const place = commands.place;
  page.frame(card, frame, times, place);
  about.seen(desk.current);
  strip.move(frame, place ? frame : null);
  if (place && player.isSettled) stills.show(card, player.front.element, frame);
}

function drawButtons(page, table) {
  const rows = table.filter((row) => row.button);
  page.part("actions").replaceChildren(
    ...rows.map((row) => {
      const node = button("", () => {}, `rv-action is-${row.command}`);
      node.dataset.command = row.command;
      node.title = row.does;
      node.setAttribute("aria-keyshortcuts", row.keys.map((key) => key.replace("Ctrl", "Control")).join(" "));
      node.append(element("span", "", row.button), element("kbd", "", label(row.keys[0])));
      return node;
    }),
  );
}

function problemButtons(commands) {
  return [
    ["Retry (Enter)", () => commands.retry(), true],
    ["Skip (S)", () => commands.run("skip")],
    ["Later (D)", () => commands.run("later")],
  ];
}

function listen(desk, { player, page }, isLive) {
  const goOn = () => page.root.dataset.state === "playing" && player.card && player.play();
  addEventListener("pagehide", () => desk.release());
  // The shell has shown a tab: if it is this one, maybe with another clip than ours.
  addEventListener("heaters:tab", () => {
    if (document.documentElement.dataset.tab !== "review" || !desk.me) return;
    const asked = Number(new URLSearchParams(location.search).get("clip"));
    if (asked && (!desk.current || desk.current.id !== asked)) desk.whenFree(() => desk.look(asked));
    else if (desk.current) {
      address(desk.current.id);
      goOn();
    }
  });
  addEventListener("pageshow", (event) => event.persisted && desk.change(desk.scope));
  addEventListener("beforeunload", (event) => desk.outbox.length && event.preventDefault());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      player.pause();
      return;
    }
    goOn();
    desk.renew();
  });
  // Another tab of ours is in front: silence.
  setInterval(() => !isLive() && player.isPlaying && player.pause(), 500);
}

// A link from another tab of ours: to a clip, or to the clips of a video.
function follow(desk, told) {
  addEventListener("heaters:tab", () => {
    if (!isShown()) return;
    const clip = Number(new URLSearchParams(location.search).get("clip")) || null;
    const scope = scopeOf(location);
    if (clip && clip !== desk.current?.id) desk.whenFree(() => desk.look(clip));
    else if (!clip && scope.videos && String(scope.videos) !== String(desk.scope.videos)) {
      desk.change(scope);
      told();
    }
  });
}

// The address is this tab's only while it is in front.
function isShown() {
  return (document.documentElement.dataset.tab ?? "review") === "review";
}

function scopeOf(place) {
  const asked = new URLSearchParams(place.search);
  const video = Number(asked.get("video"));
  return { videos: Number.isInteger(video) && video > 0 ? [video] : null, uncertain: asked.get("order") === "uncertain" };
}

function showScope(page, desk) {
  const { videos, uncertain } = desk.scope;
  const named = videos && (desk.videos || []).find((video) => video.id === videos[0]);
  const which = videos ? (named ? named.title : `Video ${videos[0]}`) : "All videos";
  page.text("queue", `${which} · ${uncertain ? "least confident first" : "play order"}`);
  if (!isShown()) return;
  const url = new URL(location.href);
  for (const [name, value] of [["video", videos && videos[0]], ["order", uncertain && "uncertain"]]) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.replaceState(history.state, "", url);
}

// The address names the clip, as long as this tab is the one that is shown.
function address(clip) {
  if ((document.documentElement.dataset.tab || "review") !== "review") return;
  if (!isShown()) return;
  const url = new URL(location.href);
  if (clip) url.searchParams.set("clip", clip);
  else url.searchParams.delete("clip");
  history.replaceState(history.state, "", url);
}
