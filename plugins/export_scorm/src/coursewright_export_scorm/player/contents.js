// The lists beside the film: chapters and transcript. Both follow the film and lead to any part of it.

import { clock, fill } from "./text.js";

// A reader who scrolls is left alone for so long before the list follows the film again.
const READING_MS = 5000;

/** Where in a list ordered by `start_s` the film is; -1 before the first. */
export function indexAt(items, second) {
  // A seek can land a hair before the place that was asked for.
  return items.findLastIndex((item) => item.start_s <= second + 0.05);
}

/** A list of rows that follows the film. */
class Rows {
  #items;
  #rows;
  #list;
  #current = -1;
  #read = -READING_MS;

  constructor(panel, items, makeRow) {
    this.#items = items;
    this.#list = panel.querySelector("ol");
    this.#rows = items.map(makeRow);
    for (const event of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      this.#list.addEventListener(event, () => (this.#read = performance.now()), { passive: true });
    }
    panel.hidden = false;
  }

  show(second) {
    const index = indexAt(this.#items, second);
    if (index === this.#current) return;
    this.#rows[this.#current]?.removeAttribute("aria-current");
    this.#rows[index]?.setAttribute("aria-current", "true");
    this.#current = index;
    if (index >= 0 && performance.now() - this.#read > READING_MS) this.#reveal(this.#rows[index]);
  }

  /** Scroll the list, never the page. */
  #reveal(row) {
    const top = row.offsetTop; // from the list's own top: it is positioned
    if (top >= this.#list.scrollTop && top + row.offsetHeight * 2 < this.#list.scrollTop + this.#list.clientHeight) return;
    this.#list.scrollTop = top - this.#list.clientHeight / 3;
  }
}

export function showChapters(panel, chapters, seek) {
  const list = panel.querySelector("ol");
  return new Rows(panel, chapters, (chapter) => {
    const button = element("button", { type: "button", className: "chapter" });
    button.append(
      element("span", { className: "name", dir: "auto", textContent: chapter.title }),
      element("span", { className: "at", textContent: clock(chapter.start_s) }),
    );
    button.addEventListener("click", () => seek(chapter.start_s));
    const row = element("li");
    row.append(button);
    list.append(row);
    return row;
  });
}

export function showTranscript(panel, course, seek) {
  const list = panel.querySelector("ol");
  let chapter = -1;
  const buttons = [];
  const rows = new Rows(panel, course.cues, (cue) => {
    const begun = indexAt(course.chapters, cue.start_s);
    if (begun > chapter && course.chapters.length > 1) list.append(heading(course.chapters[begun].title));
    chapter = begun;
    const at = clock(cue.start_s);
    const button = element("button", { type: "button", className: "at", textContent: at, tabIndex: -1 });
    button.setAttribute("aria-label", fill(course.words.play_from, { time: at }));
    buttons.push(button);
    const row = element("li", { className: "cue" });
    row.append(button, element("span", { dir: "auto", textContent: cue.text }));
    row.addEventListener("click", () => {
      if (getSelection().isCollapsed) seek(cue.start_s);
    });
    list.append(row);
    return row;
  });
  rove(list, buttons);
  return rows;
}

function heading(title) {
  const row = element("li", { className: "heading" });
  row.append(element("h3", { dir: "auto", textContent: title }));
  return row;
}

/** One tab stop for many buttons: arrow keys move between them. */
function rove(list, buttons) {
  let at = 0;
  const stop = (index) => {
    buttons[at].tabIndex = -1;
    at = Math.min(Math.max(index, 0), buttons.length - 1);
    buttons[at].tabIndex = 0;
  };
  stop(0);
  list.addEventListener("focusin", (event) => stop(buttons.indexOf(event.target)));
  list.addEventListener("keydown", (event) => {
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    stop(next);
    buttons[at].focus();
  });
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
