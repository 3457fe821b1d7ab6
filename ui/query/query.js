// The Query tab. The address is the state: every change goes there first, and what it says is asked for and drawn.
import { api, button, h, link, note, number, place, STATES, whenShown } from "/ui/shell/kit.js";
import { addHelp } from "/ui/shell/shell.js";
import { card, skeletons } from "/ui/query/card.js";
import { takePictures } from "/ui/query/pictures.js";

const SORTS = {
  newest: "newest first",
  oldest: "oldest first",
  longest: "longest first",
  shortest: "shortest first",
  uncertain: "least certain cuts first",
  shuffled: "shuffled",
};
// What the address may say; `p` is the page (Gradio has its own use for `page`); `clip` and `image` several times, with a "-" for what to look away from.
const FILTERS = ["video", "state", "shortest", "longest", "where"];
const SINGLE = ["q", "away", ...FILTERS, "sort", "seed", "p"];
const LIKES = ["clip", "image"];
const PAGE_SIZE = 24;
// An answer looks at a bounded number of clips. While a page is not full it is asked on, so often by itself.
const MOST_ANSWERS = 40;

export function mount(element) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const asked = new Map(); // page number → the cursor that leads to it, for the search that is shown
  let shown = "";
  let running = null;

  const now = () => {
    const given = place.get("query");
    const kept = new URLSearchParams();
    for (const name of SINGLE) if (given.get(name)) kept.set(name, given.get(name));
    for (const name of LIKES) for (const value of given.getAll(name)) kept.append(name, value);
    return kept;
  };
  const go = (parameters) => place.go("query", parameters);
  // A change of the search begins at its first page.
  const change = (edit) => {
    const parameters = now();
    parameters.delete("p");
    // What is typed counts, whatever was pressed.
    for (const name of ["q", "away", "where"]) setOrDrop(parameters, name, part(name).value.trim());
    edit(parameters);
    go(parameters);
  };
  const setOrDrop = (parameters, name, value) => (value ? parameters.set(name, value) : parameters.delete(name));
  const like = (name, value) => change((parameters) => parameters.append(name, value));

  // ------------------------------------------------------------ the bar

  function fill(parameters) {
    for (const name of ["q", "away", "shortest", "longest", "where"]) part(name).value = parameters.get(name) ?? "";
    part("likes").replaceChildren(
      ...LIKES.flatMap((name) => parameters.getAll(name).map((value) => likeness(name, value))),
    );
    const hasTerms = ["q", "away", ...LIKES].some((name) => parameters.has(name));
    const sorts = hasTerms ? { "": "best match" } : SORTS;
    part("sort").replaceChildren(...Object.entries(sorts).map(([value, label]) => h("option", { value }, label)));
    part("sort").value = hasTerms ? "" : (parameters.get("sort") ?? "newest");
    part("sort").disabled = hasTerms;
    part("state").value = parameters.get("state") ?? "";
    chooseVideo(parameters.get("video") ?? "");
    part("clear").hidden = [...parameters.keys()].every((name) => name === "p");
  }

  // A clip or picture among the terms: towards it or away from it.
  function likeness(name, value) {
    const isAway = value.startsWith("-");
    const bare = value.replace(/^-/, "");
    const source = name === "clip" ? `/media/clips/${bare}/poster` : `/media/pictures/${bare}`;
    const label = name === "clip" ? `clip ${bare}` : "picture";
    const replace = (by) =>
      change((parameters) => {
        const others = parameters.getAll(name).map((each) => (each === value ? by : each));
        parameters.delete(name);
        for (const each of others) if (each) parameters.append(name, each);
      });
    return h(
      "span",
      { class: `q-like ${isAway ? "minus" : ""}` },
      h("img", { src: source, alt: "" }),
      `${isAway ? "unlike" : "like"} ${label}`,
      h("button", {
        type: "button",
        title: isAway ? "look for it" : "look away from it",
        "aria-label": isAway ? `look for ${label}` : `look away from ${label}`,
        onclick: () => replace(isAway ? bare : `-${bare}`),
      }, "±"),
      h("button", { type: "button", "aria-label": `without ${label}`, onclick: () => replace("") }, "×"),
    );
  }

  async function chooseVideo(value) {
    const select = part("video");
    if (select.options.length <= 1 || (value && ![...select.options].some((option) => option.value === value))) {
      const { videos, most_clips: most } = await api("/api/query/videos").catch(() => ({ videos: [] }));
      const count = ({ clips }) => (clips < most ? clips : `${most}+`);
      const known = videos.map((video) => h("option", { value: video.id }, `${video.title} (${count(video)})`));
      select.replaceChildren(h("option", { value: "" }, "any"), ...known);
      if (value && !videos.some((video) => String(video.id) === value)) {
        select.append(h("option", { value }, `video ${value}`));
      }
    }
    select.value = value;
  }

  part("state").append(
    h("option", { value: "" }, "any"),
    ...Object.entries(STATES).map(([value, label]) => h("option", { value }, label)),
  );
  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    change(() => {});
  });
  for (const name of FILTERS) {
    part(name).addEventListener("change", () => change((parameters) => setOrDrop(parameters, name, part(name).value)));
  }
  part("sort").addEventListener("change", () =>
    change((parameters) => {
      parameters.set("sort", part("sort").value);
      if (part("sort").value === "shuffled") parameters.set("seed", Math.floor(Math.random() * 1e9));
      else parameters.delete("seed");
    }),
  );
  part("clear").addEventListener("click", () => go({}));
  part("random").addEventListener("click", async () => {
    const { clip } = await api(`/api/query/random?${filtersOf(now())}`);
    change((parameters) => {
      for (const name of ["q", "away", ...LIKES]) parameters.delete(name);
      parameters.set("clip", clip);
    });
  });

  takePictures(element, part, (name) => like("image", name));

  // ------------------------------------------------------------ the answer

  async function show() {
    const parameters = now();
    fill(parameters);
    const page = Number(parameters.get("p") ?? 1);
    const search = new URLSearchParams(parameters);
    search.delete("p");
    if (search.toString() !== shown) asked.clear();
    shown = search.toString();
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const results = part("results");
    // What is there stays for a moment: most answers come before anyone could read a skeleton.
    const waiting = setTimeout(() => results.replaceChildren(skeletons(12)), results.firstChild ? 250 : 0);
    parameters.delete("p");
    parameters.set("page", page);
    await ask(parameters, { page, clips: [], cursor: asked.get(page) ?? "", signal, waiting });
  }

  // Ask for a page, and on until it is full. `got`: what there is of it so far.
  async function ask(parameters, got) {
    const { page, signal, waiting } = got;
    const results = part("results");
    results.setAttribute("aria-busy", "true");
    try {
      for (let answers = 1; ; answers++) {
        parameters.set("count", PAGE_SIZE - got.clips.length);
        if (got.cursor) parameters.set("cursor", got.cursor);
        const answer = await api(`/api/query/clips?${parameters}`, { signal });
        clearTimeout(waiting);
        got.clips.push(...answer.clips);
        got.cursor = answer.next;
        if (answer.is_full && answer.next) asked.set(page + 1, answer.next);
        const isDone = answer.is_full || answers >= MOST_ANSWERS;
        if (isDone || answer.clips.length) draw({ ...answer, clips: got.clips }, page, parameters, got);
        if (isDone) break;
        part("told").textContent = `${number(got.clips.length)} found so far, looking further…`;
      }
    } catch (error) {
      clearTimeout(waiting);
      if (error.name === "AbortError") return;
      part("told").textContent = "";
      part("pages").replaceChildren();
      const again = button("Try again", show);
      results.replaceChildren(note("error", "The search did not work", error.message, again));
    }
    results.removeAttribute("aria-busy");
  }

  function draw(answer, page, parameters, got) {
    const { clips } = answer;
    part("note").textContent = answer.note;
    part("told").textContent = told(answer, page);
    const further = answer.is_full ? null : button("Look further", () => ask(parameters, got));
    part("results").replaceChildren(
      clips.length ? h("ul", { class: "q-grid" }, ...clips.map((each) => card(each, () => only(each.id)))) : nothing(parameters, page, further),
    );
    const turn = (to, label) => {
      const target = new URLSearchParams(now());
      if (to > 1) target.set("p", to);
      else target.delete("p");
      return link("query", target, { class: "h-button", rel: to < page ? "prev" : "next" }, label);
    };
    part("pages").replaceChildren(
      ...(page > 1 || answer.next
        ? [
            page > 1 ? turn(page - 1, "← Previous") : "",
            h("span", { class: "h-dim" }, `Page ${number(page)}`),
            further && clips.length ? further : "",
            answer.next && !further ? turn(page + 1, "Next →") : "",
          ]
        : []),
    );
    if (got.clips.length <= PAGE_SIZE) part("scroll").scrollTop = 0;
  }

  // More like this one, under the same filters.
  const only = (id) =>
    change((parameters) => {
      for (const name of ["q", "away", ...LIKES]) parameters.delete(name);
      parameters.set("clip", id);
    });

  function nothing(parameters, page, further) {
    if (further) {
      return note("search", "Nothing found so far", "Many clips were looked at, and none passes all filters. There are more.", further);
    }
    const isFiltered = FILTERS.some((name) => parameters.has(name));
    if (isFiltered) {
      const without = button("Without filters", () =>
        change((all) => FILTERS.forEach((name) => all.delete(name))),
      );
      return note("search", "No clip passes the filters", "Widen them, or take them away.", without);
    }
    if (page > 1) return note("search", "There are no more clips", "");
    const hasTerms = ["q", "away", ...LIKES].some((name) => parameters.has(name));
    if (hasTerms) {
      return note("search", "Nothing is searchable yet", "A clip can be found as soon as it has its vector, decided or not.");
    }
    const submit = link("submit", {}, { class: "h-button primary" }, "Submit videos");
    return note("empty", "No clips yet", "Submit a video; its clips appear here as soon as its cuts are found.", submit);
  }

  whenShown("query", show);
  window.addEventListener("heaters:search", () => focusOnceSeen(part("q")));
  addHelp("Query", () => [
    [["Enter"], "Search"],
    [["Tab"], "From clip to clip"],
    [["←", "→"], "Through the frames of the clip in focus"],
    [["M"], "More like the clip in focus"],
  ]);
}

// Gradio shows a tab some frames after it was told to; what is hidden cannot have the focus.
function focusOnceSeen(field, frames = 60) {
  field.focus();
  if (document.activeElement !== field && frames) requestAnimationFrame(() => focusOnceSeen(field, frames - 1));
}

function filtersOf(parameters) {
  const kept = [...parameters].filter(([name]) => FILTERS.includes(name));
  return new URLSearchParams(kept);
}

function told({ clips, total, is_more: isMore, is_full: isFull, how }, page) {
  if (!clips.length) return "";
  const first = (page - 1) * PAGE_SIZE + 1;
  const range = `${number(first)}–${number(first + clips.length - 1)}`;
  if (how) return `${range}, best first`;
  if (total !== null) return `${range} of ${number(total)}${isMore ? "+" : ""} clips`;
  return isFull ? range : `${number(clips.length)} found so far`;
}

