// The formats of courses, as cards made from the pipelines.
import { get } from "../lib/api.js";
import { register } from "../lib/components.js";
import { readDraft } from "../lib/drafts.js";
import { kindFor } from "../lib/fields.js";
import { localised } from "../lib/pipelines.js";
import { fail } from "../lib/toasts.js";
import { _, duration } from "../lib/text.js";

const MARKS = { video: "user-circle", slides: "presentation-chart-bar", tts: "speaker-wave", llm: "document-text" };

const formats = () => ({
  ready: false,
  items: [],
  used: null, // the file that something is to be made of
  async init() {
    const used = new URLSearchParams(location.search).get("use");
    try {
      if (used) this.used = await get(`/api/assets/${encodeURIComponent(used)}`);
      const { items: all } = await get("/api/pipelines?limit=200");
      const items = this.used ? all.filter((item) => takes(item, this.used)) : all;
      // Those that make most of a course come first.
      this.items = items.map(localised).map(shown).sort((one, other) => other.steps - one.steps);
    } catch (error) {
      fail(error);
    }
    this.ready = true;
  },
  address({ name, fault }) {
    return fault ? null : `/create/${name}${this.used ? `?use=${this.used.id}` : ""}`;
  },
});

const takes = ({ inputs }, { type }) => Object.values(inputs.properties ?? {}).some((about) => about.format === kindFor(type));

function shown(pipeline) {
  const properties = Object.entries(pipeline.inputs.properties ?? {});
  const needed = new Set(pipeline.inputs.required ?? []);
  const titles = (want) => properties.filter(([name]) => needed.has(name) === want).map(([, about]) => about.title);
  const files = properties.filter(([name, about]) => !needed.has(name) && about.format).map(([, about]) => about.title);
  const kind = Object.keys(MARKS).find((each) => pipeline.capabilities.includes(each));
  return {
    ...pipeline,
    title: pipeline.title || pipeline.name,
    mark: MARKS[kind] ?? "sparkles",
    needs: titles(true).join(", "),
    may: files.join(", "),
    usual: pipeline.usual_s === null ? "" : _("usually %(time)s", { time: duration(pipeline.usual_s) }),
    receivers: [...new Set(pipeline.sends.map((each) => each.provider))].join(_(" or ")),
    stays: !pipeline.sends.length,
    begun: Boolean(readDraft(pipeline.name)),
  };
}

register({ formats });
