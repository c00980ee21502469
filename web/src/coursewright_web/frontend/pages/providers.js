// Who does the work: what is installed comes at once, how each is when it has answered.
import { get, post, query } from "../lib/api.js";
import { register } from "../lib/components.js";
import { kindOf } from "../lib/pipelines.js";
import { allInstalled, stateOf } from "../lib/providers.js";
import { fail, sentence } from "../lib/toasts.js";
import { _, duration, language, number } from "../lib/text.js";

const TITLES = {
  document: _("Reading documents"),
  llm: _("Writing"),
  tts: _("Speaking"),
  video: _("Presenting"),
  slides: _("Drawing slides"),
  compose: _("Composing the film"),
  export: _("Packaging"),
};
const COSTS = { free: _("Free"), gpu: _("Needs a graphics card"), metered: _("Costs money") };
const amounts = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });
const price = ({ per_unit, currency }) => _("%(amount)s %(currency)s a unit", { amount: amounts.format(per_unit), currency });
const UNKNOWN = { message: "", remedy: "", needs: [], preferred: false };

function shown(value) {
  if (typeof value === "boolean") return value ? _("Yes") : _("No");
  return value === null || typeof value === "object" ? "" : String(value);
}

const providerList = () => ({
  capabilities: [],
  failures: [],
  states: {},
  testing: {},
  told: {},
  ready: false,
  sentence,
  async init() {
    try {
      const { capabilities, failures } = await allInstalled();
      this.capabilities = capabilities.map((each) => ({ ...each, title: TITLES[each.name] ?? each.name }));
      this.failures = failures;
    } catch (error) {
      fail(error);
    }
    this.ready = true;
    for (const { name, providers } of this.capabilities) if (providers.length) this.ask(name);
  },
  async ask(capability) {
    try {
      const { providers } = await get(`/api/generate/${capability}/status`);
      // What a test has told meanwhile is newer than this list.
      for (const each of providers) this.states[each.id] = { ...each, ...this.states[each.id] };
    } catch (error) {
      fail(error);
    }
  },
  health(provider) {
    return { ...UNKNOWN, ...this.states[provider.id] };
  },
  state(provider) {
    return stateOf(this.states[provider.id]);
  },
  facts(provider) {
    const health = this.health(provider);
    const found = [];
    if (health.preferred) found.push({ text: _("Asked first"), tone: "accent", icon: "check" });
    found.push({ text: COSTS[provider.cost] ?? provider.cost, tone: "plain", icon: "banknotes" });
    if (provider.usual_s !== null) {
      found.push({ text: _("Usually %(time)s", { time: duration(Math.max(1, provider.usual_s)) }), tone: "plain", icon: "clock" });
    }
    if (provider.price) found.push({ text: price(provider.price), tone: "plain", icon: "banknotes" });
    if (provider.sends) found.push({ text: _("Sends data elsewhere"), tone: "warn", icon: "arrow-up-right" });
    else found.push({ text: _("Stays on this machine"), tone: "good", icon: "computer-desktop" });
    if (health.host) found.push({ text: health.host, tone: "plain", icon: "server-stack" });
    found.push({ text: `${provider.plugin} ${provider.plugin_version}`.trim(), tone: "plain", icon: "puzzle-piece" });
    return found;
  },
  asked(provider) {
    return Boolean(this.testing[provider.id]);
  },
  failureOf: (failure) => _("The plugin %(name)s cannot be used", { name: failure.plugin }),
  kind(option) {
    const choices = option.limits.enum?.filter(Boolean).join(", ");
    const usual = shown(option.default);
    const parts = [choices ?? kindOf(option.type.replace(" or null", "")), usual && _("usually %(value)s", { value: usual })];
    return parts.filter(Boolean).join(" · ");
  },
  async test(provider) {
    this.testing[provider.id] = true;
    this.told[provider.id] = "";
    const capability = provider.id.split(".")[0];
    try {
      const answer = await post(query(`/api/generate/${capability}/validate`, { provider: provider.id }));
      const { state, message, remedy, available } = answer;
      this.states[provider.id] = { ...this.states[provider.id], state, remedy, message: state === "ready" ? "" : message };
      const time = number(answer.took_s);
      this.told[provider.id] = available ? _("It can serve; it answered in %(time)s s.", { time }) : _("It cannot serve now.");
    } catch (error) {
      fail(error);
    }
    this.testing[provider.id] = false;
  },
});

register({ providerList });
