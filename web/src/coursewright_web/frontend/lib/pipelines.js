// How pipelines are shown: what they ask for, and who does the work.
import { _ } from "./text.js";

const KINDS = {
  image: _("a picture"),
  audio: _("a recording"),
  document: _("a document"),
  video: _("a film"),
  file: _("a file"),
  integer: _("a number"),
  number: _("a number"),
  boolean: _("yes or no"),
  string: _("a text"),
};

/** What kind of value is wanted, by the type that JSON has for it; empty when people need not know. */
export const kindOf = (type) => KINDS[type] ?? "";

const said = ({ title, description, ...more }) => ({ ...more, title: title && _(title), description: description && _(description) });

/** A pipeline with its author's words in the page's language, where the catalogue has them. */
export function localised(pipeline) {
  const { inputs, graph } = pipeline;
  const properties = Object.entries(inputs?.properties ?? {}).map(([name, about]) => [name, said(about)]);
  return {
    ...said(pipeline),
    ...(inputs && { inputs: { ...inputs, properties: Object.fromEntries(properties) } }),
    ...(graph && { graph: { ...graph, nodes: graph.nodes.map(said) } }),
  };
}

/** The inputs of a JSON Schema in the order of the form. */
export function inputsOf(schema) {
  const needed = new Set(schema?.required ?? []);
  const all = Object.entries(schema?.properties ?? {}).map(([name, about]) => ({
    name,
    title: about.title ?? name,
    hint: about.description ?? "",
    kind: about.enum ? about.enum.join(", ") : about.pattern ? _("a language") : kindOf(about.format) || kindOf(about.type),
    required: needed.has(name),
    usually: about.default === undefined || about.default === null ? "" : _("usually %(value)s", { value: String(about.default) }),
    position: about.position ?? 0,
  }));
  return all.sort((one, other) => one.position - other.position);
}

/** States for `draw` that name the provider that is asked first. */
export const servedBy = (graph) =>
  Object.fromEntries(graph.nodes.map((node) => [node.step, { provider: node.providers[0] ?? node.capability }]));
