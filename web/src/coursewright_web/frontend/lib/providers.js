// How providers are shown, and who else could do what one of them did not.
import { get } from "./api.js";
import { fail, sentence } from "./toasts.js";
import { _, told } from "./text.js";

const STATES = {
  ready: { text: _("Ready"), tone: "good", icon: "check-circle" },
  degraded: { text: _("Limited"), tone: "warn", icon: "exclamation-triangle" },
  not_configured: { text: _("Not set up"), tone: "plain", icon: "wrench-screwdriver" },
  unreachable: { text: _("Unavailable"), tone: "bad", icon: "x-circle" },
};
const ASKED = { text: _("Being asked"), tone: "plain", icon: "clock" };
const OUT = new Set(["not_configured", "unreachable"]);
const FIXED = "export"; // its providers make different things, so that none stands in for another

/** How a provider is; `health` is what the service says of it, if it has answered. */
export const stateOf = (health) => STATES[health?.state] ?? ASKED;

/** Does it not serve now? */
export const isOut = (health) => OUT.has(health?.state);

/** All that is installed. What it says of itself is in the page's language, where the catalogue has it. */
export async function allInstalled() {
  const all = await get("/api/providers");
  const capabilities = all.capabilities.map((each) => ({ ...said(each), providers: each.providers.map(said) }));
  return { ...all, capabilities };
}

const said = ({ summary, sends = "", licence = "", ...more }) => ({ ...more, summary: told(summary), sends: told(sends), licence: told(licence) });

/** What a provider tells of a result; its terms come with its name. */
export function noticed(text) {
  const [, provider, terms] = /^(\w+\.\w+): (.+)$/s.exec(text) ?? [];
  return provider ? `${provider}: ${sentence(terms)}` : sentence(text);
}

function withHealth(provider, health) {
  const { message = "", remedy = "" } = health ?? {};
  return { ...provider, message, remedy, state: stateOf(health), out: isOut(health) };
}

/** A part of a component: providers of which one is chosen, in the dialog of components/providers.html. */
export const offering = {
  installed: [],
  offered: [],
  chosenProvider: "",
  async loadInstalled() {
    if (!this.installed.length) this.installed = (await allInstalled()).capabilities;
  },
  /** Who can stand in for whom. */
  providersOf(capability) {
    return capability === FIXED ? [] : (this.installed.find((each) => each.name === capability)?.providers ?? []);
  },
  /** Offer these, and say how each is as soon as the service has asked them; those that cannot serve come last. */
  async offer(providers, chosenProvider = "") {
    Object.assign(this, { chosenProvider, offered: providers.map((each) => withHealth(each)) });
    try {
      const { providers: asked } = await get(`/api/generate/${providers[0].id.split(".")[0]}/status`);
      const health = new Map(asked.map((each) => [each.id, each]));
      this.offered = providers.map((each) => withHealth(each, health.get(each.id))).sort((one, other) => one.out - other.out);
    } catch (error) {
      fail(error);
    }
  },
};

/** A part of the job's component, with `graph` and `retryFrom`: another provider for a step that failed. */
export const others = {
  ...offering,
  replacing: null, // the failure that somebody else is sought for
  othersFor({ step, refusals }) {
    const capability = this.graph?.nodes.find((node) => node.step === step)?.capability;
    const tried = new Set(refusals.map((each) => each.provider));
    return this.providersOf(capability).filter((provider) => !tried.has(provider.id));
  },
  replace(failure) {
    this.replacing = failure;
    this.offer(this.othersFor(failure));
  },
  /** The whole step is made by the one that is chosen, so that a course keeps one voice and one look. */
  retryWith() {
    const { step } = this.replacing;
    this.act("/retry", { from_step: step, providers: { [step]: this.chosenProvider } });
    this.replacing = null;
  },
};
