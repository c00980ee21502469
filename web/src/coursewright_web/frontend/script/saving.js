// Saving a script while it is edited, step by step, so that each can be undone; nobody writes over another window's work.
import { Problem, Unreached, get, put, remove } from "../lib/api.js";
import { fail, sentence } from "../lib/toasts.js";
import { _ } from "../lib/text.js";
import { bodyOf, cardOf } from "./scenes.js";

const PATIENCE_MS = 700;

/** A part of the page's component, with `title`, `scenes` and `told(script)`. */
export function saving() {
  let tag = "";
  let timer = 0;
  let sending = null;
  let kept = ""; // as the service has it
  const before = [];
  const after = [];
  const seen = (answer) => (tag = answer.headers.get("ETag") ?? tag);
  return {
    now: "", // the script as JSON, as it was when somebody last rested
    typing: false,
    busy: false,
    fault: "",
    overtaken: false,
    steps: { back: 0, forth: 0 },
    async fetched() {
      return get(this.address("/script"), { seen });
    },
    begin() {
      this.now = kept = JSON.stringify(bodyOf(this));
      window.addEventListener("beforeunload", (event) => this.settled() || event.preventDefault());
      window.addEventListener("coursewright:back", () => this.save());
    },
    /** The script as another window left it. */
    renewed() {
      this.now = kept = JSON.stringify(bodyOf(this));
      before.length = after.length = 0;
      this.count();
      this.fault = "";
      this.overtaken = false;
    },
    settled() {
      return !this.typing && this.now === kept;
    },
    state() {
      if (this.overtaken || this.fault) return this.fault;
      return this.busy || !this.settled() ? _("Saving …") : _("All is saved.");
    },

    // One step after another

    /** Somebody types. */
    touched(scene) {
      if (scene) this.stale[scene.id] = true;
      this.typing = true;
      clearTimeout(timer);
      timer = setTimeout(() => this.step(), PATIENCE_MS);
    },
    /** What was done until now is a step. */
    step() {
      clearTimeout(timer);
      this.typing = false;
      const now = JSON.stringify(bodyOf(this));
      if (now !== this.now) {
        before.push(this.now);
        after.length = 0;
        this.now = now;
      }
      this.count();
      return this.save();
    },
    count() {
      this.steps = { back: before.length, forth: after.length };
    },
    undo() {
      this.step();
      this.go(before, after);
    },
    redo() {
      this.step();
      this.go(after, before);
    },
    go(from, to) {
      if (!from.length) return;
      to.push(this.now);
      this.now = from.pop();
      const { title, scenes } = JSON.parse(this.now);
      const known = new Map(this.scenes.map((scene) => [scene.id, scene.asking]));
      this.title = title;
      this.scenes = scenes.map((scene) => ({ ...cardOf(scene), asking: known.get(scene.id) ?? null }));
      this.count();
      this.save();
    },

    // Saving

    /** Sends what is not saved yet; done when nothing is left, or when it cannot be. */
    save() {
      sending ??= this.send().finally(() => (sending = null));
      return sending;
    },
    async send() {
      this.busy = true;
      if (!this.overtaken) this.fault = "";
      while (this.now !== kept && !this.overtaken && this.complete()) {
        const sent = this.now;
        try {
          const script = await put(this.address("/script"), JSON.parse(sent), { headers: { "If-Match": tag }, seen });
          kept = sent;
          this.told(script);
        } catch (error) {
          this.unsaved(error);
          break;
        }
      }
      this.busy = false;
    },
    /** Says what is still to be written. */
    complete() {
      for (const scene of this.scenes) scene.fault = "";
      const lacking = this.scenes.find((scene) => !scene.title.trim() || !scene.narration.trim());
      if (lacking) lacking.fault = lacking.title.trim() ? _("It says nothing yet.") : _("It has no title yet.");
      this.fault = "";
      if (!this.title.trim()) this.fault = _("Not saved: the course has no title.");
      else if (lacking) this.fault = _("Not saved yet: scene %(n)s is not complete.", { n: this.scenes.indexOf(lacking) + 1 });
      return !this.fault;
    },
    unsaved(error) {
      if (error instanceof Unreached) this.fault = `${_("Not saved.")} ${error.message}`;
      else if (error.code === "script_changed") this.conflicted();
      else if (error.code === "job_active") this.sync();
      else if (error instanceof Problem && error.errors.length) this.blamed(error);
      else {
        this.fault = _("Not saved.");
        fail(error);
      }
    },
    conflicted() {
      this.overtaken = true;
      this.fault = _("Not saved: the script was changed in another window.");
    },
    blamed(error) {
      const { pointer = "", message } = error.errors[0];
      const scene = this.scenes[/^\/scenes\/(\d+)/.exec(pointer)?.[1]];
      if (scene) scene.fault = sentence(message);
      this.fault = scene ? _("Not saved: see the scene that is marked.") : sentence(error.message);
    },
    async keepMine() {
      try {
        await this.fetched(); // for its tag
        this.overtaken = false;
        await this.save();
      } catch (error) {
        fail(error);
      }
    },
    /** Back to what was written for the author: a step like others. */
    async afresh() {
      await this.step();
      try {
        const script = await remove(this.address("/script"), { headers: { "If-Match": tag }, seen });
        this.title = script.title;
        this.scenes = script.scenes.map(cardOf);
        before.push(this.now);
        after.length = 0;
        this.now = kept = JSON.stringify(bodyOf(this));
        this.count();
        this.told(script);
      } catch (error) {
        this.unsaved(error);
      }
    },
  };
}
