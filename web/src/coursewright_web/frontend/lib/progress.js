// The title and the icon of the tab show how far the running jobs are; when one ends, a notification says so if allowed.
import { get } from "./api.js";
import { follow } from "./live.js";
import { _, percent } from "./text.js";

const title = document.title;
const running = new Map();

function draw(part) {
  document.title = part === null ? title : `${percent(part)} · ${title}`;
  const link = document.querySelector("link[rel=icon]");
  link.dataset.plain ??= link.href;
  if (part === null) return (link.href = link.dataset.plain);
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  const pen = canvas.getContext("2d");
  const arc = (end, colour) => {
    pen.beginPath();
    pen.arc(32, 32, 24, -Math.PI / 2, -Math.PI / 2 + end * 2 * Math.PI);
    Object.assign(pen, { lineWidth: 14, strokeStyle: colour, lineCap: "round" });
    pen.stroke();
  };
  arc(1, "#a9a7a388");
  arc(Math.max(part, 0.02), "#5468d4");
  link.href = canvas.toDataURL();
}

function show() {
  const parts = [...running.values()];
  draw(parts.length ? Math.floor((parts.reduce((sum, each) => sum + each, 0) / parts.length) * 100) / 100 : null);
}

function notify({ job, title: name, status, purpose }) {
  if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
  const ready = purpose === "review" ? _("The script is ready for you.") : _("Your course is ready.");
  const words = { completed: ready, failed: _("It could not be finished.") }[status];
  if (!words) return;
  const shown = new Notification(name, { body: words, tag: job });
  shown.onclick = () => {
    window.focus();
    location.assign(`/jobs/${job}`);
  };
}

/** Watch all jobs of the person. */
export function watch() {
  follow({
    async sync() {
      const { items } = await get("/api/jobs?status=running&limit=50").catch(() => ({ items: null }));
      if (!items) return;
      running.clear();
      items.forEach((job) => running.set(job.id, job.progress));
      show();
    },
    event(type, data) {
      if (type === "step" || data.purpose === "preview") return;
      if (type === "job" && data.status === "running") running.set(data.job, data.progress);
      else if (running.delete(data.job)) notify(data);
      show();
    },
  });
}
