// Asking for the consent of the person whose face or voice a file has.
import { get, post } from "./api.js";
import { sentence } from "./toasts.js";
import { _ } from "./text.js";

let statement = null;

/** The usual text to agree to, fetched once. */
const usual = () => (statement ??= get("/api/consents/statement").then((answer) => answer.statement));

/** The consent that holds for an asset; null without one. */
export async function consentOf(asset) {
  const all = await get(`/api/assets/${asset.id}/consents`);
  return all.find((each) => !each.revoked_at) ?? null;
}

/** A component on an element with `data-asset`; it sends `consented` with what was filed. */
export const consentPart = () => ({
  statement: "",
  person: "",
  purpose: _("Making courses"),
  agreed: false,
  wrong: "",
  busy: false,
  async init() {
    this.statement = await usual().catch(() => "");
  },
  async file() {
    this.wrong = "";
    if (!this.person.trim()) {
      this.wrong = _("Say whose face or voice it is.");
      return this.$refs.person.focus();
    }
    if (!this.agreed) return (this.wrong = _("Without their consent it cannot be used."));
    this.busy = true;
    try {
      const body = { person: this.person.trim(), purpose: this.purpose.trim(), statement: this.statement };
      const consent = await post(`/api/assets/${this.$root.dataset.asset}/consents`, body);
      this.agreed = false;
      this.$dispatch("consented", consent);
    } catch (error) {
      this.wrong = sentence(error.message);
    } finally {
      this.busy = false;
    }
  },
});
