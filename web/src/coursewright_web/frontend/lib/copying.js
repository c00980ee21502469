// Putting a text onto the clipboard.
import { toast } from "./toasts.js";
import { _ } from "./text.js";

/** Copy it, and say so. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(_("Copied."));
  } catch {
    toast(_("Your browser does not let pages copy. Mark the text and copy it yourself."), { tone: "warn" });
  }
}
