// One scene anew, as its author wishes: a preview asks the model, and what it writes is a proposal.
import { get, post } from "../lib/api.js";
import { active, merged, spoken } from "../lib/jobs.js";
import { fail, sentence } from "../lib/toasts.js";
import { _ } from "../lib/text.js";
import { bulletOf } from "./scenes.js";

const PIPELINE = "scene_rewrite";
const SERVES = new Set(["ready", "degraded"]);
const WISHES = [_("Shorter"), _("In simpler words"), _("With an example"), _("More lively")];

/** A part of the page's component, with `scenes`, `script`, `job` and `step()`. */
export const rewriting = {
  wishes: WISHES,
  spoken,
  writer: null, // who would write: `id`, or `reason` why nobody can
  async wish(scene) {
    if (scene.asking) return this.unask(scene);
    scene.asking = { wish: "", job: null, busy: false, trouble: "", remedy: "", proposal: null };
    try {
      this.writer ??= await this.found();
    } catch (error) {
      this.writer = null;
      scene.asking = null;
      return fail(error);
    }
    await this.$nextTick();
    document.getElementById(`wish-${scene.id}`)?.focus();
  },
  unask(scene) {
    const { job } = scene.asking;
    scene.asking = null;
    if (job) post(`/api/jobs/${job.id}/cancel`).catch(() => {}); // it is over already, then
    document.getElementById(`ask-${scene.id}`)?.focus();
  },
  /** The model that wrote the script, or any other that the pipeline may ask; those that are no models are not among them. */
  async found() {
    const [pipeline, { providers }] = await Promise.all([get(`/api/pipelines/${PIPELINE}`), get("/api/generate/llm/status")]);
    const { step, providers: may } = pipeline.graph.nodes.find((node) => node.capability === "llm");
    const wrote = this.job.steps.find((each) => each.step === this.script.step)?.provider;
    const all = may.map((id) => providers.find((each) => each.id === id)).filter(Boolean);
    const able = all.filter((each) => SERVES.has(each.state));
    const chosen = able.find((each) => each.id === wrote) ?? able[0];
    if (chosen) return { step, id: chosen.id, reason: "", remedy: "", sends: sentence(chosen.sends) };
    const [first] = all;
    return { step, id: "", reason: sentence(first?.message ?? ""), remedy: sentence(first?.remedy ?? ""), sends: "" };
  },
  async rewrite(scene) {
    const asking = scene.asking;
    if (asking.busy || !asking.wish.trim()) return;
    Object.assign(asking, { busy: true, trouble: "", remedy: "", proposal: null });
    try {
      asking.job = await post("/api/jobs", this.order(scene));
    } catch (error) {
      this.refused(asking, error.message, error.remedy);
    }
  },
  order(scene) {
    const at = this.scenes.indexOf(scene);
    const { notes, audience } = this.job.inputs;
    const inputs = {
      wish: scene.asking.wish.trim(),
      title: scene.title.trim() || _("Untitled"),
      bullets: scene.bullets.map((each) => each.text).join("\n"),
      narration: scene.narration.trim() || scene.title.trim(),
      before: this.scenes[at - 1]?.narration ?? "",
      after: this.scenes[at + 1]?.narration ?? "",
      course: this.title,
      language: this.script.language,
      ...(notes && { notes }),
      ...(audience && { audience }),
    };
    const title = _("Rewriting “%(title)s”", { title: scene.title }).slice(0, 200);
    const { id, step } = this.writer;
    return { pipeline: PIPELINE, inputs, providers: { llm: id }, title, until: step, preview: {} };
  },
  refused(asking, message, remedy) {
    Object.assign(asking, { busy: false, job: null, trouble: sentence(message ?? ""), remedy: sentence(remedy ?? "") });
  },
  asked(job) {
    return this.scenes.find((scene) => scene.asking?.job?.id === job);
  },
  /** An event about a job that writes. */
  heard(type, data) {
    const scene = this.asked(data.job);
    if (!scene || type === "step") return;
    scene.asking.job = merged(scene.asking.job, data);
    if (type === "end") this.written(scene);
  },
  /** Look at those that are under way, since events may have been missed. */
  lookAgain() {
    for (const scene of this.scenes) if (scene.asking?.job) this.written(scene);
  },
  async written(scene) {
    const { asking } = scene;
    try {
      const job = await get(`/api/jobs/${asking.job.id}`);
      if (active(job) || asking.job?.id !== job.id) return;
      const cause = job.failures[0]?.refusals.at(-1);
      if (job.outputs.scene) Object.assign(asking, { busy: false, job: null, proposal: job.outputs.scene });
      else this.refused(asking, cause?.message ?? job.message, cause?.remedy);
    } catch (error) {
      if (asking.busy) this.refused(asking, error.message, error.remedy);
    }
  },
  accept(scene) {
    const { title, bullets, narration } = scene.asking.proposal;
    Object.assign(scene, { title, narration, bullets: bullets.map(bulletOf), asking: null });
    this.stale[scene.id] = true;
    this.step();
    document.getElementById(`narration-${scene.id}`)?.focus();
  },
  decline(scene) {
    scene.asking.proposal = null;
    this.$nextTick(() => document.getElementById(`wish-${scene.id}`)?.focus());
  },
};
