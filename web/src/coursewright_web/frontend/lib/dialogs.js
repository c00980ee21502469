// Questions before something is done that cannot be undone.
import Alpine from "@alpinejs/csp";
import { _ } from "./text.js";

/** What the dialog of the shell asks: `$store.question`. */
export const store = Alpine.reactive({ open: false, title: "", text: "", yes: "", danger: false, answer() {} });

/** Ask; true for yes. `const sure = await confirmed(_("Delete this job?"), { yes: _("Delete"), danger: true })`. */
export function confirmed(title, { text = "", yes = _("Yes"), danger = false } = {}) {
  return new Promise((done) => {
    Object.assign(store, { open: true, title, text, yes, danger });
    store.answer = (sure) => {
      store.open = false;
      done(sure);
    };
  });
}
