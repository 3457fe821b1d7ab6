// The Submit tab: lines checked as they are typed, files sent with their progress, and what became of both.
import { api, button, bytes, h, link, note, number, toast, whileVisible } from "/ui/shell/kit.js";
import { addHelp } from "/ui/shell/shell.js";
import { send } from "/ui/submit/upload.js";

const CHECK_MS = 350;
const AT_ONCE = 25; // lines a request accepts: a file's bytes are hashed meanwhile
const UPLOADS_AT_ONCE = 2;
const REFRESH_SECONDS = 2;
const MANIFESTS = /\.(txt|csv|jsonl)$/i;
const KEPT = "heaters.submitted";

export function mount(element) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const mine = new Set(kept());
  let accepted = [];
  let checking = 0;

  // ------------------------------------------------------------ lines

  async function check() {
    const lines = part("lines").value.split("\n").filter((line) => line.trim());
    const turn = ++checking;
    if (!lines.length) return drawChecked([]);
    try {
      const answer = await api("/api/submit/check", { method: "POST", body: { lines } });
      if (turn === checking) drawChecked(answer.lines);
    } catch (error) {
      if (turn !== checking) return;
      drawChecked([]);
      part("told").textContent = error.message;
    }
  }

  function drawChecked(lines) {
    accepted = lines.filter((line) => line.ok);
    part("told").textContent = "";
    part("checked").replaceChildren(
      ...lines.map((line) =>
        h("li", { class: line.ok ? "" : "bad" }, h("span", { role: "img", "aria-label": line.ok ? "fine" : "refused" }, line.ok ? "✓" : "✕"), h("b", { title: line.line }, line.line), h("span", {}, line.says)),
      ),
    );
    const count = accepted.reduce((sum, line) => sum + line.count, 0);
    part("go").disabled = count === 0;
    part("go").textContent = count ? `Submit ${number(count)}` : "Submit";
  }

  let timer = 0;
  part("lines").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, CHECK_MS);
  });

  part("go").addEventListener("click", async () => {
    const sources = accepted.map((line) => line.line);
    part("go").disabled = true;
    let done = 0;
    const refused = [];
    try {
      for (let start = 0; start < sources.length; start += AT_ONCE) {
        const lines = sources.slice(start, start + AT_ONCE);
        const { submissions } = await api("/api/submit/sources", { method: "POST", body: { lines } });
        for (const one of submissions) {
          if (one.video_id) remember(one.video_id);
          else refused.push(one);
        }
        done += lines.length;
        part("told").textContent = `${number(done)} of ${number(sources.length)} lines`;
      }
    } catch (error) {
      toast(error.message, "bad");
    }
    for (const one of refused.slice(0, 3)) toast(`${one.source}: ${one.error}`, "bad");
    // What was not accepted stays, to be mended.
    const gone = new Set(sources.slice(0, done).filter((line) => !refused.some((one) => one.source === line)));
    part("lines").value = part("lines").value.split("\n").filter((line) => line.trim() && !gone.has(line.trim())).join("\n");
    if (gone.size) toast(`${number(gone.size)} ${gone.size === 1 ? "line" : "lines"} submitted`, "good");
    check();
    refresh();
  });

  // ------------------------------------------------------------ files

  const queue = [];
  let busy = 0;

  async function take(files) {
    for (const file of files) {
      if (MANIFESTS.test(file.name)) await readManifest(file);
      else queue.push(file);
    }
    pump();
  }

  async function readManifest(file) {
    try {
      const { lines } = await api("/api/submit/manifest", { method: "POST", body: { name: file.name, text: await file.text() } });
      part("lines").value = [part("lines").value.trim(), ...lines].filter(Boolean).join("\n");
      check();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function pump() {
    while (busy < UPLOADS_AT_ONCE && queue.length) {
      busy += 1;
      upload(queue.shift()).finally(() => {
        busy -= 1;
        pump();
      });
    }
  }

  async function upload(file) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": `${file.name} sent` });
    const told = h("span", { class: "h-num h-dim" }, `0 of ${bytes(file.size)}`);
    const sending = send(file, (sent) => {
      bar.value = file.size ? sent / file.size : 0;
      told.textContent = sent < file.size ? `${bytes(sent)} of ${bytes(file.size)}` : "is being read…";
    });
    const stop = button("×", sending.stop, { class: "h-button quiet icon", "aria-label": `Stop sending ${file.name}` });
    const row = h("li", {}, h("span", { class: "name", title: file.name }, file.name), told, stop, bar);
    part("uploads").append(row);
    try {
      const found = await sending.done;
      if (found.error) throw new Error(found.error);
      remember(found.video_id);
      told.textContent = found.is_new ? "submitted" : "known already";
      bar.value = 1;
      refresh();
      setTimeout(() => row.remove(), 6000);
    } catch (error) {
      told.textContent = error.message;
      told.style.color = "var(--h-bad)";
      bar.classList.add("bad");
    }
    stop.remove();
  }

  part("drop").addEventListener("click", () => part("file").click());
  part("file").addEventListener("change", () => {
    take([...part("file").files]);
    part("file").value = "";
  });
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    part("scroll").classList.add("dropping");
  });
  element.addEventListener("dragleave", () => part("scroll").classList.remove("dropping"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    part("scroll").classList.remove("dropping");
    take([...event.dataTransfer.files]);
  });

  // ------------------------------------------------------------ what became of it

  function remember(id) {
    mine.add(id);
    const latest = [...mine].slice(-100);
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(latest));
    } catch {
      // It is forgotten on reload.
    }
  }

  async function refresh() {
    const ids = [...mine].slice(-100);
    const parameters = new URLSearchParams(ids.map((id) => ["ids", id]));
    let found;
    try {
      found = await api(`/api/status/videos?${parameters}`);
    } catch {
      return; // the bar says so; what is shown stays
    }
    const shown = ids.length ? found.videos : found.videos.slice(0, 8);
    part("running").textContent = ids.length ? "submitted from here" : "the latest videos";
    part("videos").replaceChildren(shown.length ? table(shown, found.most_clips) : note("empty", "Nothing submitted yet", "What you submit shows up here, with how far it is."));
  }

  const operate = () => {
    const isOperator = document.documentElement.dataset.role !== "reviewer";
    for (const name of ["lines", "drop"]) part(name).disabled = !isOperator;
    if (!isOperator) part("told").textContent = "Submitting needs an operator.";
  };
  window.addEventListener("heaters:session", operate);
  operate();
  whileVisible("submit", REFRESH_SECONDS, refresh);
  addHelp("Submit", () => [[["Tab"], "From field to field; lines are checked as you type"]]);
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  } catch {
    return [];
  }
}

// Clips of a video are counted up to `most`.
function table(videos, most) {
  const head = ["Video", "Way", "", "Clips"].map((text, n) => h("th", { scope: "col", class: n === 3 ? "num" : "" }, text));
  return h("div", { class: "h-card s-wide", tabindex: "0", role: "region", "aria-label": "Submitted videos" },
    h("table", { class: "h-table" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...videos.map((video) => row(video, most)))));
}

const STEPS = ["downloaded", "prepared", "cut"];

function row(video, most) {
  const reached = video.duplicate_of ? 3 : STEPS.indexOf(video.state) + 1;
  const status = video.running ? "running" : video.dead ? "dead" : video.error ? "failed" : "";
  const steps = [...STEPS, "searchable", "reviewed"].map((name, place) => {
    const done = { reviewed: video.clips - video.waiting, searchable: video.searchable }[name];
    let state = place < reached ? "done" : "";
    if (place === reached && place < 3) state = status;
    if (done !== undefined) state = video.clips && done === video.clips ? "done" : done ? "running" : "";
    return h("i", { dataset: { state }, title: name });
  });
  const words = video.duplicate_of ? `same bytes as video ${video.duplicate_of}` : video.error ?? says(video, most);
  return h(
    "tr",
    {},
    h("td", {}, link("status", { video: video.id }, { class: "s-title" }, video.title || video.source)),
    h("td", {}, h("div", { class: "u-way", "aria-hidden": "true" }, ...steps)),
    h("td", { style: video.error ? { color: "var(--h-bad)" } : {} }, words),
    h("td", { class: "num" }, video.clips ? link("query", { video: video.id }, {}, upTo(most, video.clips)) : "–"),
  );
}

function says(video, most) {
  if (video.running) return `${video.running} is running`;
  if (video.state !== "cut") return `waits for ${{ new: "download", downloaded: "prepare", prepared: "detect" }[video.state]}`;
  const clips = (count) => `${upTo(most, count)} ${count === 1 ? "clip" : "clips"}`;
  if (video.waiting) return `${clips(video.waiting)} to review`;
  return `${clips(video.searchable)} searchable`;
}

const upTo = (most, count) => (count < most ? number(count) : `${number(most)}+`);
