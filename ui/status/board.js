// The board: the pipeline's table, failures by kind, workers and disks, plots, videos.
import { api, bytes, button, duration, h, link, note, number, toast } from "/ui/shell/kit.js";
import { drawPlots } from "/ui/status/plots.js";

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

  const heads = ["Stage", "Queued", "Running", "Retrying", "Gave up", "Done", "In the last hour", "Oldest waits"];
  const columns = h("tr", {}, ...heads.map((text, n) => h("th", { class: n ? "num" : "", scope: "col" }, text)));
  page.replaceChildren(
    h("div", { class: "s-head" }, h("h1", {}, "Pipeline"), h("span", { class: "h-dim" }, "refreshed while you look")),
    h("div", { class: "h-card s-wide", tabindex: "0", role: "region", "aria-label": "Pipeline" },
      h("table", { class: "h-table s-board" }, h("thead", {}, columns), table)),
    failureSection,
    section("Workers and disks", figures),
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

  // One kind of failure; its runs are asked for when it is opened.
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
      const parameters = new URLSearchParams({ stage: kind.stage, dead: kind.dead });
      if (kind.error_type) parameters.set("error_type", kind.error_type);
      if (before) parameters.set("before", before);
      const { runs } = await api(`/api/status/failures?${parameters}`);
      body.querySelector(".more")?.remove();
      body.append(...runs.map((run) => failedRun(run)));
      if (runs.length === 50) body.append(button("More", () => load(runs.at(-1).run_id), { class: "h-button more" }));
    };
    details.addEventListener("toggle", () => details.open && !body.firstChild && load());
    if (open.has(key)) details.open = true;
    return h("div", { class: "s-kind" }, details, isOperator() ? all : null);
  }

  function failedRun(run) {
    const when = run.retry_in_seconds > 0 ? `, again in ${duration(run.retry_in_seconds)}` : "";
    return h(
      "div",
      { class: "s-run" },
      h("div", { class: "s-head", style: { marginBottom: 0 } },
        h("span", {},
          link("status", { video: run.video_id }, {}, run.title || run.source),
          h("span", { class: "h-dim" }, ` · ${run.subject} ${run.subject_id} · attempt ${run.attempt}${when}`)),
        isOperator() ? button("Retry", () => retry({ run_ids: [run.run_id] }, `${run.stage} of ${run.subject} ${run.subject_id}`)) : null),
      h("pre", { class: "s-error", tabindex: "0" }, `${run.error_type}: ${run.error}`),
    );
  }

  return { refresh, plots: (figures) => figures && drawPlots(plots, figures) };
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
    cell(stage.queued, ""),
    cell(stage.running, "hot"),
    cell(stage.retrying, "wrong"),
    cell(stage.dead, "dead"),
    cell(stage.done, ""),
    cell(stage.done_last_hour, ""),
    h("td", { class: "num" }, stage.oldest_seconds === null ? "–" : duration(stage.oldest_seconds)),
  );
}

function machine({ workers, cache, machine: facts }) {
  const figure = (title, big, ...rest) => h("div", { class: "h-card s-figure" }, h("h3", {}, title), h("div", { class: "big" }, big), ...rest);
  const meter = (share) => h("div", { class: "s-meter" }, h("i", { style: { width: `${100 * share}%` } }));
  const active = workers.filter((worker) => worker.running || worker.silent_seconds < 120);
  const devices = [...new Set(workers.flatMap((worker) => worker.devices))];
  return [
    figure("Workers", number(active.length),
      h("ul", {}, ...workers.slice(0, 4).map((worker) =>
        h("li", {}, `${worker.worker}: ${worker.running} running, ${number(worker.done)} done this hour`)))),
    figure("Devices", devices.join(", ") || "–", h("p", {}, `embedding with ${facts.model}`)),
    figure("Found in the node's cache", cache.asked ? `${Math.round((100 * cache.hits) / cache.asked)} %` : "–",
      h("p", {}, cache.asked ? `${number(cache.hits)} of ${number(cache.asked)} in a day` : "nothing was looked up in a day"),
      h("p", {}, `${bytes(facts.cache_bytes)} on this machine${cache.bytes_saved ? `, ${bytes(cache.bytes_saved)} not fetched again` : ""}`)),
    ...facts.disks.map((disk) =>
      figure(`Free for ${disk.name}`, bytes(disk.free_bytes), meter(1 - disk.free_bytes / disk.total_bytes),
        h("p", {}, `of ${bytes(disk.total_bytes)} at ${disk.path}`))),
    figure("Database", bytes(facts.database_bytes), h("p", {}, `media in ${facts.store}`)),
  ];
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
    return (await api(`/api/status/videos?${parameters}`)).videos;
  }

  async function refresh() {
    const videos = await load();
    const rows = videos.map(videoRow);
    if (!rows.length) {
      const text = words.value ? "Nothing has these words." : "Submit one, and it shows up here.";
      rows.push(h("tr", {}, h("td", { colspan: 6 }, note("empty", words.value ? "No such video" : "No videos yet", text))));
    }
    body.replaceChildren(...rows);
    if (!more.firstChild) setMore(videos);
  }

  function setMore(videos) {
    below.replaceChildren();
    if (videos.length < 50) return;
    below.append(button("More", async () => {
      const next = await load(videos.at(-1).id);
      more.append(...next.map(videoRow));
      setMore(next);
    }));
  }

  return { refresh };
}

function videoRow(video) {
  const state = video.duplicate_of ? `same as ${video.duplicate_of}` : video.state;
  const clips = (count) => (count ? link("query", { video: video.id }, {}, number(count)) : "0");
  return h(
    "tr",
    {},
    h("td", {}, link("status", { video: video.id }, { class: "s-title" }, video.title || video.source), h("span", { class: "s-source" }, video.source)),
    h("td", {}, video.error
      ? h("span", { class: "h-chip", dataset: { state: "dead" }, title: video.error }, `${state}, stuck`)
      : h("span", { class: "h-chip", dataset: { state: video.state } }, state)),
    h("td", { class: "num" }, clips(video.clips)),
    h("td", { class: "num" }, number(video.waiting)),
    h("td", { class: "num" }, number(video.searchable)),
    h("td", { class: "num" }, video.duration_seconds ? duration(video.duration_seconds) : "–"),
  );
}

