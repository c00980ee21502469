// The list of jobs: what it shows is in the address, so that it can be kept and shared.
import { get, post, query } from "../lib/api.js";
import { register } from "../lib/components.js";
import { active, howFar, look, merged, priorityOf, spoken } from "../lib/jobs.js";
import { follow } from "../lib/live.js";
import { localised } from "../lib/pipelines.js";
import { fail, sentence, toast } from "../lib/toasts.js";
import { confirmed } from "../lib/dialogs.js";
import { undoable } from "../lib/undo.js";
import { _, ngettext, since } from "../lib/text.js";

const PAGE = 25;
const PLAIN = { text: "", status: "", pipeline: "", priority: "", since: "", until: "", sort: "created", order: "desc" };
const AFTER_MS = 250;

const jobList = () => ({
  ...PLAIN,
  items: [],
  cursor: null,
  ready: false,
  busy: false,
  chosen: [],
  pipelines: [],
  now: Date.now(),
  look,
  priorityOf,
  spoken,
  ago: since,
  active,
  init() {
    const given = new URLSearchParams(location.search);
    for (const name of Object.keys(PLAIN)) this[name] = given.get(name) ?? PLAIN[name];
    follow({ sync: () => this.load(), event: (type, data) => this.change(type, data) });
    setInterval(() => (this.now = Date.now()), 1000);
    get("/api/pipelines?limit=200").then(({ items }) => (this.pipelines = items.map(localised)), fail);
  },
  get filtered() {
    return Object.keys(PLAIN).some((name) => !["sort", "order"].includes(name) && this[name] !== PLAIN[name]);
  },
  async load() {
    try {
      const limit = Math.min(200, Math.max(PAGE, this.items.length));
      const page = await get(query("/api/jobs", { ...this.asked(), limit }));
      this.take(page, page.items);
    } catch (error) {
      fail(error);
    }
  },
  async more() {
    this.busy = true;
    try {
      const page = await get(query("/api/jobs", { ...this.asked(), limit: PAGE, cursor: this.cursor }));
      this.take(page, [...this.items, ...page.items]);
    } catch (error) {
      fail(error);
    } finally {
      this.busy = false;
    }
  },
  take(page, items) {
    this.items = items.filter((job) => !this.leaving.includes(job.id));
    this.cursor = page.next_cursor;
    this.ready = true;
    this.chosen = this.chosen.filter((id) => this.items.some((job) => job.id === id));
  },
  leaving: [],
  /** The filters as the API wants them; days are those of the person's own clock. */
  asked() {
    const { since: from, until: to, ...rest } = Object.fromEntries(Object.keys(PLAIN).map((key) => [key, this[key]]));
    const day = (text, days) => {
      if (!text) return "";
      const found = new Date(`${text}T00:00`);
      found.setDate(found.getDate() + days);
      return found.toISOString();
    };
    return { ...rest, since: day(from, 0), until: day(to, 1) };
  },
  apply() {
    const changed = Object.keys(PLAIN).filter((name) => this[name] !== PLAIN[name]);
    const found = Object.fromEntries(changed.map((name) => [name, this[name]]));
    history.replaceState(null, "", query(location.pathname, found));
    this.items = [];
    this.load();
  },
  show(event) {
    this.status = event.currentTarget.dataset.status;
    this.apply();
  },
  clear() {
    Object.assign(this, PLAIN);
    this.apply();
  },
  turn() {
    this.order = this.order === "desc" ? "asc" : "desc";
    this.apply();
  },
  change(type, data) {
    if (type === "step") return;
    const known = this.items.find((job) => job.id === data.job);
    if (known) Object.assign(known, merged(known, data));
    if (!known || !active(data)) {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.load(), AFTER_MS);
    }
  },
  later: 0,
  kind(job) {
    return this.pipelines.find((each) => each.name === job.pipeline)?.title || job.pipeline;
  },
  far(job) {
    return howFar(job, this.now);
  },
  get all() {
    return this.items.length > 0 && this.chosen.length === this.items.length;
  },
  chooseAll() {
    this.chosen = this.all ? [] : this.items.map((job) => job.id);
  },
  get chosenText() {
    return ngettext("%(n)s job chosen", "%(n)s jobs chosen", this.chosen.length);
  },
  async cancelChosen() {
    const title = ngettext("Stop %(n)s job?", "Stop %(n)s jobs?", this.chosen.length);
    const text = _("What is finished can be used by a retry.");
    if (await confirmed(title, { text, yes: _("Stop"), danger: true })) this.bulk("cancel", this.chosen);
  },
  retryChosen() {
    this.bulk("retry", this.chosen);
  },
  deleteChosen() {
    const ids = [...this.chosen];
    const before = [...this.items];
    this.leaving = [...this.leaving, ...ids];
    this.items = this.items.filter((job) => !ids.includes(job.id));
    this.chosen = [];
    const stay = () => {
      this.leaving = this.leaving.filter((id) => !ids.includes(id));
      this.items = before;
    };
    const text = ngettext("%(n)s job deleted.", "%(n)s jobs deleted.", ids.length);
    undoable(text, () => this.bulk("delete", ids), stay);
  },
  async bulk(action, ids) {
    try {
      const { items } = await post("/api/jobs/bulk", { action, ids: [...ids] }, { keepalive: true });
      const refused = items.filter((each) => !each.ok);
      const told = ngettext("This was not possible for %(n)s job.", "This was not possible for %(n)s jobs.", refused.length);
      if (refused.length) toast(told, { tone: "warn", more: sentence(refused[0].message), stays: true });
      this.leaving = [];
      this.chosen = [];
    } catch (error) {
      fail(error);
    }
    this.load();
  },
});

register({ jobList });
