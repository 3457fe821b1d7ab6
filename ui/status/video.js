// The page of one video: from its source to its vectors, with what failed, every attempt, its result and its error.
import { api, button, bytes, duration, h, link, number, STATES, toast } from "/ui/shell/kit.js";
import { failed } from "/ui/status/board.js";

const SHAPES = 3; // that are named of a picture; a broken file may have thousands

const isOperator = () => document.documentElement.dataset.role === "operator";

export function drawVideo(page, id) {
  let known = "";
  let isGone = false;
  const clipRuns = h("div");

  async function refresh() {
    if (isGone) return;
    const found = await api(`/api/status/videos/${encodeURIComponent(id)}`);
    const text = JSON.stringify(found, (key, value) => (/_seconds$/.test(key) ? undefined : value));
    if (text === known) return;
    known = text;
    draw(found);
  }

  function draw(found) {
    const { video, stages, clips, failures, tasks, runs } = found;
    const again = isOperator() ? retry : null;
    const actions = h("div", { class: "h-row" },
      clips.length ? link("query", { video: video.id }, { class: "h-button" }, "Its clips") : null,
      clips.some((row) => row.state === "pending_review") ? link("review", { video: video.id }, { class: "h-button primary" }, "Review it") : null,
      failures.length && again ? button("Retry what failed", () => retry({ videos: [video.id] }, "What failed")) : null,
      isOperator() ? button("Withdraw…", () => ask(video)) : null);
    page.replaceChildren(
      h("p", { style: { marginBottom: "8px" } }, link("status", {}, {}, "← Pipeline")),
      h("div", { class: "s-head" }, h("h1", { style: { overflowWrap: "anywhere" } }, video.title || video.source), actions),
      h("ol", { class: "s-path", "aria-label": "How far it is" }, ...stages.map(step)),
      h("div", { class: "s-two" },
        h("div", {}, facts(found)),
        h("div", {},
          ...part("Running now", tasks.map(running)),
          ...part("Failed", failures.map((failure) => failed(failure, again, { isNamed: false }))),
          ...part("Attempts at the video", runs.map(attempt), "none yet"),
          h("h2", { style: { margin: "24px 0 8px" } }, "Attempts at its clips"), clipRuns)),
    );
    loadClipRuns();
  }

  async function loadClipRuns(before) {
    const { runs } = await api(`/api/status/videos/${encodeURIComponent(id)}/runs${before ? `?before=${before}` : ""}`);
    const more = runs.length === 50 ? button("More", () => loadClipRuns(runs.at(-1).id)) : null;
    if (before) clipRuns.lastChild.remove();
    else clipRuns.replaceChildren();
    clipRuns.append(
      runs.length || before ? list(runs.map(attempt)) : h("p", { class: "h-dim" }, "none yet"),
      ...(more ? [h("div", { style: { marginTop: "8px" } }, more)] : [h("span")]),
    );
  }

  async function retry(what, told) {
    const { items } = await api("/api/status/retry", { method: "POST", body: what });
    toast(items ? `${told}: ${items} ${items === 1 ? "item is" : "items are"} due again` : "Nothing was open any more", "good");
    await refresh();
  }

  // Asks for the reason, which is told to whoever submits the video again, and whether it is meant.
  function ask(video) {
    const reason = h("input", { class: "h-field", name: "reason", maxlength: "1000", autocomplete: "off" });
    const dialog = h("dialog", { class: "h-dialog s-withdraw", "aria-label": "Withdraw the video" },
      h("form", { method: "dialog" },
        h("h2", {}, "Withdraw this video for good?"),
        h("p", {}, "Its clips, vectors, files and history are deleted, and neither its source nor its bytes may come back."),
        h("label", {}, "Reason ", reason),
        h("div", { class: "h-row" },
          h("button", { class: "h-button primary", value: "withdraw" }, "Withdraw it"),
          h("button", { class: "h-button", value: "" }, "Keep it"))));
    dialog.addEventListener("close", async () => {
      dialog.remove();
      if (dialog.returnValue === "withdraw") await withdraw(video, reason.value);
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  async function withdraw(video, reason) {
    const done = await api(`/api/status/videos/${encodeURIComponent(id)}/withdraw`, { method: "POST", body: { reason } });
    const what = done.unfinished
      ? "a driver is in the middle of it, and deletes the rest when it ends"
      : `${number(done.objects_deleted)} objects, ${bytes(done.bytes_freed)} deleted`;
    toast(`Withdrawn: ${what}`, "good");
    page.replaceChildren(
      h("p", { style: { marginBottom: "8px" } }, link("status", {}, {}, "← Pipeline")),
      h("h1", {}, "Withdrawn"),
      h("p", {}, `Video ${video.id}: ${what}.`),
      ...part("Datasets that hold clips of it", done.datasets.map((found) =>
        h("div", { class: "s-run" }, h("b", {}, found.location), " ", found.error ?? `${number(found.clips)} clips`))));
    isGone = true;
  }

  return { refresh };
}

// A part of the page under a heading; left out where it is empty and has no word for that.
function part(title, rows, empty = "") {
  if (!rows.length && !empty) return [];
  const body = rows.length ? list(rows) : h("p", { class: "h-dim" }, empty);
  return [h("h2", { style: { margin: "0 0 8px" } }, title), h("div", { style: { marginBottom: "24px" } }, body)];
}

const list = (rows) => h("div", { class: "h-card", style: { padding: "0 12px" } }, ...rows);

// How far a stage is with it: a video as a whole, or how many of its clips.
function step({ stage, waiting, running, retrying, dead, done }) {
  const all = waiting + running + retrying + dead + done;
  const isDone = done > 0 && done === all;
  const state = dead ? "dead" : retrying ? "failed" : running ? "running" : isDone ? "done" : done ? "running" : "";
  const open = [[running, "running"], [retrying, "will retry"], [dead, "gave up"]].filter(([n]) => n);
  const isOne = ["download", "prepare", "detect", "proxy"].includes(stage);
  const words = stage === "proxy" && !all
    ? "when somebody opens it"
    : isOne
    ? (isDone ? "done" : open.map(([, word]) => word).join(", ") || "to do")
    : [all ? `${number(done)} of ${number(all)}` : "nothing yet", ...open.map(([n, word]) => `${number(n)} ${word}`)].join(", ");
  return h("li", { dataset: { state } }, h("b", {}, stage), words);
}

// Which sound was taken; where there was a choice, why.
function sound({ has_audio: hasAudio, streams }) {
  if (hasAudio === null) return null;
  const sounds = (streams ?? []).filter((one) => one.kind === "audio");
  const taken = sounds.filter((one) => one.taken);
  if (!hasAudio) return sounds.length ? `none (${number(sounds.length)} ${sounds.length === 1 ? "stream" : "streams"}, nothing decoded)` : "none";
  if (!taken.length) return "yes";
  const which = `${taken[0].codec}, ${taken.length > 1 ? "streams" : "stream"} ${taken.map((one) => one.index).join(", ")}`;
  return sounds.length > 1 ? `${which} of ${number(sounds.length)}: ${taken[0].why}` : which;
}

// The shapes that the picture has later on, each with its first frame.
function shapes(runs) {
  const later = runs.slice(1, 1 + SHAPES).map(([frame, width, height]) => `${width} × ${height} from frame ${number(frame)}`);
  if (runs.length > 1 + SHAPES) later.push(`and ${number(runs.length - 1 - SHAPES)} more changes`);
  return later.join(", ") || null;
}

function facts({ video, clips, made, has_pictures: hasPictures }) {
  const rate = video.frame_rate_num ? `${(video.frame_rate_num / video.frame_rate_den).toFixed(3).replace(/\.?0+$/, "")} per second` : null;
  const isAddress = /^https?:\/\//.test(video.source);
  const counted = [["embed", "vectors"], ["facts", "measured"], ["export", "files"]].map(([stage, word]) => `${number(made[stage])} ${word}`);
  const rows = [
    ["Source", isAddress ? h("a", { href: video.source, rel: "noreferrer noopener", target: "_blank" }, video.source) : video.source],
    ["Same bytes as", video.duplicate_of ? link("status", { video: video.duplicate_of }, {}, `video ${video.duplicate_of}`) : null],
    ["Picture", video.width ? `${video.width} × ${video.height}${video.rotation ? `, turned by ${video.rotation}°` : ""}` : null],
    ["Other shapes", shapes(video.shapes)],
    ["Format", video.codec ? `${video.codec} in ${video.container}, ${bytes(video.size_bytes)}` : video.size_bytes ? bytes(video.size_bytes) : null],
    ["Length", video.duration_seconds ? `${duration(video.duration_seconds)}, ${number(video.frame_count ?? 0)} frames` : null],
    ["Frame rate", rate ? `${rate}${video.is_vfr ? ", variable" : ""}` : null],
    ["Sound", sound(video)],
    ["Timecode", video.timecode || null],
    ["Partial", video.is_partial ? `only its decodable part is used${video.partial_reason ? `: ${video.partial_reason}` : ""}` : null],
    ["Damaged frames", video.concealed ? number(video.concealed) : null],
    ["Cuts", video.frame_count ? number(video.cuts) : null],
    ["Clips", clips.length ? clips.map((row) => `${number(row.n)} ${STATES[row.state] ?? row.state}`).join(", ") : null],
    ["Made of clips", clips.length ? counted.join(", ") : null],
    ["Hash", video.content_hash ? h("code", {}, `${video.content_hash.slice(0, 16)}…`) : null],
    ["Submitted", new Date(video.created_at).toLocaleString()],
    ...Object.entries(video.provenance ?? {}).filter(([, value]) => typeof value === "string" && value).map(([name, value]) => [name.replaceAll("_", " "), value]),
  ];
  const shown = rows.filter(([, value]) => value !== null && value !== undefined);
  const still = hasPictures
    ? h("img", { src: `/media/videos/${video.id}/frames/${Math.floor((video.frame_count ?? 2) / 2)}`, alt: "", style: { display: "block", width: "100%", maxHeight: "260px", objectFit: "contain", background: "var(--h-letterbox)", borderRadius: "6px 6px 0 0" } })
    : null;
  return h("div", { class: "h-card" }, still, h("dl", { class: "s-facts" }, ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

function running({ stage, items, attempt: number_, driver, age_seconds: age, silent_seconds: silent }) {
  const how = silent > 0 ? `its driver fell silent ${duration(silent)} ago` : `for ${duration(age ?? 0)}`;
  const line = h("div", { class: "h-row" },
    h("span", { class: "h-chip", dataset: { state: silent > 0 ? "lost" : "running" } }, silent > 0 ? "lost" : "running"),
    h("b", {}, stage),
    h("span", { class: "h-dim" }, `${items} ${items === 1 ? "item" : "items"} · attempt ${number_} · ${how} · ${driver}`));
  return h("div", { class: "s-run" }, line);
}

function attempt(run) {
  const isClips = run.items > 1 || !["download", "prepare", "detect", "proxy"].includes(run.stage);
  const good = run.items - run.failed_items;
  const items = isClips ? ` · ${run.failed_items ? `${good} of ${run.items} clips` : `${run.items} ${run.items === 1 ? "clip" : "clips"}`}` : "";
  const variant = run.variant ? ` · ${run.variant}` : "";
  const result = run.result ? h("details", {}, h("summary", { class: "h-dim" }, "result"), resultOf(run.result)) : null;
  const line = h("div", { class: "h-row" },
    h("span", { class: "h-chip", dataset: { state: run.status } }, run.status),
    h("b", {}, run.stage),
    h("span", { class: "h-dim" }, `attempt ${run.attempt}${items} · ${duration(run.seconds)} · ${run.driver}${variant}`));
  const error = run.error ? h("pre", { class: "s-error", tabindex: "0" }, `${run.error_type}: ${run.error}`) : null;
  return h("div", { class: "s-run" }, line, error, result);
}

function resultOf(result) {
  const text = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return h("dl", { class: "s-result" }, ...Object.entries(result).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, text(value))]));
}
