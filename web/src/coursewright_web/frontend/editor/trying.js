// Trying a pipeline from the editor: the form that authors will see, filled in, starts a job of the text as it is.
import { get, post } from "../lib/api.js";
import { faultOf } from "../lib/fields.js";
import { active, howFar, look, merged, spoken } from "../lib/jobs.js";
import { follow } from "../lib/live.js";
import { fail, sentence } from "../lib/toasts.js";
import { _, language } from "../lib/text.js";
import { bodyOf } from "./saving.js";

const SUBJECT = _("The tides");
const WORDS = _(
  "The sea rises and falls twice a day. The moon pulls the water towards it, and the Earth turns below. When sun and moon pull together, the tides are highest.",
);

/** A part of the editor's component, beside `asking`. `job` is the one that was started last. */
export const trying = {
  job: null,
  spoken,
  starting: false,
  trouble: "",
  look,
  far: (job) => howFar(job),
  /** Put something into what is empty and needed, and into documents, which often stand for something else. */
  async samples() {
    for (const field of this.fields.filter((each) => each.required || each.kind === "document")) {
      field.error = "";
      if (field.kind === "document" && !field.asset) Object.assign(field, { mode: "write", text: field.text || WORDS });
      else if (field.type && !field.asset) await this.first(field);
      else if (field.type || field.value !== "") continue;
      else if (field.kind === "text") field.value = field.line ? SUBJECT : WORDS;
      else if (field.kind === "number") field.value = field.minimum === "" ? 1 : field.minimum;
      else if (field.kind === "choice") field.value = field.options[0].value;
      else if (field.kind === "language") field.value = language;
    }
  },
  /** The newest of the person's own files that fits. */
  async first(field) {
    await this.library(field);
    if (field.assets.length) await this.pick(field, field.assets[0]);
    else field.error = _("You have none yet: add one here.");
  },
  async start() {
    if (this.starting) return;
    await this.check();
    if (this.errors()) return this.refuse(_("It can be tried when it has no errors."));
    for (const field of this.fields) field.error = faultOf(field, this.fields);
    const wrong = this.fields.find((field) => field.error);
    if (wrong) return this.point(wrong);
    this.starting = true;
    this.trouble = "";
    try {
      await this.run();
    } catch (error) {
      this.prevented(error);
    }
    this.starting = false;
  },
  async run() {
    const inputs = await this.given();
    const { name, title, version } = await post("/api/pipelines/try", bodyOf(this.texts()));
    const called = _("Try of %(title)s", { title }).slice(0, 200);
    const first = !this.job;
    this.job = await post("/api/jobs", { pipeline: name, version, inputs, title: called });
    if (first) follow({ sync: () => this.renew(), event: (type, data) => this.heard(type, data) });
  },
  prevented(error) {
    const field = error.errors && this.blamed(error);
    if (field) this.point(field);
    else if (error.errors) this.trouble = [sentence(error.message), error.remedy && sentence(error.remedy)].join(" ");
    else fail(error);
  },
  async renew() {
    try {
      this.job = await get(`/api/jobs/${this.job.id}`);
    } catch (error) {
      fail(error);
    }
  },
  heard(type, data) {
    if (data.job !== this.job.id || type === "step") return;
    if (type === "end") return this.renew();
    this.job = merged(this.job, data);
  },
  runs: (job) => active(job),
  point(field) {
    this.pane = "form";
    this.$nextTick(() => {
      const place = document.getElementById(field.id) ?? document.getElementById(`${field.id}-group`);
      place?.focus();
      place?.scrollIntoView({ block: "center" });
    });
  },
};
