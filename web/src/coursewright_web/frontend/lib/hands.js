// Who does the work of a course that is being made: the pipeline's own providers, or others that are installed.
import { get, post } from "./api.js";
import { sentOf } from "./fields.js";
import { isOut, offering } from "./providers.js";
import { _ } from "./text.js";

const GROUPS = { llm: "script", tts: "voice", video: "photo" };

/** A part of the wizard's component, beside `asking`; `providers` are those that were chosen, by step. */
export const hands = {
  ...offering,
  providers: {},
  work: [],
  refusals: {}, // by step: why nobody who is asked can do it
  away: {}, // by step: what is the matter with those who are asked, when none of them is there
  handing: null, // the work that somebody else is sought for
  /** Call it once `pipeline` and `steps` are there, and again when `providers` come from elsewhere. */
  async takeHands() {
    await this.loadInstalled();
    const group = (node) => GROUPS[node.capability] ?? "look";
    const at = (node) => this.steps.findIndex((step) => step.key === group(node));
    this.work = this.pipeline.graph.nodes.map((node) => ({ ...node, at: at(node) }));
    const known = ([step, id]) => this.work.some((each) => each.step === step && this.isInstalled(each.capability, id));
    this.providers = Object.fromEntries(Object.entries(this.providers).filter(known));
    this.lookForThem();
  },
  /** Services elsewhere may be away, or not set up here; nobody waits for their answers. */
  async lookForThem() {
    const outside = this.work.filter((work) => this.aboutHand(work)?.sends);
    const kinds = [...new Set(outside.map((work) => this.handOf(work).split(".")[0]))];
    const status = (kind) => get(`/api/generate/${kind}/status`).catch(() => ({ providers: [] }));
    const asked = (await Promise.all(kinds.map(status))).flatMap(({ providers }) => providers);
    const out = new Map(asked.filter(isOut).map((each) => [each.id, each.message]));
    const alone = outside.filter((work) => this.handsOf(work).every((id) => out.has(id)));
    this.away = Object.fromEntries(alone.map((work) => [work.step, out.get(this.handOf(work))]));
  },
  isInstalled(capability, id) {
    return this.providersOf(capability).some((each) => each.id === id);
  },
  handOf(work) {
    return this.providers[work.step] ?? work.providers[0];
  },
  /** All who are asked, one after the other. */
  handsOf(work) {
    return work.step in this.providers ? [this.providers[work.step]] : work.providers;
  },
  aboutHand(work) {
    return this.providersOf(work.capability).find((each) => each.id === this.handOf(work));
  },
  refuses(work) {
    return work.step in this.refusals;
  },
  lacks(work) {
    return !this.refuses(work) && work.step in this.away;
  },
  /** What could be done by somebody else, at its step of the wizard; in the review, what will not be done as it is. */
  workHere() {
    const open = (work) => this.providersOf(work.capability).length > 1;
    const wrong = (work) => this.refuses(work) || this.lacks(work);
    return this.work.filter((work) => (this.last ? wrong(work) : work.at === this.at && open(work)));
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
    this.lookForThem();
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
