// The board: the pipeline's table, failures by kind, drivers and disks, plots, videos.
import { api, bytes, button, duration, h, link, note, number, toast } from "/ui/shell/kit.js";
import { drawPlots } from "/ui/status/plots.js";

// Why a driver starts no more calls of a stage, by the names of `heaters/runner/budget.py`.
const LIMITS = {
  paused: "an operator paused it; `heaters resume` lets it go on",
  "nothing due": "the driver found nothing that may begin now",
  configuration: "no node could build its worker; `heaters doctor` says what is missing",
  "bytes in flight": "the nodes have no room for more source files at once",
  setting: "as many run as HEATERS_STAGES allows",
  slots: "all its workers are busy",
  CPUs: "all CPUs are taken",
  "model not loaded": "it waits for a whole batch before it loads its model",
};
const isOperator = () => document.documentElement.dataset.role === "operator";

export function drawBoard(page) {
  const table = h("tbody");
  const failures = h("div", { class: "h-card" });
  const failureSection = section("What went wrong", failures);
  const figures = h("div", { class: "s-figures" });
  const plots = h("div", { class: "s-plots" });
  const videos = h("div");
  const retryAll = button("Retry all", () => retry({}, "Everything that failed"), { hidden: true });
  failureSection.querySelector(".s-head").append(retryAll);
  let known = "";

  const heads = ["Stage", "Waiting", "Running", "Retrying", "Gave up", "Done", "In the last hour", "Oldest waits", "Limit"];
  const columns = h("tr", {}, ...heads.map((text, n) => h("th", { class: n && n < 8 ? "num" : "", scope: "col" }, text)));
  page.replaceChildren(
    h("div", { class: "s-head" }, h("h1", {}, "Pipeline"), h("span", { class: "h-dim" }, "refreshed while you look")),
    h("div", { class: "h-card s-wide", tabindex: "0", role: "region", "aria-label": "Pipeline" },
      h("table", { class: "h-table s-board" }, h("thead", {}, columns), table)),
    failureSection,
    section("Drivers and disks", figures),
    section("Over time", plots),
    section("Videos", videos),
  );
  failureSection.hidden = true;
  const list = videoList(videos);

  async function refresh() {
    const board = await api("/api/status/board");
    table.replaceChildren(...board.stages.map(stageRow));
    figures.replaceChildren(...machine(board));
    failureSection.hidden = board.failures.length === 0;
    retryAll.hidden = !isOperator();
    // Drawn again only when something changed, so that what is open stays open.
    const kinds = JSON.stringify(board.failures.map(({ stage, error_type, dead, n }) => [stage, error_type, dead, n]));
    if (kinds !== known) {
      known = kinds;
      const open = new Set([...failures.querySelectorAll("details[open]")].map((each) => each.dataset.kind));
      failures.replaceChildren(...board.failures.map((kind) => failure(kind, open)));
    }
    await list.refresh();
  }

  async function retry(what, told) {
    const { items } = await api("/api/status/retry", { method: "POST", body: what });
    toast(items ? `${told}: ${items} ${items === 1 ? "item is" : "items are"} due again` : "Nothing was open any more", "good");
    known = "";
    await refresh();
  }

  // One kind of failure; the failures themselves are asked for when it is opened.
  function failure(kind, open) {
    const key = `${kind.stage} ${kind.error_type} ${kind.dead}`;
    const body = h("div", { class: "body" });
    const all = button(`Retry ${number(kind.n)}`, () =>
      retry({ stage: kind.stage, error_type: kind.error_type }, `${kind.stage}, ${kind.error_type}`));
    const details = h(
      "details",
      { class: "s-fail", dataset: { kind: key } },
      h("summary", {},
        h("span", { class: "h-chip", dataset: { state: kind.dead ? "dead" : "failed" } }, kind.dead ? "gave up" : "will retry"),
        h("b", {}, `${kind.stage}: ${kind.error_type}`),
        h("span", { class: "h-num" }, `× ${number(kind.n)}`),
        h("span", { class: "example" }, kind.example)),
      body,
    );
    const load = async (before) => {
      const parameters = new URLSearchParams({ stage: kind.stage, dead: kind.dead, error_type: kind.error_type });
      if (before) parameters.set("before", before);
      const { failures } = await api(`/api/status/failures?${parameters}`);
      body.querySelector(".more")?.remove();
      body.append(...failures.map((failure) => failed(failure, isOperator() ? retry : null)));
      if (failures.length === 50) body.append(button("More", () => load(failures.at(-1).id), { class: "h-button more" }));
    };
    details.addEventListener("toggle", () => details.open && !body.firstChild && load());
    if (open.has(key)) details.open = true;
    return h("div", { class: "s-kind" }, details, isOperator() ? all : null);
  }

  return { refresh, plots: (figures) => figures && drawPlots(plots, figures) };
}

// One failure: of which video or clip, how often, and when it is tried again. `retry(what, told)`: null for those who may not.
export function failed(failure, retry, { isNamed = true } = {}) {
  const item = failure.clip_id ? `clip ${failure.clip_id}` : `video ${failure.video_id}`;
  const times = failure.failures === 1 ? "failed once" : `failed ${number(failure.failures)} times`;
  const again = failure.retry_in_seconds > 0 ? `again in ${duration(failure.retry_in_seconds)}` : "due again";
  const when = failure.dead ? "gave up" : again;
  const name = isNamed ? link("status", { video: failure.video_id }, {}, failure.title || failure.source) : h("b", {}, failure.stage);
  return h(
    "div",
    { class: "s-run" },
    h("div", { class: "s-head", style: { marginBottom: 0 } },
      h("span", {}, name, h("span", { class: "h-dim" }, ` · ${item} · ${times} · ${when}`)),
      retry ? button("Retry", () => retry({ ids: [failure.id] }, `${failure.stage} of ${item}`)) : null),
    h("pre", { class: "s-error", tabindex: "0" }, `${failure.error_type}: ${failure.error}`),
  );
}

function section(title, ...children) {
  return h("section", { class: "s-section" }, h("div", { class: "s-head" }, h("h2", {}, title)), ...children);
}

function stageRow(stage) {
  const cell = (value, kind) => h("td", { class: `num ${value ? kind : "zero"}` }, number(value));
  const by = { person: "by reviewers", operator: "when asked" }[stage.by];
  return h(
    "tr",
    {},
    h("td", {}, h("b", {}, stage.stage), by ? h("span", { class: "h-dim" }, ` · ${by}`) : null, h("span", { class: "s-does" }, stage.does)),
    cell(stage.waiting, ""),
    cell(stage.running, "hot"),
    cell(stage.retrying, "wrong"),
    cell(stage.dead, "dead"),
    cell(stage.done, ""),
    cell(stage.done_last_hour, ""),
    h("td", { class: "num" }, stage.oldest_seconds === null ? "–" : duration(stage.oldest_seconds)),
    h("td", { class: "h-dim", title: LIMITS[stage.limit] }, stage.limit),
  );
}

function machine({ drivers, devices, cache, machine: facts }) {
  const figure = (title, big, ...rest) => h("div", { class: "h-card s-figure" }, h("h3", {}, title), h("div", { class: "big" }, big), ...rest);
  const meter = (share) => h("div", { class: "s-meter" }, h("i", { style: { width: `${100 * share}%` } }));
  const active = drivers.filter((driver) => !driver.silent_seconds);
  const asked = cache.hits + cache.misses;
  return [
    figure("Drivers at work", number(active.length),
      h("ul", {}, ...drivers.slice(0, 4).map((driver) => h("li", {}, `${driver.name}: ${holds(driver)}`))),
      drivers.length > 4 ? h("p", {}, `and ${drivers.length - 4} more`) : null),
    figure("Devices", devices.join(", ") || "–", h("p", {}, `embedding with ${facts.model}`)),
    figure("Found in the node's cache", asked ? `${Math.round((100 * cache.hits) / asked)} %` : "–",
      h("p", {}, asked ? `${number(cache.hits)} of ${number(asked)} files in the latest work` : "nothing was looked up lately"),
      h("p", {}, `${bytes(facts.cache_bytes)} on this machine${cache.bytes_saved ? `, ${bytes(cache.bytes_saved)} not fetched again` : ""}`)),
    ...facts.disks.map((disk) =>
      figure(`Free for ${disk.name}`, bytes(disk.free_bytes), meter(1 - disk.free_bytes / disk.total_bytes),
        h("p", {}, `of ${bytes(disk.total_bytes)} at ${disk.path}`))),
    figure("Database", bytes(facts.database_bytes), h("p", {}, `media in ${facts.store}`)),
  ];
}

function holds({ calls, items, silent_seconds: silent }) {
  const what = items ? `holds ${number(items)} ${items === 1 ? "item" : "items"} in ${number(calls)} ${calls === 1 ? "call" : "calls"}` : "holds nothing";
  return silent ? `silent for ${duration(silent)}, ${what}` : what;
}

// The videos with a field to find some; the page that is shown is refreshed, further ones come on demand.
function videoList(place) {
  const words = h("input", { class: "h-field", type: "search", placeholder: "title or source", "aria-label": "Find videos" });
  const body = h("tbody");
  const below = h("div", { class: "h-row", style: { marginTop: "12px" } });
  const heads = ["Video", "State", "Clips", "To review", "Searchable", "Length"];
  const columns = h("tr", {}, ...heads.map((text, n) => h("th", { scope: "col", class: n > 1 ? "num" : "" }, text)));
  const table = h("div", { class: "h-card s-wide", tabindex: "0", role: "region", "aria-label": "Videos" },
    h("table", { class: "h-table" }, h("thead", {}, columns), body));
  const more = h("tbody");
  table.querySelector("table").append(more);
  place.append(h("div", { class: "h-row", style: { marginBottom: "12px" } }, words), table, below);
  words.addEventListener("input", () => {
    more.replaceChildren();
    refresh();
  });

  async function load(before) {
    const parameters = new URLSearchParams({ words: words.value });
    if (before) parameters.set("before", before);
    return api(`/api/status/videos?${parameters}`);
  }

  async function refresh() {
    const found = await load();
    const rows = found.videos.map((video) => videoRow(video, found.most_clips));
    if (!rows.length && found.next) {
      rows.push(h("tr", {}, h("td", { colspan: 6 }, note("search", "Nothing found so far", "The latest videos were looked at; there are more."))));
    } else if (!rows.length) {
      const text = words.value ? "Nothing has these words." : "Submit one, and it shows up here.";
      rows.push(h("tr", {}, h("td", { colspan: 6 }, note("empty", words.value ? "No such video" : "No videos yet", text))));
    }
    body.replaceChildren(...rows);
    if (!more.firstChild) setMore(found.next);
  }

  function setMore(before) {
    below.replaceChildren();
    if (!before) return;
    below.append(button("More", async () => {
      const found = await load(before);
      more.append(...found.videos.map((video) => videoRow(video, found.most_clips)));
      setMore(found.next);
    }));
  }

  return { refresh };
}

// Clips are counted up to `most`.
function videoRow(video, most) {
  const state = video.duplicate_of ? `same as ${video.duplicate_of}` : video.state;
  const told = (count) => (video.clips >= most && count === video.clips ? `${number(count)}+` : number(count));
  return h(
    "tr",
    {},
    h("td", {}, link("status", { video: video.id }, { class: "s-title" }, video.title || video.source), h("span", { class: "s-source" }, video.source)),
    h("td", {}, stateChip(video, state)),
    h("td", { class: "num" }, video.clips ? link("query", { video: video.id }, {}, told(video.clips)) : "0"),
    h("td", { class: "num" }, told(video.waiting)),
    h("td", { class: "num" }, told(video.searchable)),
    h("td", { class: "num" }, video.duration_seconds ? duration(video.duration_seconds) : "–"),
  );
}

function stateChip(video, whole) {
  const state = video.is_partial ? `${whole}, partial` : whole;
  if (video.running) return h("span", { class: "h-chip", dataset: { state: "running" } }, `${state}, ${video.running} running`);
  if (!video.error) return h("span", { class: "h-chip", dataset: { state: video.state }, title: video.partial_reason || null }, state);
  const [kind, word] = video.dead ? ["dead", "stuck"] : ["failed", "will retry"];
  return h("span", { class: "h-chip", dataset: { state: kind }, title: video.error }, `${state}, ${word}`);
}
