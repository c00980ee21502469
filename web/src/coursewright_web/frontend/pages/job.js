// The page of one job: how far it is, what went wrong and what to do, what it made.
import { get, post, remove } from "../lib/api.js";
import { register } from "../lib/components.js";
import { confirmed } from "../lib/dialogs.js";
import { form } from "../lib/form.js";
import { draw } from "../lib/graph.js";
import { active, howFar, look, merged, spoken, stepLook, words } from "../lib/jobs.js";
import { follow } from "../lib/live.js";
import { localised } from "../lib/pipelines.js";
import { noticed, others } from "../lib/providers.js";
import { links, shareForm } from "../lib/sharing.js";
import { fail, sentence, toast } from "../lib/toasts.js";
import { _, duration, moment, ngettext, since, size, told } from "../lib/text.js";

const OVER = new Set(["done", "reused", "skipped", "left_out"]);

const jobPage = () => ({
  job: null,
  graph: null,
  files: [],
  values: [],
  lines: [],
  ...links,
  ...others,
  open: {},
  sharing: false,
  renaming: false,
  now: Date.now(),
  look,
  stepLook,
  words,
  sentence,
  moment,
  size,
  init() {
    this.id = this.$root.dataset.job;
    follow({ sync: () => this.load(), event: (type, data) => this.change(type, data) });
    setInterval(() => (this.now = Date.now()), 1000);
  },
  async load() {
    try {
      const [job, results] = await Promise.all([get(this.address()), get(this.address("/results"))]);
      this.job = job;
      this.files = results.files;
      this.values = Object.entries(results.values).filter(([, value]) => typeof value !== "object");
      this.graph ??= await graphOf(job);
      if (this.job.failures.length) await this.loadInstalled();
      await this.$nextTick();
      if (this.$refs.graph && !this.paint) this.paint = draw(this.$refs.graph, this.graph);
      this.repaint();
    } catch (error) {
      fail(error);
    }
  },
  paint: null,
  address(more = "") {
    return `/api/jobs/${this.id}${more}`;
  },
  change(type, data) {
    if (data.job !== this.id || !this.job) return;
    if (type === "step") this.changeStep(data);
    else Object.assign(this.job, merged(this.job, data));
    if (type === "end" || data.attempt > this.attempt) this.load();
    this.attempt = this.job.attempt;
    this.repaint();
  },
  attempt: Infinity,
  changeStep({ job: _job, ...news }) {
    const steps = this.job.steps;
    const known = steps.find((each) => each.step === news.step && each.item === news.item);
    const moments = stamped(known, news.status);
    if (known) Object.assign(known, news, moments);
    else this.job.steps = [...steps.filter((each) => each.step !== news.step || each.item), { ...news, ...moments }];
  },
  repaint() {
    this.paint?.(Object.fromEntries(this.steps.map((step) => [step.name, { ...step.look, ...step }])));
  },
  get active() {
    return Boolean(this.job) && active(this.job);
  },
  /** Is there a course? A job may also have been only as far as its script. */
  get made() {
    return this.job?.status === "completed" && !this.job.script?.awaits_review;
  },
  get far() {
    return this.job ? howFar(this.job, this.now) : "";
  },
  get took() {
    if (!this.job?.started_at) return "";
    const end = this.job.ended_at ? new Date(this.job.ended_at) : this.now;
    return duration((end - new Date(this.job.started_at)) / 1000);
  },
  get facts() {
    const job = this.job;
    if (!job) return [];
    const attempt = job.attempt > 1 ? ngettext("Attempt %(n)s", "Attempt %(n)s", job.attempt) : "";
    return [this.graph?.title || job.pipeline, since(job.created_at), this.took, attempt].filter(Boolean);
  },
  get titles() {
    return new Map((this.graph?.nodes ?? []).map((node) => [node.step, node.title || node.step]));
  },
  get message() {
    return this.job ? spoken(this.job.message, this.titles) : "";
  },
  /** The steps in the pipeline's order, each with its items and what they are together. */
  get steps() {
    if (!this.job) return [];
    const { titles } = this;
    const order = [...titles.keys()];
    const groups = new Map();
    for (const task of this.job.steps) groups.set(task.step, [...(groups.get(task.step) ?? []), task]);
    const place = (name) => (titles.has(name) ? order.indexOf(name) : order.length);
    const names = [...groups.keys()].sort((one, other) => place(one) - place(other));
    return names.map((name) => together(name, titles.get(name) ?? name, groups.get(name), this.now));
  },
  get failures() {
    return (this.job?.failures ?? []).map((failure, index) => {
      const cause = failure.refusals.at(-1) ?? { message: "", remedy: "", provider: "", detail: "", place: "" };
      const title = this.steps.find((step) => step.name === failure.step)?.title ?? failure.step;
      const where = failure.item ? _("%(step)s, in “%(item)s”", { step: title, item: words(failure.item) }) : title;
      const before = failure.refusals.slice(0, -1).map((each) => `${each.provider}: ${each.message}`);
      const message = sentence(cause.place ? `${cause.place}: ${told(cause.message)}` : cause.message);
      return { ...failure, key: index, where, cause, message, remedy: sentence(cause.remedy), before };
    });
  },
  get film() {
    return this.files.find((file) => file.media_type.startsWith("video/"));
  },
  get sound() {
    return this.film ? undefined : this.files.find((file) => file.media_type.startsWith("audio/"));
  },
  played(file) {
    return `/api/assets/${file.id}/download?redirect=true&inline=true`;
  },
  mark(file) {
    const kind = file.media_type.split("/")[0];
    const marks = { video: "film", audio: "musical-note", image: "photo" };
    return file.media_type === "application/zip" ? "archive-box" : (marks[kind] ?? "document-text");
  },
  flip(event) {
    const name = event.currentTarget.dataset.step;
    this.open[name] = !this.open[name];
  },
  async log() {
    try {
      this.lines = (await get(this.address("/logs?limit=1000"))).items;
    } catch (error) {
      fail(error);
    }
  },
  async act(path, body, told) {
    try {
      const job = await post(this.address(path), body);
      this.job = job;
      this.attempt = job.attempt;
      this.repaint();
      if (told) toast(told);
    } catch (error) {
      fail(error);
    }
  },
  async cancel() {
    const text = _("What is finished can be used by a retry.");
    if (await confirmed(_("Stop this job?"), { text, yes: _("Stop"), danger: true })) this.act("/cancel");
  },
  retry() {
    this.act("/retry", {}, _("It goes on with what is missing."));
  },
  async again() {
    const text = _("Everything is made anew, and takes as long as the first time.");
    if (await confirmed(_("Make all of it again?"), { text, yes: _("Make again") }))
      this.act("/retry", { whole: true });
  },
  retryFrom(step, item = "") {
    this.act("/retry", item ? { from_step: step, item } : { from_step: step });
  },
  async drop() {
    const text = _("Its results go with it, and links to them stop working.");
    if (!(await confirmed(_("Delete this job?"), { text, yes: _("Delete"), danger: true }))) return;
    try {
      await remove(this.address());
      location.assign("/jobs");
    } catch (error) {
      fail(error);
    }
  },
  share() {
    this.sharing = true;
    this.loadLinks();
  },
  renamed(event) {
    Object.assign(this.job, { title: event.detail.title, description: event.detail.description });
    this.renaming = false;
  },
});

/** When a step began and ended, as far as its own events tell. */
function stamped(known, status) {
  const now = new Date().toISOString();
  const began = known?.started_at ?? (status === "waiting" ? null : now);
  return { started_at: began, ended_at: ["waiting", "running"].includes(status) ? null : now };
}

function together(name, title, tasks, now) {
  const any = (...states) => tasks.some((task) => states.includes(task.status));
  const all = (states) => tasks.every((task) => states.has(task.status));
  let status = tasks[0].status;
  if (any("failed")) status = "failed";
  else if (any("running")) status = "running";
  else if (all(OVER)) status = any("done") ? "done" : status;
  else if (any("done", "reused") && any("waiting")) status = "running";
  const part = tasks.reduce((sum, task) => sum + (OVER.has(task.status) ? 1 : task.progress), 0) / tasks.length;
  const providers = [...new Set(tasks.map((task) => task.provider).filter(Boolean))];
  const finished = tasks.filter((task) => OVER.has(task.status)).length;
  const many = tasks.length > 1 || Boolean(tasks[0].item);
  return {
    name,
    title,
    part,
    many,
    status,
    look: stepLook({ status }),
    provider: providers.join(", "),
    count: many ? `${finished}/${tasks.length}` : "",
    message: told(tasks.find((task) => task.status === "running")?.message ?? ""),
    tasks: tasks.map((task) => ({ ...task, key: `${name}/${task.item}`, message: told(task.message), took: taken(task, now) })),
    notices: [...new Set(tasks.flatMap((task) => task.notices ?? []))].map(noticed),
    took: many ? "" : taken(tasks[0], now),
  };
}

function taken({ started_at: began, ended_at: ended, status }, now) {
  if (!began || status === "reused") return "";
  return duration(((ended ? new Date(ended) : now) - new Date(began)) / 1000);
}

/** The graph of the very version that the job runs. */
async function graphOf(job) {
  const base = `/api/pipelines/${job.pipeline}`;
  try {
    const current = await get(base);
    const shown = (graph) => ({ ...localised({ graph }).graph, title: localised(current).title });
    if (current.version_id === job.pipeline_version) return shown(current.graph);
    const versions = await get(`${base}/versions?limit=200`);
    const wanted = versions.items.find((each) => each.version_id === job.pipeline_version);
    return shown(wanted ? (await get(`${base}/versions/${wanted.version}`)).graph : current.graph);
  } catch (error) {
    if (error.status !== 404) throw error;
    return { nodes: [], edges: [] }; // the pipeline is gone; the steps tell enough
  }
}

const renameForm = () =>
  form({
    method: "PUT",
    path() {
      return `/api/jobs/${this.$root.dataset.job}`;
    },
    done(job) {
      this.$dispatch("renamed", job);
    },
  });

register({ jobPage, shareForm, renameForm });
