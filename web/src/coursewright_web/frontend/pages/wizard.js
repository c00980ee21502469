// The wizard of one format: its steps and fields come from the pipeline's JSON Schema.
import Alpine from "@alpinejs/csp";
import { get, post } from "../lib/api.js";
import { askedBy, asking } from "../lib/asking.js";
import { register } from "../lib/components.js";
import { consentPart } from "../lib/consent.js";
import { dropDraft, readDraft, writeDraft } from "../lib/drafts.js";
import { costOf, timeOf } from "../lib/estimates.js";
import { faultOf, isMain, stepsOf, toldOf } from "../lib/fields.js";
import { hands } from "../lib/hands.js";
import { notesField } from "../lib/notes.js";
import { localised } from "../lib/pipelines.js";
import { previewing, previewsOf, scriptStep } from "../lib/previews.js";
import { recorder } from "../lib/recorder.js";
import { searchSelect } from "../lib/searching.js";
import { fail, sentence } from "../lib/toasts.js";
import { soundWave } from "../lib/waves.js";

const KEPT = ["value", "mode", "text", "asset", "written"];

const wizard = () => ({
  ...asking,
  ...hands,
  ...previewing,
  ready: false,
  restored: false,
  pipeline: null,
  steps: [],
  at: 0,
  title: "",
  script: "", // the step that gives it
  review: false, // does the person want to see it first?
  key: crypto.randomUUID?.() ?? String(Math.random()).slice(2),
  error: "",
  remedy: "",
  busy: false,
  estimate: null,
  estimating: false,
  more: false,
  said: toldOf,
  sentence,
  async init() {
    this.name = this.$root.dataset.pipeline;
    try {
      this.pipeline = localised(await get(`/api/pipelines/${this.name}`));
      this.fields = askedBy(this.pipeline.inputs);
      this.steps = stepsOf(this.fields);
      this.previews = previewsOf(this.pipeline, this.steps, this.fields);
      this.script = scriptStep(this.pipeline.graph)?.step ?? "";
      await this.begin();
      await this.takeHands();
    } catch (error) {
      return fail(error);
    }
    this.ready = true;
    Alpine.effect(() => this.save());
    window.addEventListener("popstate", () => this.show(this.stepInAddress(), false));
    this.show(this.stepInAddress(), false);
  },

  // Drafts

  async begin() {
    const address = new URLSearchParams(location.search);
    const [from, used] = [address.get("from"), address.get("use")].map((id) => id && encodeURIComponent(id));
    if (from) return this.takeJob(await get(`/api/jobs/${from}`));
    await this.takeDraft(readDraft(this.name));
    if (used) await this.takeFile(await get(`/api/assets/${used}`));
  },
  async takeFile(asset) {
    const field = this.fields.find((each) => each.type === asset.type);
    if (!field) return;
    if (field.modes.length) field.mode = "file";
    await this.pick(field, asset);
  },
  async takeDraft(draft) {
    if (!draft) return;
    for (const field of this.fields) {
      const kept = draft.fields?.[field.name];
      if (kept) Object.assign(field, Object.fromEntries(KEPT.filter((each) => each in kept).map((each) => [each, kept[each]])));
    }
    Object.assign(this, { title: draft.title ?? "", review: draft.review ?? false, providers: draft.providers ?? {}, key: draft.key ?? this.key, restored: true });
    await this.checkAssets();
    this.takePreviews(draft.previews);
  },
  async takeJob(job) {
    this.providers = job.providers;
    this.title = job.title;
    for (const field of this.fields) {
      const given = job.inputs[field.name];
      if (given === undefined || given === null) continue;
      if (field.type) Object.assign(field, { asset: { id: given }, mode: field.mode && "file" });
      else field.value = given;
      if (field.within) this.fieldOf(field.within).mode = "topic";
    }
    for (const field of this.fields) if (field.kind === "document" && field.asset) field.mode = "file";
    await this.checkAssets();
  },
  /** Files that were chosen once may be gone by now. */
  async checkAssets() {
    const chosen = this.fields.filter((field) => field.asset);
    await Promise.all(
      chosen.map(async (field) => {
        const asset = await get(`/api/assets/${field.asset.id}`).catch(() => null);
        await this.pick(field, asset);
      }),
    );
    const written = this.fields.filter((field) => field.written);
    for (const field of written)
      if (!(await get(`/api/assets/${field.written.id}`).catch(() => null))) field.written = null;
  },
  save() {
    const fields = Object.fromEntries(
      this.fields.map((field) => [field.name, Object.fromEntries(KEPT.map((each) => [each, field[each]]))]),
    );
    const draft = { fields, title: this.title, review: this.review, providers: this.providers, previews: this.keptPreviews(), key: this.key };
    if (this.ready && !this.started && this.touched) writeDraft(this.name, draft);
  },
  get touched() {
    return Boolean(this.title) || this.fields.some((field) => field.text || field.asset || field.value !== field.initial);
  },
  afresh() {
    dropDraft(this.name);
    location.assign(`/create/${this.name}`);
    this.started = true; // leaving, nothing is kept
  },
  started: false,

  /** Written by a model from a topic, or from notes: not everybody can do both. */
  setMode(field, mode) {
    asking.setMode.call(this, field, mode);
    this.probe();
  },

  // Steps

  get step() {
    return this.steps[this.at] ?? { key: "", title: "" };
  },
  get last() {
    return this.at === this.steps.length - 1;
  },
  get fieldsHere() {
    return this.fields.filter((field) => field.group === this.step.key && !field.within);
  },
  get main() {
    return this.fieldsHere.filter(isMain);
  },
  get rest() {
    return this.fieldsHere.filter((field) => !isMain(field));
  },
  get restText() {
    return this.rest.map((field) => field.title).join(", ");
  },
  stepInAddress() {
    return Math.max(0, this.steps.findIndex((step) => `#${step.key}` === location.hash));
  },
  go(index) {
    if (index > this.at && !this.complete(index)) return;
    this.show(index, true);
  },
  /** Everything before that step is given; if not, the first that is at fault is shown. */
  complete(until) {
    for (let index = 0; index < until; index += 1) {
      const here = this.fields.filter((field) => field.group === this.steps[index].key);
      for (const field of here) field.error = faultOf(field, this.fields);
      const wrong = here.find((field) => field.error);
      if (wrong) {
        if (index !== this.at) this.show(index, true);
        this.focus(wrong);
        return false;
      }
    }
    return true;
  },
  show(index, push) {
    this.at = Math.min(Math.max(0, index), this.steps.length - 1);
    if (push) history.pushState(null, "", `#${this.step.key}`);
    for (const field of this.fieldsHere) if (field.type && !field.loaded) this.library(field);
    if (this.rest.some((field) => field.error || field.value !== field.initial)) this.more = true;
    if (this.last && this.complete(this.at)) this.ask();
    else if (this.workHere().length) this.probe();
    if (push) this.$nextTick(() => this.$refs.heading?.focus());
    if (push) window.scrollTo({ top: 0 });
  },
  next() {
    this.last ? this.start() : this.go(this.at + 1);
  },
  back() {
    this.at ? this.go(this.at - 1) : location.assign("/create");
  },
  focus(field) {
    if (this.rest.includes(field)) this.more = true;
    const shown = field.within ? this.fieldOf(field.within) : field;
    this.$nextTick(() => {
      const place = document.getElementById(field.id) ?? document.getElementById(`${shown.id}-group`);
      place?.focus();
      place?.scrollIntoView({ block: "center" });
    });
  },

  // Review

  get summary() {
    const shown = this.fields.map((field) => ({ field, text: toldOf(field) }));
    return shown.filter(({ field, text }) => text && (!field.within || this.fieldOf(field.within).mode === "topic"));
  },
  /** What the service calls a course without a name: by its first text, or the first file of text. */
  get usualTitle() {
    const first = this.summary.find(({ field }) => field.kind === "text" || field.kind === "document");
    return first ? first.text.split("\n")[0].replace(/\.\w{1,5}$/, "") : "";
  },
  stepOf(field) {
    return this.steps.findIndex((step) => step.key === field.group);
  },
  async prepared() {
    const inputs = await this.given();
    return { pipeline: this.name, inputs, providers: this.providers, title: this.title.trim() };
  },
  async ask() {
    this.estimating = true;
    this.error = this.remedy = "";
    this.estimate = null;
    try {
      this.estimate = await post("/api/jobs/estimate", await this.prepared());
      this.refused(this.estimate);
    } catch (error) {
      this.failed(error);
    } finally {
      this.estimating = false;
    }
  },
  async start() {
    if (this.busy || !this.complete(this.at)) return;
    const stuck = this.work.find((work) => this.refuses(work));
    if (stuck) return document.getElementById(`hand-${stuck.step}`).focus();
    this.busy = true;
    this.error = this.remedy = "";
    try {
      // The key is that of the draft: sent twice, by two tabs or after a lost answer, it makes one job.
      const wanted = { ...(await this.prepared()), until: this.review ? this.script : "" };
      const job = await post("/api/jobs", wanted, { headers: { "Idempotency-Key": this.key } });
      this.started = true;
      dropDraft(this.name);
      location.assign(`/jobs/${job.id}`);
    } catch (error) {
      this.failed(error);
      this.busy = false;
    }
  },
  /** What the service finds wrong is said at its field. */
  failed(error) {
    if (!("errors" in error)) {
      this.error = error.message;
      return;
    }
    const first = this.blamed(error);
    if (first) this.show(this.stepOf(first), true);
    if (first) return this.focus(first);
    this.error = sentence(error.message);
    this.remedy = error.remedy ? sentence(error.remedy) : "";
  },
  get time() {
    return this.estimate ? timeOf(this.estimate) : "";
  },
  get cost() {
    return this.estimate ? costOf(this.estimate) : "";
  },
});

register({ wizard, recorder, consentPart, notesField, searchSelect, soundWave });
