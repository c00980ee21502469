// Saving in the editor: what is new is shown first, and nobody writes over what somebody else saved meanwhile.
import { Problem, get, post, put } from "../lib/api.js";
import { difference } from "../lib/diff.js";
import { fail, sentence, toast } from "../lib/toasts.js";
import { _ } from "../lib/text.js";

/** The texts of a pipeline by name, as the editor has them: its own has none. */
export const textsOf = ({ text, files }) => ({ "": text, ...files });

export const bodyOf = ({ "": text, ...files }) => ({ text, files });

/** What is different, text by text. */
export function changesOf(before, after) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const all = names.map((name) => ({ name, lines: difference(before[name] ?? "", after[name] ?? "") }));
  return all.filter(({ lines }) => lines.length);
}

/** A part of the editor's component. `pending` is what the dialog shows. */
export const saving = {
  pending: null,
  note: "",
  busy: false,
  async save() {
    if (this.pending) return this.send();
    await this.check();
    if (this.errors()) return this.refuse(_("It can be saved when it has no errors."));
    const changes = changesOf(this.saved, this.texts());
    if (!changes.length) return toast(_("There is nothing new to save."), { tone: "plain" });
    this.pending = { changes, news: "", error: "", remedy: "" };
  },
  closed() {
    this.pending = null;
  },
  async send() {
    if (this.busy) return;
    this.busy = true;
    const texts = this.texts();
    const body = { ...bodyOf(texts), note: this.note.trim() };
    try {
      const base = { ...body, base_version: this.base };
      const made = this.name ? await put(`/api/pipelines/${this.name}`, base) : await post("/api/pipelines", body);
      this.take(made, texts);
    } catch (error) {
      await this.unsent(error).catch(fail);
    }
    this.busy = false;
  },
  take(made, texts) {
    this.saved = this.begun = texts;
    this.base = made.version;
    this.keep();
    this.pending = null;
    this.note = "";
    if (!this.name) return location.replace(`/pipelines/${made.name}/edit`);
    toast(_("Saved as version %(n)s.", { n: made.version }));
    this.$nextTick(() => this.focus());
  },
  async unsent(error) {
    if (error.code === "changed_meanwhile") return this.overtaken();
    if (error.code === "name_taken") {
      this.pending.error = _("There is a pipeline of that name");
      this.pending.remedy = _("Give it another name, in the line that begins with “name:”.");
    } else if (error instanceof Problem) {
      this.pending.error = sentence(error.message);
      this.pending.remedy = error.remedy && sentence(error.remedy);
    } else throw error;
  },
  /** Show what saving would change of theirs; saving again does it. */
  async overtaken() {
    const [theirs, versions] = await Promise.all([
      get(`/api/pipelines/${this.name}`),
      get(`/api/pipelines/${this.name}/versions?limit=20`),
    ]);
    const author = versions.items.find((each) => each.version === theirs.version)?.author || _("Somebody");
    this.saved = this.begun = textsOf(theirs);
    this.base = theirs.version;
    const news = _("%(who)s has saved version %(n)s meanwhile. These lines show what yours would change of it.", {
      who: author,
      n: theirs.version,
    });
    this.pending = { changes: changesOf(this.saved, this.texts()), news, error: "", remedy: "" };
  },
};
