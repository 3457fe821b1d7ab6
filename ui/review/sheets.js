// The help sheet and the options, both <dialog>s. The help sheet is the key table, nothing else.

import { label } from "./keyboard.js";
import { button, element } from "./page.js";

const STORE = "heaters.review.options";

export function loadOptions() {
  const standard = { confirm: false, letters: true };
  try {
    return { ...standard, ...JSON.parse(localStorage.getItem(STORE) || "{}") };
  } catch {
    return standard;
  }
}

export class Sheets {
  // `hooks`: videos() → list of videos, change(scope), scope() → the present one.
  constructor(page, table, options, hooks) {
    this.page = page;
    this.table = table;
    this.settings = options;
    this.hooks = hooks;
    for (const name of ["help", "options"]) {
      const sheet = page.part(name);
      sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
      sheet.addEventListener("keydown", (event) => {
        if (!sheet.open) return; // closed, and its field keeps the focus until the browser paints again
        if (name === "help" && event.key === "?") sheet.close();
        event.stopPropagation();
      });
    }
  }

  help() {
    const sheet = this.page.part("help");
    const groups = new Map();
    for (const row of this.table) groups.set(row.group, [...(groups.get(row.group) || []), row]);
    const columns = element("div", "rv-keys");
    // What is needed most comes first; the longest part has a column of its own.
    const [first, ...rest] = groups;
    for (const [name, rows] of [first, ...rest.sort(([, a], [, b]) => a.length - b.length)]) {
      const list = element("dl");
      for (const row of rows) {
        const keys = element("dt");
        keys.append(...row.keys.map((key) => element("kbd", "", label(key))));
        list.append(keys, element("dd", "", row.does));
      }
      const section = element("section");
      section.append(element("h3", "", name), list);
      columns.append(section);
    }
    const note = element("p", "rv-note", "While a cut is being placed, decisions wait: Enter commits the shown frame, Esc leaves. Undo goes back through everything you did, also after a reload.");
    sheet.replaceChildren(this.head("Keys", sheet), columns, note);
    sheet.showModal();
  }

  async options() {
    const sheet = this.page.part("options");
    if (sheet.open) return;
    const scope = this.hooks.scope();
    const form = element("form", "rv-form");
    form.method = "dialog";
    const order = this.choice("Order", [["", "Play order"], ["uncertain", "Least confident cuts first"]], scope.uncertain ? "uncertain" : "");
    const videos = this.choice("Videos", [["", "All videos"]], "");
    form.append(
      order.line,
      videos.line,
      this.tick("confirm", "Ask for Enter before each decision"),
      this.tick("letters", "Single letters act (off: buttons, arrows and Ctrl+Z only)"),
    );
    sheet.replaceChildren(this.head("Options", sheet), form);
    sheet.showModal();
    const known = await this.hooks.videos();
    for (const video of known) {
      const option = element("option", "", `${video.title} (${video.waiting})`);
      option.value = video.id;
      videos.select.append(option);
    }
    videos.select.value = scope.videos ? String(scope.videos[0]) : "";
    const changed = () => this.hooks.change({ videos: videos.select.value ? [Number(videos.select.value)] : null, uncertain: order.select.value === "uncertain" });
    order.select.addEventListener("change", changed);
    videos.select.addEventListener("change", changed);
  }

  // The tab beside this one; the shell knows how to get there.
  search() {
    document.dispatchEvent(new CustomEvent("heaters:tab", { detail: "query" }));
  }

  head(title, sheet) {
    const head = element("header");
    const close = button("Close", () => sheet.close(), "rv-close");
    head.append(element("h2", "", title), close);
    return head;
  }

  choice(name, choices, value) {
    const line = element("label", "rv-choice");
    const select = element("select");
    for (const [key, text] of choices) {
      const option = element("option", "", text);
      option.value = key;
      select.append(option);
    }
    select.value = value;
    line.append(element("span", "", name), select);
    return { line, select };
  }

  tick(name, text) {
    const line = element("label", "rv-tick");
    const box = element("input");
    box.type = "checkbox";
    box.checked = this.settings[name];
    box.addEventListener("change", () => {
      this.settings[name] = box.checked;
      localStorage.setItem(STORE, JSON.stringify(this.settings));
      this.page.root.classList.toggle("is-quiet", !this.settings.letters);
    });
    line.append(box, element("span", "", text));
    return line;
  }
}
