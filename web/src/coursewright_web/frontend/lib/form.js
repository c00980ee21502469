// A form that is sent to the API: what is wrong is said at its field, and nothing that was typed is lost.
import { Problem, Unreached, ask } from "./api.js";
import { sentence } from "./toasts.js";
import { _, ngettext } from "./text.js";

/** The fields of a form as JSON: ticks are true or false, numbers numbers, everything else text. */
export function values(element) {
  const found = {};
  for (const field of element.elements) {
    if (!field.name || field.disabled) continue;
    if (field.type === "checkbox") found[field.name] = field.checked;
    else if (field.type === "radio") field.checked && (found[field.name] = field.value);
    else if (field.type === "number") found[field.name] = field.value === "" ? null : Number(field.value);
    else found[field.name] = field.value;
  }
  return found;
}

/**
 * Data of an Alpine component on a `<form>`, used by the macros of `components/ui.html`: `errors`, `error`, `busy`.
 * `body(values)` may change what is sent; `done(answer, element)` gets what came back; `open`: before the login.
 */
export function form({ method = "POST", path, body = (all) => all, done, open = false, more = {} }) {
  const made = {
    errors: {},
    error: "",
    remedy: "",
    busy: false,
    wait: 0,
    get waits() {
      return this.busy || this.wait > 0;
    },
    async send(event) {
      const element = event.target;
      if (this.waits || !this.complete(element)) return;
      this.busy = true;
      this.errors = {};
      this.error = this.remedy = "";
      try {
        const address = typeof path === "function" ? path.call(this) : path;
        const answer = await ask(method, address, { body: body.call(this, values(element), element), open });
        await done.call(this, answer, element);
      } catch (error) {
        this.failed(error, element);
      } finally {
        this.busy = false;
      }
    },
    /** The browser's own checks, said by us at each field. */
    complete(element) {
      const wrong = [...element.elements].filter((field) => field.name && !field.validity.valid);
      this.errors = Object.fromEntries(wrong.map((field) => [field.name, field.validationMessage]));
      wrong[0]?.focus();
      return !wrong.length;
    },
    failed(error, element) {
      if (error instanceof Unreached) this.error = error.message;
      else if (!(error instanceof Problem)) throw error;
      else {
        const known = new Set([...element.elements].map((field) => field.name));
        const fields = Object.entries(error.fields);
        this.errors = Object.fromEntries(fields.map(([name, text]) => [name, sentence(text)]));
        if (!fields.length || fields.some(([name]) => !known.has(name))) {
          this.error = sentence(error.message);
          this.remedy = error.remedy && sentence(error.remedy);
        }
        if (error.status === 429) this.countDown(error.retryAfter || 5);
        const first = [...element.elements].find((field) => field.name in this.errors);
        first?.focus();
      }
    },
    countDown(seconds) {
      this.wait = seconds;
      this.error = _("That was tried too often.");
      this.remedy = seconds > 0 ? ngettext("Try again in %(n)s second.", "Try again in %(n)s seconds.", seconds) : "";
      if (seconds > 0) setTimeout(() => this.countDown(seconds - 1), 1000);
      else this.error = "";
    },
  };
  return Object.defineProperties(made, Object.getOwnPropertyDescriptors(more)); // getters stay getters
}
