// The page of one video: from its source to its vectors, with every attempt, its result and its error.
import { api, button, bytes, duration, h, link, number, STATES, toast } from "/ui/shell/kit.js";

const PATH = ["download", "prepare", "detect", "review", "export", "keyframes", "embed"];
const AFTER = { new: 0, downloaded: 1, prepared: 2, cut: 3 };
const CLIP_AFTER = { pending_review: 3, review_approved: 4, exported: 5, keyframed: 6, embedded: 7 };
const isOperator = () => document.documentElement.dataset.role === "operator";

export function drawVideo(page, id) {
  let known = "";
  const clipRuns = h("div");

  async function refresh() {
    const found = await api(`/api/status/videos/${encodeURIComponent(id)}`);
    const text = JSON.stringify(found, (key, value) => (key === "seconds" || key === "retry_in_seconds" ? undefined : value));
    if (text === known) return;
    known = text;
    draw(found);
  }

  function draw({ video, has_proxy: hasProxy, clips, runs }) {
    const failed = runs.some((run) => ["failed", "dead", "lost"].includes(run.status) && !run.voided);
    const actions = h("div", { class: "h-row" },
      clips.length ? link("query", { video: video.id }, { class: "h-button" }, "Its clips") : null,
      clips.some((row) => row.state === "pending_review") ? link("review", { video: video.id }, { class: "h-button primary" }, "Review it") : null,
      failed && isOperator() ? button("Retry what failed", retry) : null);
    page.replaceChildren(
      h("p", { style: { marginBottom: "8px" } }, link("status", {}, {}, "← Pipeline")),
      h("div", { class: "s-head" }, h("h1", { style: { overflowWrap: "anywhere" } }, video.title || video.source), actions),
      path(video, clips, runs),
      h("div", { class: "s-two" },
        h("div", {}, facts(video, clips, hasProxy)),
        h("div", {}, h("h2", { style: { marginBottom: "8px" } }, "Attempts at the video"), attempts(runs),
          h("h2", { style: { margin: "24px 0 8px" } }, "Attempts at its clips"), clipRuns)),
    );
    loadClipRuns();
  }

  async function loadClipRuns(before) {
    const { runs } = await api(`/api/status/videos/${encodeURIComponent(id)}/runs${before ? `?before=${before}` : ""}`);
    const more = runs.length === 50 ? button("More", () => loadClipRuns(runs.at(-1).run_id)) : null;
    if (before) clipRuns.lastChild.remove();
    else clipRuns.replaceChildren();
    clipRuns.append(attempts(runs), ...(more ? [h("div", { style: { marginTop: "8px" } }, more)] : [h("span")]));
  }

  async function retry() {
    const { items } = await api("/api/status/retry", { method: "POST", body: { video: Number(id) } });
    toast(items ? `${items} ${items === 1 ? "item is" : "items are"} due again` : "Nothing was open any more", "good");
    await refresh();
  }

  return { refresh };
}

// Where it is on the way; clips may be at several places at once.
function path(video, clips, runs) {
  const count = (stage) => clips.filter((row) => (CLIP_AFTER[row.state] ?? -1) >= stage).reduce((sum, row) => sum + row.n, 0);
  const all = clips.reduce((sum, row) => sum + row.n, 0);
  const open = new Map(runs.filter((run) => !run.voided).map((run) => [run.stage, run.status]).reverse());
  const step = (stage, place) => {
    if (place < 3) {
      const isDone = AFTER[video.state] > place;
      const state = isDone ? "done" : (open.get(stage) ?? "");
      const word = isDone ? "done" : { running: "running…", failed: "will retry", lost: "will retry", dead: "gave up" }[state] ?? "to do";
      return h("li", { dataset: { state } }, h("b", {}, stage), word);
    }
    const decided = clips.filter((row) => row.state !== "pending_review").reduce((sum, row) => sum + row.n, 0);
    const done = stage === "review" ? decided : count(place + 1);
    return h("li", { dataset: { state: all && done === all ? "done" : done ? "running" : "" } }, h("b", {}, stage), all ? `${number(done)} of ${number(all)}` : "to do");
  };
  return h("ol", { class: "s-path", "aria-label": "How far it is" }, ...PATH.map(step));
}

function facts(video, clips, hasProxy) {
  const rate = video.frame_rate_num ? `${(video.frame_rate_num / video.frame_rate_den).toFixed(3).replace(/\.?0+$/, "")} per second` : null;
  const isAddress = /^https?:\/\//.test(video.source);
  const rows = [
    ["Source", isAddress ? h("a", { href: video.source, rel: "noreferrer noopener", target: "_blank" }, video.source) : video.source],
    ["Same bytes as", video.duplicate_of ? link("status", { video: video.duplicate_of }, {}, `video ${video.duplicate_of}`) : null],
    ["Picture", video.width ? `${video.width} × ${video.height}${video.rotation ? `, turned by ${video.rotation}°` : ""}` : null],
    ["Format", video.codec ? `${video.codec} in ${video.container}, ${bytes(video.size_bytes)}` : video.size_bytes ? bytes(video.size_bytes) : null],
    ["Length", video.duration_seconds ? `${duration(video.duration_seconds)}, ${number(video.frame_count ?? 0)} frames` : null],
    ["Frame rate", rate ? `${rate}${video.is_vfr ? ", variable" : ""}` : null],
    ["Sound", video.has_audio === null ? null : video.has_audio ? "yes" : "none"],
    ["Damaged", video.is_partial ? "only its decodable part is used" : null],
    ["Cuts", video.frame_count ? number(video.cuts) : null],
    ["Clips", clips.length ? clips.map((row) => `${number(row.n)} ${STATES[row.state] ?? row.state}`).join(", ") : null],
    ["Vectors", clips.length ? number(video.vectors) : null],
    ["Hash", video.content_hash ? h("code", {}, `${video.content_hash.slice(0, 16)}…`) : null],
    ["Submitted", new Date(video.created_at).toLocaleString()],
    ...Object.entries(video.provenance ?? {}).filter(([, value]) => typeof value === "string" && value).map(([name, value]) => [name.replaceAll("_", " "), value]),
  ];
  const shown = rows.filter(([, value]) => value !== null && value !== undefined);
  const still = hasProxy
    ? h("img", { src: `/media/videos/${video.id}/frames/${Math.floor((video.frame_count ?? 2) / 2)}`, alt: "", style: { display: "block", width: "100%", maxHeight: "260px", objectFit: "contain", background: "var(--h-letterbox)", borderRadius: "6px 6px 0 0" } })
    : null;
  return h("div", { class: "h-card" }, still, h("dl", { class: "s-facts" }, ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

function attempts(runs) {
  if (!runs.length) return h("p", { class: "h-dim" }, "none yet");
  return h("div", { class: "h-card", style: { padding: "0 12px" } }, ...runs.map(attempt));
}

function attempt(run) {
  const item = run.subject === "clip" ? ` clip ${run.subject_id}` : "";
  const variant = run.variant ? ` · ${run.variant}` : "";
  const again = run.retry_in_seconds > 0 ? ` · again in ${duration(run.retry_in_seconds)}` : "";
  const result = run.result ? h("details", {}, h("summary", { class: "h-dim" }, "result"), resultOf(run.result)) : null;
  const line = h("div", { class: "h-row" },
    h("span", { class: "h-chip", dataset: { state: run.status } }, run.voided ? `${run.status}, retried` : run.status),
    h("b", {}, `${run.stage}${item}`),
    h("span", { class: "h-dim" }, `attempt ${run.attempt} · ${duration(run.seconds)} · ${run.worker}${variant}${again}`));
  const error = run.error ? h("pre", { class: "s-error", tabindex: "0" }, `${run.error_type}: ${run.error}`) : null;
  return h("div", { class: "s-run" }, line, error, result);
}

function resultOf(result) {
  const text = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return h("dl", { class: "s-result" }, ...Object.entries(result).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, text(value))]));
}
