// From key presses to commands, by the one table. Fields, sheets and the browser's own shortcuts keep their keys.

export class Keyboard {
  constructor(table, { isLive, run, options }) {
    this.commands = new Map();
    this.letters = new Set();
    for (const row of table) {
      for (const key of row.keys) {
        this.commands.set(key, row);
        if (key.replace("Shift+", "").length === 1 && /[a-z]/.test(key.slice(-1)) && !key.startsWith("Ctrl+")) this.letters.add(key);
      }
    }
    this.held = { key: "", count: 0 };
    document.addEventListener("keydown", (event) => isLive() && this.down(event, run, options));
    document.addEventListener("keyup", () => (this.held = { key: "", count: 0 }));
  }

  down(event, run, options) {
    if (event.defaultPrevented || event.isComposing || event.altKey || isTaken(event)) return;
    const name = nameOf(event);
    const row = this.commands.get(name);
    if (!row || (this.letters.has(name) && !options.letters)) return;
    event.preventDefault();
    if (event.repeat && !row.repeats) return;
    this.held = { key: name, count: event.repeat && this.held.key === name ? this.held.count + 1 : 0 };
    run(row.command, this.held.count);
  }
}

// "a", "Shift+u", "Ctrl+Shift+z", "ArrowRight", "?": Shift is named only where the key itself does not say it.
function nameOf(event) {
  const letter = event.key.length === 1;
  const key = letter ? event.key.toLowerCase() : event.key;
  const isCase = letter && /[a-z]/.test(key);
  const shift = event.shiftKey && (isCase || !letter) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift}${key}`;
}

// Whether somebody else wants the key: a field, an open sheet, or a button that Space and Enter press.
function isTaken(event) {
  const at = event.target;
  if (!(at instanceof Element)) return false;
  if (at.closest("dialog:not([open])")) return false; // a sheet that just closed keeps the focus for a moment
  if (at.isContentEditable || at.closest("input, textarea, select, dialog[open]")) return true;
  if (document.querySelector("dialog[open]")) return true;
  return (event.key === " " || event.key === "Enter") && at.closest("button, a[href], [role=tab]") !== null;
}

const NAMES = { Shift: "⇧", Ctrl: "Ctrl+", ArrowRight: "→", ArrowLeft: "←", " ": "Space", Escape: "Esc" };

// A key as it is printed on buttons and in the help sheet.
export function label(key) {
  return key
    .split(/(?<=.)\+(?=.)/)
    .map((part) => NAMES[part] || (part.length === 1 ? part.toUpperCase() : part))
    .join("");
}
