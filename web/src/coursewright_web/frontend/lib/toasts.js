// Short messages in a corner. They can be undone, and those that matter stay until they are closed.
import Alpine from "@alpinejs/csp";
import { Problem, Unreached } from "./api.js";
import { _, ngettext, told } from "./text.js";

const SHOWN_S = 7;
const UNDO_S = 10;
const AGAIN_S = 2;
const MOST = 4;
let last = 0;
const acts = new Map(); // apart from the items: Alpine calls every function that an expression gives

/** What the corner shows: `$store.toasts`. */
export const store = Alpine.reactive({
  items: [],
  close(id) {
    store.items = store.items.filter((each) => each.id !== id);
    const { closed } = acts.get(id) ?? {};
    acts.delete(id);
    closed?.();
  },
  act(toast) {
    acts.get(toast.id)?.undo();
    store.close(toast.id);
  },
});

/** Whoever reads or reaches for a message is not hurried: under the pointer and with the focus in it, it stays. */
const held = () => document.querySelector(".toasts:is(:hover, :focus-within)") !== null;

const closeAfter = (id, seconds) => setTimeout(() => (held() ? closeAfter(id, AGAIN_S) : store.close(id)), seconds * 1000);

/**
 * Show a message. `undo` is a function that takes back what was done, `closed` one that is called when the message goes,
 * undone or not; `tone`: good, warn, bad, plain.
 */
export function toast(text, { tone = "good", undo = null, closed = null, more = "", stays = false } = {}) {
  const id = ++last;
  const mark = { good: "check-circle", bad: "exclamation-circle" }[tone];
  acts.set(id, { undo, closed });
  store.items.push({ id, text, tone, more, mark, undoable: Boolean(undo) });
  if (store.items.length > MOST) store.close(store.items[0].id);
  if (!stays) closeAfter(id, undo ? UNDO_S : SHOWN_S);
  return id;
}

/** Show what went wrong, unless the page shows it already. */
export function fail(error) {
  if (error instanceof Unreached || error.name === "AbortError") return;
  if (!(error instanceof Problem)) {
    toast(_("Something went wrong."), { tone: "bad", stays: true, more: String(error.message ?? error) });
    throw error;
  }
  if (error.status === 429) return countdown(error);
  const more = [told(error.remedy), error.instance].filter(Boolean).join(" · ");
  toast(sentence(error.message), { tone: "bad", stays: error.status >= 500, more });
}

const NAME = /^\w+\.\w/; // of a provider or a file, which is not written otherwise at the beginning

/** In the page's language, begins with a capital and ends with a full stop. */
export function sentence(said) {
  const text = told(said);
  return text && (NAME.test(text) ? text[0] : text[0].toUpperCase()) + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

function countdown(error) {
  const id = toast(_("That was tried too often."), { tone: "warn", stays: true });
  let left = error.retryAfter || 5;
  const tick = () => {
    const shown = store.items.find((each) => each.id === id);
    if (!shown) return;
    if (left <= 0) return store.close(id);
    shown.more = ngettext("Try again in %(n)s second.", "Try again in %(n)s seconds.", left--);
    setTimeout(tick, 1000);
  };
  tick();
}
