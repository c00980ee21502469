// Doing something only when nobody took it back: deletes wait until their message goes, or the page is left.
import { fail, toast } from "./toasts.js";

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
  const undo = () => {
    waiting.delete(finish);
    if (!entry.done) restore();
    entry.done = true;
  };
  toast(text, { undo, closed: finish });
}

window.addEventListener("pagehide", () => waiting.forEach((finish) => finish()));
