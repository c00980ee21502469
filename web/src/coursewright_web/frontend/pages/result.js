// What a job made: the film with its words and chapters, the files and what they are for, and links for others.
import { get } from "../lib/api.js";
import { register } from "../lib/components.js";
import { bytesOf } from "../lib/files.js";
import { follow } from "../lib/live.js";
import { links, shareForm } from "../lib/sharing.js";
import { fail } from "../lib/toasts.js";
import { clock, cuesOf } from "../lib/vtt.js";
import { _, duration, number, size } from "../lib/text.js";

const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
const SPEED = "coursewright-speed";
// In the order in which people want them.
const KINDS = [
  { key: "package", icon: "academic-cap", title: _("For your LMS"), text: _("Upload it as a SCORM package; it records who has finished.") },
  { key: "film", icon: "film", title: _("The film"), text: _("To show it anywhere.") },
  { key: "sound", icon: "musical-note", title: _("The sound"), text: _("To listen to.") },
  { key: "captions", icon: "chat-bubble-bottom-center-text", title: _("Captions"), text: _("For video platforms and players.") },
  { key: "chapters", icon: "queue-list", title: _("Chapters"), text: _("For players that show them.") },
  { key: "transcript", icon: "document-text", title: _("Transcript"), text: _("All that is said, to read or print.") },
  { key: "picture", icon: "photo", title: _("Picture"), text: _("To show in a list of courses.") },
  { key: "other", icon: "document-text", title: _("File"), text: "" },
];

function kindOf({ name, media_type: media }) {
  if (media === "application/zip") return "package";
  if (media.startsWith("video/")) return "film";
  if (media.startsWith("audio/")) return "sound";
  if (media.startsWith("image/")) return "picture";
  if (name.endsWith(".chapters.vtt")) return "chapters";
  if (media === "text/vtt") return "captions";
  return /transcript/.test(name) ? "transcript" : "other";
}

const resultPage = () => ({
  ...links,
  job: null,
  files: [],
  script: null,
  captions: [],
  chapters: [],
  track: "",
  language: "",
  now: 0,
  speed: 1,
  speeds: SPEEDS.map((value) => ({ value, text: `${number(value)}×` })),
  words: false,
  bytes: bytesOf,
  clock,
  size,
  init() {
    this.id = this.$root.dataset.job;
    this.speed = Number(localStorage.getItem(SPEED)) || 1;
    follow({ sync: () => this.load(), event: (type, data) => data.job === this.id && type === "end" && this.load() });
    this.loadLinks();
  },
  async load() {
    try {
      const [job, results] = await Promise.all([get(`/api/jobs/${this.id}`), get(`/api/jobs/${this.id}/results`)]);
      this.job = job;
      this.files = results.files.map((file) => ({ ...file, kind: KINDS.find((each) => each.key === kindOf(file)) }));
      this.files.sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind));
      this.script = Object.values(results.values).find((value) => Array.isArray(value?.scenes)) ?? null;
      await this.loadWords();
    } catch (error) {
      fail(error);
    }
  },
  async loadWords() {
    const [captions, chapters] = [this.first("captions"), this.first("chapters")];
    if (captions && !this.track) {
      const text = await textOf(captions);
      this.captions = cuesOf(text);
      this.language = /\.([a-z-]+)\.vtt$/i.exec(captions.name)?.[1] ?? "";
      this.track = URL.createObjectURL(new Blob([text], { type: "text/vtt" }));
    }
    if (chapters) this.chapters = cuesOf(await textOf(chapters));
  },
  first(key) {
    return this.files.find((file) => file.kind.key === key);
  },
  saveScript() {
    const name = this.first("transcript")?.name.replace(/\.transcript\b/, ".script") ?? "script.md";
    save(new File([written(this.script)], name, { type: "text/markdown" }));
  },
  get film() {
    return this.first("film");
  },
  get sound() {
    return this.film ? undefined : this.first("sound");
  },
  get poster() {
    const picture = this.first("picture");
    return picture ? bytesOf(picture) : null;
  },
  get unfinished() {
    return Boolean(this.job) && this.job.status !== "completed";
  },
  get finished() {
    return this.job?.status === "completed";
  },
  get took() {
    if (!this.job?.started_at || !this.job.ended_at) return "";
    return _("Made in %(time)s.", { time: duration((new Date(this.job.ended_at) - new Date(this.job.started_at)) / 1000) });
  },

  // The player

  get player() {
    return this.$root.querySelector("video, audio");
  },
  prepared(event) {
    event.target.playbackRate = this.speed;
  },
  played(event) {
    this.now = event.target.currentTime;
  },
  faster() {
    this.speed = Number(this.speed);
    if (this.player) this.player.playbackRate = this.speed;
    localStorage.setItem(SPEED, String(this.speed));
  },
  seek(cue) {
    this.player.currentTime = cue.start + 0.01;
    this.player.play().catch(() => {}); // a browser may want a press on the player itself
  },
  here(cue) {
    return this.now >= cue.start && this.now < cue.end ? "true" : "false";
  },
});

/** A script to read, print or begin another course with. */
const written = ({ title, scenes }) => [title && `# ${title}\n`, ...scenes.map(sceneText)].filter(Boolean).join("\n");
const sceneText = ({ title, bullets = [], narration }) =>
  [`## ${title}\n`, bullets.map((bullet) => `- ${bullet}\n`).join(""), `${narration}\n`].filter(Boolean).join("\n");

/** Let the browser save a file that was made here. */
function save(file) {
  const address = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: address, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A small text file of the result. */
async function textOf(file) {
  const answer = await fetch(bytesOf(file));
  return answer.ok ? answer.text() : "";
}

register({ resultPage, shareForm });
