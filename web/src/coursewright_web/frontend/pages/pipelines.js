// Course formats: the gallery, and the page of one with its versions.
import { get, post, query, remove } from "../lib/api.js";
import { register } from "../lib/components.js";
import { difference } from "../lib/diff.js";
import { confirmed } from "../lib/dialogs.js";
import { draw } from "../lib/graph.js";
import { inputsOf, localised, servedBy } from "../lib/pipelines.js";
import { fail, toast } from "../lib/toasts.js";
import { _, duration, ngettext, since, told } from "../lib/text.js";

const FROM = { file: _("comes with the service"), edited: _("made here"), prefect: _("from Prefect") };

function factsOf({ steps, usual_s: usual, sends }) {
  const found = [{ text: ngettext("%(n)s step", "%(n)s steps", steps), tone: "plain" }];
  if (usual) found.push({ text: _("usually %(time)s", { time: duration(usual) }), tone: "plain" });
  if (sends.some((each) => !each.fallback)) found.push({ text: _("sends data elsewhere"), tone: "warn" });
  else found.push({ text: _("stays on this machine"), tone: "good" });
  return found;
}

const pipelineList = () => ({
  items: [],
  problems: [],
  ready: false,
  text: "",
  facts: factsOf,
  async init() {
    try {
      let page = { next_cursor: "" };
      while (page.next_cursor !== null) {
        page = await get(query("/api/pipelines", { limit: 200, cursor: page.next_cursor }));
        this.items = [...this.items, ...page.items.map(localised)];
        this.problems = page.problems;
      }
    } catch (error) {
      fail(error);
    }
    this.ready = true;
  },
  get shown() {
    const words = this.text.trim().toLowerCase();
    return this.items.filter((each) => `${each.name} ${each.title} ${each.description}`.toLowerCase().includes(words));
  },
  refused: (problem) => _("The file %(name)s is not taken", { name: problem.file }),
  choose() {
    this.$refs.file.click();
  },
  async take(event) {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) await this.send(file, false);
  },
  async send(file, replace) {
    const body = new FormData();
    body.append("file", file);
    try {
      const made = await post(query("/api/pipelines/import", { replace: replace || "" }), body);
      location.assign(`/pipelines/${made.name}`);
    } catch (error) {
      if (error.status !== 409 || replace) return fail(error);
      const text = _("What you import becomes its new version. The present one is kept, and can be restored.");
      if (await confirmed(_("There is a pipeline of that name"), { text, yes: _("Make a new version") }))
        await this.send(file, true);
    }
  },
});

const pipelinePage = () => ({
  pipeline: null,
  versions: [],
  cursor: null,
  compared: null,
  async init() {
    this.base = `/api/pipelines/${this.$root.dataset.name}`;
    await this.load();
  },
  async load() {
    try {
      const [found, page] = await Promise.all([get(this.base), get(`${this.base}/versions?limit=20`)]);
      const pipeline = localised(found);
      Object.assign(this, { pipeline, versions: page.items, cursor: page.next_cursor });
      await this.$nextTick();
      draw(this.$refs.graph, pipeline.graph)(servedBy(pipeline.graph));
    } catch (error) {
      fail(error);
    }
  },
  async older() {
    try {
      const page = await get(query(`${this.base}/versions`, { limit: 20, cursor: this.cursor }));
      this.versions = [...this.versions, ...page.items];
      this.cursor = page.next_cursor;
    } catch (error) {
      fail(error);
    }
  },
  get facts() {
    return this.pipeline ? factsOf(this.pipeline) : [];
  },
  get sends() {
    return (this.pipeline?.sends ?? []).map((each) => ({ ...each, what: told(each.what) }));
  },
  get inputs() {
    return inputsOf(this.pipeline?.inputs);
  },
  numbered: (each) => _("Version %(n)s", { n: each.version }),
  about: (each) => [each.author || (FROM[each.origin] ?? each.origin), since(each.created_at)].filter(Boolean).join(" · "),
  async compare(each) {
    try {
      const { text } = await get(`${this.base}/versions/${each.version}`);
      const values = { before: each.version, after: this.pipeline.version };
      const title = _("From version %(before)s to version %(after)s.", values);
      this.compared = { title, lines: difference(text, this.pipeline.text) };
    } catch (error) {
      fail(error);
    }
  },
  async restore(each) {
    const text = _("New courses are made with it. The present version is kept.");
    if (!(await confirmed(_("Restore version %(n)s?", { n: each.version }), { text, yes: _("Restore") }))) return;
    try {
      await post(`${this.base}/restore`, { version: each.version });
      await this.load();
      toast(_("Version %(n)s is the current one.", { n: each.version }));
    } catch (error) {
      fail(error);
    }
  },
  async drop() {
    const text = _("No new course can be made with it. Those that there are stay.");
    if (!(await confirmed(_("Delete this pipeline?"), { text, yes: _("Delete"), danger: true }))) return;
    try {
      await remove(this.base);
      location.assign("/pipelines");
    } catch (error) {
      fail(error);
    }
  },
});

register({ pipelineList, pipelinePage });
