// How jobs and their steps are shown: words, colours, icons, the time that is left.
import { duration, percent, told, _ } from "./text.js";

const JOBS = {
  pending: { text: _("Waiting"), tone: "plain", icon: "clock" },
  running: { text: _("Running"), tone: "accent", icon: "arrow-path" },
  completed: { text: _("Finished"), tone: "good", icon: "check-circle" },
  failed: { text: _("Failed"), tone: "bad", icon: "x-circle" },
  cancelled: { text: _("Cancelled"), tone: "warn", icon: "no-symbol" },
};
const PRIORITIES = { low: _("Low"), normal: _("Normal"), high: _("High"), urgent: _("Urgent") };
const REVIEW = { text: _("Waits for you"), tone: "accent", icon: "document-text" };
const CANCELLING = { text: _("Stopping"), tone: "warn", icon: "stop-circle" };
const STEPS = {
  waiting: { text: _("Waiting"), tone: "plain", icon: "clock" },
  running: { text: _("Running"), tone: "accent", icon: "arrow-path" },
  done: { text: _("Done"), tone: "good", icon: "check-circle" },
  reused: { text: _("Reused"), tone: "good", icon: "check-circle" },
  failed: { text: _("Failed"), tone: "bad", icon: "x-circle" },
  skipped: { text: _("Skipped"), tone: "plain", icon: "minus" },
  blocked: { text: _("Not reached"), tone: "warn", icon: "no-symbol" },
  left_out: { text: _("Left out"), tone: "plain", icon: "minus" },
  cancelled: { text: _("Cancelled"), tone: "warn", icon: "no-symbol" },
};
const PLAIN = { text: "", tone: "plain", icon: "information-circle" };
const SURE_FROM = 0.05; // below, the part that is done says too little about the rest

export const active = (job) => job.status === "pending" || job.status === "running";
/** Has it ended with a script that its author wants to see first? */
export const awaits = (job) => job.status === "completed" && job.purpose === "review";
export const look = (job) => (job.cancelling && active(job) ? CANCELLING : awaits(job) ? REVIEW : (JOBS[job.status] ?? PLAIN));
export const priorityOf = (job) => PRIORITIES[job.priority] ?? job.priority;
export const stepLook = (step) => STEPS[step.status] ?? PLAIN;

/** What is over of a job or step, in words: "42 %", "about 3 min left". */
export function howFar(job, now = Date.now()) {
  if (job.status !== "running") return "";
  const left = secondsLeft(job, now);
  const words = left === null ? "" : ` · ${_("about %(time)s left", { time: duration(left) })}`;
  return percent(Math.floor(job.progress * 100) / 100) + words;
}

function secondsLeft(job, now) {
  if (!job.started_at) return null;
  const passed = Math.max(0, (now - new Date(job.started_at)) / 1000);
  const expected = typeof job.expected_s === "number" ? Math.max(1, job.expected_s - passed) : null;
  if (job.progress <= SURE_FROM) return expected;
  const rest = (passed * (1 - job.progress)) / job.progress;
  // Steps do not take as long as they count, which matters less and less.
  return expected === null ? rest : job.progress * rest + (1 - job.progress) * expected;
}

/** A name that programs use, as people read it: "the-sun" → "The sun". */
export const words = (name) => name && name[0].toUpperCase() + name.slice(1).replaceAll(/[-_]+/g, " ");

/** What a job says, for people: "voice[the-sun]: tts.espeak" → "Voice · The sun". `titles` are those of its steps. */
export function spoken(message, titles = new Map()) {
  const [, step, item = "", rest] = /^([a-z]\w*)(?:\[([^\]]*)\])?: (.+)$/s.exec(message) ?? [];
  if (!step) return told(message);
  const place = [titles.get(step) ?? words(step), words(item)].filter(Boolean).join(" · ");
  return /^[a-z]+\.\w+$/.test(rest) ? place : `${place}: ${told(rest)}`;
}

/** A job as an event of the stream tells of it, over what was known. */
export function merged(job, { job: id, ...news }) {
  const began = job.started_at ?? (news.status === "running" ? new Date().toISOString() : null);
  return { ...job, ...news, id, started_at: began, updated_at: new Date().toISOString() };
}
