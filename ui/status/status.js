// The Status tab: the board of the pipeline, or with `video=ID` in the address the page of one video.
// It asks only while it is seen.
import { api, h, note, button, place, whenShown, whileVisible } from "/ui/shell/kit.js";
import { drawBoard } from "/ui/status/board.js";
import { drawVideo } from "/ui/status/video.js";

const BOARD_SECONDS = 3;
const PLOTS_SECONDS = 30;

export function mount(element) {
  const page = element.querySelector('[data-part="page"]');
  let view = null; // what is drawn: {name, refresh}
  let failed = false;

  function show() {
    const video = place.get("status").get("video");
    const name = video ? `video ${video}` : "board";
    if (view?.name === name && !failed) return;
    failed = false;
    page.replaceChildren(h("div", { class: "h-skeleton", style: { height: "420px" }, role: "status", "aria-label": "loading" }));
    view = { name, ...(video ? drawVideo(page, video) : drawBoard(page)) };
    element.querySelector('[data-part="scroll"]').scrollTop = 0;
    refresh();
    plots();
  }

  async function refresh() {
    const mine = view;
    if (!mine) return;
    try {
      await mine.refresh();
    } catch (error) {
      if (mine !== view || error.status === 0) return; // the bar says so; what is shown stays
      failed = true;
      page.replaceChildren(note("error", "This cannot be shown", error.message, button("Try again", show)));
    }
  }

  async function plots() {
    if (view?.plots) view.plots(await api("/api/status/plots").catch(() => null));
  }

  whenShown("status", show);
  whileVisible("status", BOARD_SECONDS, refresh);
  whileVisible("status", PLOTS_SECONDS, plots);
}
