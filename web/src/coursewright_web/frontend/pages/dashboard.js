// The dashboard: what runs, what needs the person, what was made, what it took.
import { get, post } from "../lib/api.js";
import { register } from "../lib/components.js";
import { active, howFar, look, merged, spoken } from "../lib/jobs.js";
import { follow } from "../lib/live.js";
import { fail } from "../lib/toasts.js";
import { duration, number, since, size } from "../lib/text.js";

const RESULTS = 6;

const dashboard = () => ({
  ready: false,
  running: [],
  failed: [],
  scripts: [], // that wait for the person
  results: [],
  usage: null,
  now: Date.now(),
  look,
  spoken,
  since,
  init() {
    follow({ sync: () => this.load(), event: (type, data) => this.change(type, data) });
    setInterval(() => (this.now = Date.now()), 1000);
  },
  async load() {
    try {
      const [running, failed, scripts, files, usage] = await Promise.all([
        get("/api/jobs?status=active&limit=20&sort=updated"),
        get("/api/jobs?status=failed&limit=5&sort=updated"),
        get("/api/jobs?status=review&limit=5&sort=updated"),
        get("/api/assets?type=result&limit=60"),
        get("/api/stats"),
      ]);
      Object.assign(this, { running: running.items, failed: failed.items, scripts: scripts.items, usage, ready: true });
      this.results = await made(files.items);
    } catch (error) {
      fail(error);
    }
  },
  change(type, data) {
    if (type === "step") return;
    const known = this.running.find((job) => job.id === data.job);
    if (type === "end" || !active(data) || !known) return this.load();
    Object.assign(known, merged(known, data));
  },
  far(job) {
    return howFar(job, this.now);
  },
  async retry(job) {
    try {
      await post(`/api/jobs/${job.id}/retry`, {});
      this.load();
    } catch (error) {
      fail(error);
    }
  },
  get jobs() {
    return number(this.usage?.jobs ?? 0);
  },
  get stored() {
    if (!this.usage) return "";
    return size(this.usage.stored_bytes);
  },
  get quota() {
    return this.usage?.quota_bytes ? size(this.usage.quota_bytes) : "";
  },
  get film() {
    return this.usage?.film_s ? duration(this.usage.film_s) : "–";
  },
  get nothing() {
    return this.ready && !this.usage.jobs;
  },
});

/** The newest finished jobs with a poster, from the files that jobs made. */
async function made(files) {
  const jobs = new Map();
  for (const file of files) {
    const entry = jobs.get(file.job_id) ?? { id: file.job_id, created_at: file.created_at, poster: "", seconds: null };
    if (file.has_preview) entry.poster ||= `/api/assets/${file.id}/preview`;
    if (file.media_type.startsWith("image/")) entry.poster = `/api/assets/${file.id}/download?redirect=true&inline=true`;
    if (file.duration_s) entry.seconds = Math.max(entry.seconds ?? 0, file.duration_s);
    entry.kind = kindOf(file, entry.kind);
    if (file.job_id) jobs.set(file.job_id, entry);
  }
  const { items } = await get("/api/jobs?status=completed&limit=30&sort=updated");
  return items
    .filter((job) => jobs.has(job.id))
    .slice(0, RESULTS)
    .map((job) => ({ ...jobs.get(job.id), title: job.title, ended_at: job.ended_at }))
    .map((job) => ({ ...job, length: job.seconds ? duration(job.seconds) : "" }));
}

function kindOf({ media_type: type }, known) {
  if (type.startsWith("video/")) return "film";
  if (known === "film") return known;
  if (type.startsWith("audio/")) return "musical-note";
  return known ?? "document-text";
}

register({ dashboard });
