// The graph of a pipeline as SVG: columns from left to right, so that every step stands after what it depends on.
const BOX = { width: 172, height: 52 };
const GAP = { x: 34, y: 18 };
const EDGE = 8; // room for focus and line width
const TITLE = 20;

const make = (name, attributes, ...children) => {
  const found = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  found.append(...children);
  return found;
};

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Column and row of each step. */
function places({ nodes, edges }) {
  const columns = new Map();
  for (const { step } of nodes) {
    const before = edges.filter((edge) => edge.target === step).map((edge) => columns.get(edge.source) ?? 0);
    columns.set(step, before.length ? Math.max(...before) + 1 : 0);
  }
  const counts = new Map();
  const found = new Map();
  for (const { step } of nodes) {
    const column = columns.get(step);
    const row = counts.get(column) ?? 0;
    counts.set(column, row + 1);
    found.set(step, { column, row });
  }
  const rows = Math.max(1, ...counts.values());
  for (const place of found.values()) {
    const free = rows - counts.get(place.column);
    place.x = EDGE + place.column * (BOX.width + GAP.x);
    place.y = EDGE + (place.row + free / 2) * (BOX.height + GAP.y);
  }
  const width = EDGE * 2 + Math.max(1, counts.size) * (BOX.width + GAP.x) - GAP.x;
  return { found, width, height: EDGE * 2 + rows * (BOX.height + GAP.y) - GAP.y };
}

function line(from, to) {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const bend = Math.max(GAP.x / 2, (x2 - x1) / 2);
  return make("path", { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` });
}

/** Draw it into `element`. What comes back paints the states: `paint({ step: { tone, text, by, part } })`. */
export function draw(element, graph) {
  const { found, width, height } = places(graph);
  const root = make("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
  for (const { source, target } of graph.edges)
    if (found.has(source) && found.has(target)) root.append(line(found.get(source), found.get(target)));
  const parts = new Map();
  for (const { step, title } of graph.nodes) {
    const { x, y } = found.get(step);
    const by = make("text", { class: "by", x: 14, y: 40 });
    const bar = make("rect", { class: "bar", x: 0, y: BOX.height - 3, width: 0, height: 3 });
    const box = { width: BOX.width, height: BOX.height, rx: 10 };
    const name = make("text", { x: 14, y: 22 }, short(title || step, TITLE));
    const dot = make("circle", { class: "dot", cx: BOX.width - 14, cy: 17, r: 4.5 });
    const whole = make("title", {}, title || step);
    const group = make("g", { transform: `translate(${x} ${y})` }, whole, make("rect", { ...box, class: "box" }));
    group.append(name, by, dot, bar);
    root.append(group);
    parts.set(step, { group, by, bar });
  }
  element.replaceChildren(root);
  return (states) => {
    for (const [step, { group, by, bar }] of parts) {
      const { tone = "plain", text = "", provider = "", part = 0 } = states[step] ?? {};
      group.dataset.tone = tone;
      by.textContent = short([text, provider.replace(/^\w+\./, "")].filter(Boolean).join(" · "), TITLE);
      bar.setAttribute("width", tone === "accent" ? Math.round(part * BOX.width) : 0);
    }
  };
}
