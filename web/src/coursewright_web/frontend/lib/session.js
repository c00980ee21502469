// Logging in again over the page, so that a session that ended takes no form with it.
import Alpine from "@alpinejs/csp";

/** Whether the dialog is open: `$store.session`. */
export const store = Alpine.reactive({ asking: false });

let waiting = null;

/** Asks for the password once for all who wait; true when somebody logged in. */
export function loginAgain() {
  if (!document.getElementById("login-again")) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {});
  }
  waiting ??= new Promise((done) => {
    store.asking = true;
    store.finish = (good) => {
      store.asking = false;
      waiting = null;
      done(good);
    };
  });
  return waiting;
}
