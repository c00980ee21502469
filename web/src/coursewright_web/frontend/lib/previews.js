// Previews in the wizard: the script, one slide, one spoken sentence, before the whole is made. Which steps can be looked at by
// themselves comes from the pipeline's graph; each is made by a job that is in no list.
import { get, post } from "./api.js";
import { nameOf, sentOf } from "./fields.js";
import { active } from "./jobs.js";
import { follow } from "./live.js";
import { sentence } from "./toasts.js";
import { _, duration, language } from "./text.js";

const KINDS = {
  script: {
    group: "script",
    icon: "document-text",
    title: _("What is told"),
    hint: _("See the script before you go on. It is used as it is when you change nothing here."),
    ask: _("Write the script"),
    again: _("Write it again"),
  },
  speech: {
    group: "voice",
    icon: "speaker-wave",
    title: _("How it sounds"),
    hint: _("Hear one sentence, in the voice and the language that you chose."),
    ask: _("Hear it"),
    again: _("Hear it again"),
  },
  slide: {
    group: "look",
    icon: "presentation-chart-bar",
    title: _("How it looks"),
    hint: _("See one slide, as you chose it."),
    ask: _("See a slide"),
    again: _("See it again"),
  },
};
const SPOKEN = 160;
const POINTS = 3;
const POINT = 90;
const SAMPLE = _("This is how your course will sound. Every scene is read like this one.");

/** The step that gives the script which others are made of, if there is one: the last, where a script is translated. */
export const scriptStep = ({ nodes, edges }) =>
  nodes.findLast((node) => node.gives === "script" && edges.some((edge) => edge.source === node.step));

/** What of a pipeline can be looked at beforehand, each at the step of the wizard where all that it needs is given. */
export function previewsOf(pipeline, steps, fields) {
  const { nodes, edges } = pipeline.graph;
  const script = scriptStep(pipeline.graph);
  const before = ({ step }) => nodes.filter((node) => edges.some((edge) => edge.target === step && edge.source === node.step));
  const told = (node) => before(node).length > 0 && before(node).every((each) => each.gives === "script");
  const typed = (node) => !before(node).length && fields.some((field) => isSpoken(field) && node.inputs.includes(field.name));
  const speech = nodes.find((node) => node.gives === "speech" && (told(node) || typed(node)));
  const slide = nodes.find((node) => node.gives === "slide" && told(node));
  const indexOf = (group) => steps.findIndex((step) => step.key === group);
  const needed = Math.max(0, ...fields.filter((field) => field.required).map((field) => indexOf(field.group)));
  const last = steps.length - 2; // before the review
  return [script, speech, slide].filter(Boolean).map((node) => {
    const own = indexOf(KINDS[node.gives].group);
    return {
      ...KINDS[node.gives],
      kind: node.gives,
      step: node.step,
      at: Math.max(own < 0 ? last : own, needed),
      reads: readBy(node, node === script ? before : () => []),
      sampled: node !== script && told(node),
      job: "",
      given: "", // of what it was made
      busy: false,
      stopped: false,
      part: 0,
      error: "",
      remedy: "",
      made: null,
      loud: false, // heard at once, since it was asked for just now
    };
  });
}

const isSpoken = (field) => field.kind === "text" && !field.line;

function readBy(node, before) {
  const found = new Set(node.inputs);
  for (const each of before(node)) readBy(each, before).forEach((name) => found.add(name));
  return [...found];
}

/** The first words of a text, without headings, up to the end of a sentence where one ends in time. */
export function opening(text, most = SPOKEN) {
  const words = text.replace(/^\s*#.*$/gm, " ").replace(/\s+/g, " ").trim();
  const [first = ""] = /^.*?[.!?。！？](?=\s|$)/u.exec(words) ?? [words];
  return first.length <= most ? first : first.slice(0, most).replace(/\s\S*$/, "");
}

/** Short sentences as the points of a slide. */
function pointsOf(text) {
  const sentences = text.replace(/^\s*#.*$/gm, "").split(/[.!?。！？\n]+/u);
  return sentences.map((each) => each.replace(/^[-*\s]+/, "").trim()).filter((each) => each && each.length < POINT);
}

/** A part of the wizard's component, beside `asking` and `hands`. */
export const previewing = {
  previews: [],
  following: false,
  previewsHere() {
    return this.last ? [] : this.previews.filter((preview) => preview.at === this.at);
  },
  /** All that the preview is made of, to see whether it still is. */
  givenTo(preview) {
    const fields = this.fields.filter((field) => preview.reads.includes(field.name));
    const value = (field) => (field.kind === "document" && field.mode === "write" ? field.text : sentOf(field, this.fields));
    return JSON.stringify([this.providers[preview.step], ...fields.map((field) => value(field) ?? null)]);
  },
  stale(preview) {
    return Boolean(preview.made) && preview.given !== this.givenTo(preview);
  },
  async look(preview) {
    if (preview.busy || !this.complete(this.at + 1)) return;
    const given = this.givenTo(preview);
    Object.assign(preview, { busy: true, stopped: false, part: 0, error: "", remedy: "", job: "" });
    try {
      const { id } = await post("/api/jobs", await this.wantedOf(preview));
      Object.assign(preview, { job: id, given, made: null, loud: true });
      if (preview.stopped) return this.stop(preview);
      await this.check(preview);
      this.listen();
    } catch (error) {
      preview.busy = false;
      this.prevented(preview, error);
    }
  },
  async wantedOf(preview) {
    const inputs = await this.given();
    const sample = preview.sampled ? this.sample(preview) : undefined;
    if (!sample && preview.kind === "speech")
      for (const field of this.fields.filter((each) => isSpoken(each) && preview.reads.includes(each.name)))
        inputs[field.name] = opening(field.value);
    return { pipeline: this.name, inputs, providers: this.providers, until: preview.step, preview: { sample } };
  },
  /** A scene that stands for the script: its first one, or what the person wrote, or a sentence of ours. */
  sample({ reads }) {
    const script = this.previews.find((each) => each.kind === "script")?.made;
    const spoken = this.fields.find((field) => field.kind === "language" && reads.includes(field.name))?.value;
    const scene = script?.scenes[0];
    const text = scene?.narration ?? this.typed();
    const narration = opening(text) || SAMPLE;
    const bullets = scene?.bullets ?? pointsOf(text);
    const title = (scene?.title ?? (text.trim() ? nameOf(text) : this.pipeline.title)).slice(0, 200);
    return { title, bullets: bullets.slice(0, POINTS), narration, language: spoken || script?.language || language };
  },
  typed() {
    const wrote = this.fields.find((field) => field.kind === "document" && field.mode === "write" && field.text.trim());
    const topic = this.fields.find((field) => field.within && this.fieldOf(field.within).mode === "topic");
    return wrote?.text ?? topic?.value ?? "";
  },
  listen() {
    if (this.following) return;
    this.following = true;
    const busy = () => this.previews.filter((each) => each.busy && each.job);
    follow({
      sync: () => busy().forEach((each) => this.check(each)),
      event: (type, data) => {
        const preview = busy().find((each) => each.job === data.job);
        if (preview && type === "job") preview.part = Math.max(preview.part, data.progress);
        if (preview && type === "end") this.check(preview);
      },
    });
  },
  async check(preview) {
    try {
      const job = await get(`/api/jobs/${preview.job}`);
      preview.part = job.progress;
      if (active(job) || job.id !== preview.job) return;
      if (job.status === "completed") preview.made = madeOf(preview, await get(`/api/jobs/${job.id}/results`));
      if (job.status === "failed") this.prevented(preview, causeOf(job));
      preview.busy = false;
    } catch (error) {
      if (!("errors" in error)) return; // not reached: it is looked at again
      Object.assign(preview, { busy: false, job: "" });
      if (error.status !== 404) this.prevented(preview, error);
    }
  },
  async stop(preview) {
    Object.assign(preview, { stopped: true, busy: false });
    if (preview.job) await post(`/api/jobs/${preview.job}/cancel`).catch(() => {}); // it may be over
  },
  prevented(preview, error) {
    const blamed = error.errors && this.blamed(error);
    if (blamed) {
      if (blamed.group !== this.step.key) this.show(this.stepOf(blamed), true);
      return this.focus(blamed);
    }
    preview.error = sentence(error.message);
    preview.remedy = error.remedy ? sentence(error.remedy) : "";
  },
  /** For the draft: which jobs made what is shown. */
  keptPreviews() {
    return Object.fromEntries(this.previews.filter((each) => each.job).map(({ step, job, given }) => [step, { job, given }]));
  },
  takePreviews(kept = {}) {
    for (const preview of this.previews.filter((each) => each.step in kept)) {
      Object.assign(preview, { job: kept[preview.step].job, given: kept[preview.step].given, busy: true });
      this.check(preview);
    }
    if (this.previews.some((each) => each.busy)) this.listen();
  },
  timeOf: (scene) => (scene.duration_s ? duration(scene.duration_s) : ""),
};

function madeOf({ kind, step }, { files, values }) {
  if (kind === "script") return values[step];
  const wanted = kind === "speech" ? "audio/" : "image/";
  const file = files.find((each) => each.output === step && each.media_type.startsWith(wanted));
  return file ? { url: file.link.url } : null;
}

/** What went wrong, as the last provider that was asked says it. */
function causeOf({ failures, message }) {
  const refusal = failures.at(-1)?.refusals.at(-1);
  return { message: refusal?.message || message, remedy: refusal?.remedy || _("Try again, or start without a preview.") };
}
