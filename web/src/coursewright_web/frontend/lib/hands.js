// Who does the work of a course that is being made: the pipeline's own providers, or others that are installed.
import { post } from "./api.js";
import { sentOf } from "./fields.js";
import { offering } from "./providers.js";
import { _ } from "./text.js";

const GROUPS = { llm: "script", tts: "voice", video: "photo" };

/** A part of the wizard's component, beside `asking`; `providers` are those that were chosen, by step. */
export const hands = {
  ...offering,
  providers: {},
  work: [],
  refusals: {}, // by step: why nobody who is asked can do it
  handing: null, // the work that somebody else is sought for
  /** Call it once `pipeline` and `steps` are there, and again when `providers` come from elsewhere. */
  async takeHands() {
    await this.loadInstalled();
    const group = (node) => GROUPS[node.capability] ?? "look";
    const at = (node) => this.steps.findIndex((step) => step.key === group(node));
    this.work = this.pipeline.graph.nodes.map((node) => ({ ...node, at: at(node) }));
    const known = ([step, id]) => this.work.some((each) => each.step === step && this.isInstalled(each.capability, id));
    this.providers = Object.fromEntries(Object.entries(this.providers).filter(known));
  },
  isInstalled(capability, id) {
    return this.providersOf(capability).some((each) => each.id === id);
  },
  handOf(work) {
    return this.providers[work.step] ?? work.providers[0];
  },
  aboutHand(work) {
    return this.providersOf(work.capability).find((each) => each.id === this.handOf(work));
  },
  handless(work) {
    return work.step in this.refusals;
  },
  /** What could be done by somebody else, at its step of the wizard; in the review, what nobody can do as it is. */
  workHere() {
    const open = (work) => this.providersOf(work.capability).length > 1;
    return this.work.filter((work) => (this.last ? this.handless(work) : work.at === this.at && open(work)));
  },
  handTo(work) {
    this.handing = work;
    this.offer(this.providersOf(work.capability), this.handOf(work));
  },
  async handed() {
    const { step, providers } = this.handing;
    const { [step]: _before, ...rest } = this.providers;
    this.providers = this.chosenProvider === providers[0] ? rest : { ...rest, [step]: this.chosenProvider };
    this.handing = null;
    await (this.last ? this.ask() : this.probe());
  },
  /** Who gets to see something, if anybody does; empty when it stays on this machine. */
  receiverOf(step) {
    const work = this.work.find((each) => each.step === step);
    return work && this.aboutHand(work)?.sends ? this.handOf(work) : "";
  },
  /** Learn early what nobody can do with what is given so far: a model is needed for a topic alone. */
  async probe() {
    const given = this.fields.map((field) => [field.name, sentOf(field, this.fields) ?? this.supposed(field)]);
    const inputs = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const asked = { inputs, providers: this.providers };
    const found = await post(`/api/pipelines/${this.name}/estimate`, asked).catch(() => null); // the review says what is wrong
    if (found) this.refused(found);
  },
  /** A topic that is still to be typed. */
  supposed(field) {
    return field.within && this.fieldOf(field.within).mode === "topic" ? _("your topic") : undefined;
  },
  refused({ steps }) {
    this.refusals = Object.fromEntries(steps.filter((each) => each.refused).map((each) => [each.step, each.reason]));
  },
};
