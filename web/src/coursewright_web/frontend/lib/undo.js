// Doing something only when nobody took it back: deletes wait a few seconds, or until the page is left.
import { store, fail, toast } from "./toasts.js";

const WAIT_S = 10;
const waiting = new Set();

/** Say what was done, and do it (`commit`) unless it is undone (`restore`) meanwhile. */
export function undoable(text, commit, restore) {
  const entry = { done: false };
  const finish = async () => {
    if (entry.done) return;
    entry.done = true;
    waiting.delete(finish);
    try {
      await commit();
    } catch (error) {
      restore();
      fail(error);
    }
  };
  waiting.add(finish);
  const timer = setTimeout(finish, WAIT_S * 1000);
  const undo = () => {
    clearTimeout(timer);
    waiting.delete(finish);
    if (!entry.done) restore();
    entry.done = true;
  };
  const id = toast(text, { undo });
  return { finish, close: () => store.close(id) };
}

window.addEventListener("pagehide", () => waiting.forEach((finish) => finish()));
