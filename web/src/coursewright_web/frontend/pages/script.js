// The script of a course, scene by scene: read it, change it, and have made what is out of date.
import { Problem, get, post } from "../lib/api.js";
import { register } from "../lib/components.js";
import { briefly } from "../lib/estimates.js";
import { active, howFar, look, merged } from "../lib/jobs.js";
import { follow } from "../lib/live.js";
import { fail, toast } from "../lib/toasts.js";
import { _, duration, ngettext } from "../lib/text.js";
import { rewriting } from "../script/rewriting.js";
import { saving } from "../script/saving.js";
import { bulletOf, cardOf, newCard } from "../script/scenes.js";

const MOST_BULLETS = 5;
const STALE = { text: _("Out of date"), tone: "warn", icon: "arrow-path" };
const NEW = { text: _("New"), tone: "accent", icon: "sparkles" };
const EDITED = { text: _("Edited"), tone: "accent", icon: "pencil" };
const FRESH = { text: _("Up to date"), tone: "good", icon: "check" };
const PLAIN = { text: "", tone: "plain", icon: "check" };

const scriptPage = () => ({
  ...rewriting,
  ...saving(),
  job: null,
  script: null,
  known: {}, // its scenes by their ids, as the service has them
  none: false,
  title: "",
  scenes: [],
  stale: {}, // scenes that were changed since the service last told what is out of date
  making: false,
  said: "",
  look,
  mostBullets: MOST_BULLETS,
  init() {
    this.id = this.$root.dataset.job;
    follow({ sync: () => this.sync(), event: (type, data) => this.change(type, data) });
    document.addEventListener("visibilitychange", () => document.hidden || this.sync());
  },
  address(more = "") {
    return `/api/jobs/${this.id}${more}`;
  },
  async sync() {
    try {
      this.job = await get(this.address());
      if (!this.script) await this.load();
      else if (this.settled()) await this.renew();
      this.lookAgain();
    } catch (error) {
      fail(error);
    }
  },
  async load() {
    try {
      const script = await this.fetched();
      if (this.script) return; // asked for twice, as when the stream begins: what was typed since then stays
      this.show(script);
      this.begin();
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    }
    this.none = !this.script;
  },
  /** Take over what another window, or a run, has made of it meanwhile. */
  async renew() {
    const before = this.now;
    const script = await this.fetched();
    if (!this.settled() || this.now !== before) return;
    const same = (scene, index) => scene.id === this.scenes[index]?.id && scene.narration === this.scenes[index].narration;
    const unchanged = script.title === this.title && script.scenes.length === this.scenes.length;
    if (unchanged && script.scenes.every(same)) return this.told(script);
    this.show(script);
    this.renewed();
  },
  show(script) {
    this.title = script.title;
    this.scenes = script.scenes.map(cardOf);
    this.told(script);
  },
  async takeTheirs() {
    try {
      this.show(await this.fetched());
      this.renewed();
    } catch (error) {
      fail(error);
    }
  },
  /** What the service knows of the script as it is now. */
  told(script) {
    this.script = script;
    this.known = Object.fromEntries(script.scenes.map((scene) => [scene.id, scene]));
    if (!this.typing) this.stale = {};
  },
  change(type, data) {
    if (data.job !== this.id) return this.heard(type, data);
    if (!this.job || type === "step") return;
    this.job = merged(this.job, data);
    if (type === "end") this.sync();
  },

  // What is out of date

  get locked() {
    return Boolean(this.job) && active(this.job);
  },
  get far() {
    return this.job ? howFar(this.job) : "";
  },
  about(scene) {
    return this.known[scene.id];
  },
  picture(scene) {
    return (scene.pictured && this.about(scene)?.image?.url) || "";
  },
  /** Nothing was made of any scene yet, so that nothing is out of date either. */
  get begun() {
    return this.script.scenes.some((each) => !each.to_make.length);
  },
  mark(scene) {
    const about = this.about(scene);
    if (!about) return NEW;
    if (!this.begun) return about.change || this.stale[scene.id] ? { ...EDITED, ...(about.change === "new" && NEW) } : PLAIN;
    if (about.change === "new" && about.to_make.length) return NEW;
    return about.to_make.length || this.stale[scene.id] ? STALE : FRESH;
  },
  get todo() {
    return this.scenes.filter((scene) => [NEW, STALE].includes(this.mark(scene))).length;
  },
  get verdict() {
    if (!this.script.to_make && !Object.keys(this.stale).length) return _("The course is made of this very script.");
    const words = [];
    if (!this.begun) words.push(ngettext("%(n)s scene", "%(n)s scenes", this.scenes.length));
    else if (this.todo) words.push(ngettext("%(n)s scene to rebuild", "%(n)s scenes to rebuild", this.todo));
    else words.push(_("The course is put together anew"));
    return [...words, briefly(this.script.estimate)].filter(Boolean).join(" · ");
  },
  get finished() {
    return !this.script.to_make && !Object.keys(this.stale).length && this.job?.status === "completed";
  },
  get removed() {
    return this.script.removed.join(", ");
  },
  get facts() {
    const length = this.scenes.reduce((sum, scene) => sum + this.seconds(scene), 0);
    return [ngettext("%(n)s scene", "%(n)s scenes", this.scenes.length), _("%(time)s to say", { time: duration(length) })].join(" · ");
  },
  seconds(scene) {
    return scene.narration.trim().length / this.script.characters_per_s;
  },
  length(scene) {
    return duration(this.seconds(scene));
  },

  // Editing

  focus(name, scene) {
    this.$nextTick(() => document.getElementById(`${name}-${scene.id}`)?.focus());
  },
  move(scene, by) {
    const from = this.scenes.indexOf(scene);
    const to = from + by;
    if (this.locked || to < 0 || to >= this.scenes.length) return;
    const focused = document.activeElement;
    this.scenes.splice(from, 1);
    this.scenes.splice(to, 0, scene);
    this.said = _("“%(title)s” is scene %(n)s now.", { title: scene.title, n: to + 1 });
    this.step();
    // What moves loses the focus; the button that was pressed may have nowhere to move to.
    this.$nextTick(() => (focused.disabled ? this.focus(to ? "up" : "down", scene) : focused.focus()));
  },
  add(after) {
    const scene = newCard();
    this.scenes.splice(after + 1, 0, scene);
    this.focus("title", scene);
    this.touched();
  },
  drop(scene) {
    const at = this.scenes.indexOf(scene);
    this.scenes.splice(at, 1);
    this.step();
    const title = scene.title.trim() || _("Untitled");
    toast(_("“%(title)s” is taken out.", { title }), { undo: () => this.putBack(at, scene) });
    this.focus("title", this.scenes[Math.min(at, this.scenes.length - 1)]);
  },
  putBack(at, scene) {
    this.scenes.splice(Math.min(at, this.scenes.length), 0, scene);
    this.step();
    this.focus("title", scene);
  },
  withoutPicture(scene) {
    scene.pictured = false;
    this.stale[scene.id] = true;
    this.step();
  },
  addBullet(scene, at = scene.bullets.length - 1) {
    if (scene.bullets.length >= MOST_BULLETS) return;
    const bullet = bulletOf("");
    scene.bullets.splice(at + 1, 0, bullet);
    this.$nextTick(() => document.getElementById(`bullet-${bullet.key}`)?.focus());
  },
  dropBullet(scene, at) {
    scene.bullets.splice(at, 1);
    this.touched(scene);
    const near = scene.bullets[Math.max(0, at - 1)];
    this.$nextTick(() => document.getElementById(near ? `bullet-${near.key}` : `more-${scene.id}`)?.focus());
  },
  /** Backspace in an empty line takes it away. */
  erase(scene, at, event) {
    if (scene.bullets[at].text) return;
    event.preventDefault();
    this.dropBullet(scene, at);
  },
  /** Several lines pasted into one become as many. */
  pasted(scene, at, event) {
    const lines = event.clipboardData.getData("text/plain").split(/\r?\n/).map((line) => line.replace(/^\s*[-*•]\s*/, "").trim());
    const there = lines.filter(Boolean);
    if (there.length < 2) return;
    event.preventDefault();
    const room = MOST_BULLETS - scene.bullets.length + (scene.bullets[at].text ? 0 : 1);
    const from = scene.bullets[at].text ? at + 1 : at;
    scene.bullets.splice(from, from - at ? 0 : 1, ...there.slice(0, room).map(bulletOf));
    this.touched(scene);
  },

  // Making

  async make() {
    if (this.making) return;
    this.making = true;
    await this.step();
    if (!this.settled()) {
      this.making = false;
      return toast(this.fault || _("Not saved."), { tone: "bad" });
    }
    try {
      await post(this.address("/retry"), {});
      location.assign(`/jobs/${this.id}`);
    } catch (error) {
      this.making = false;
      fail(error);
    }
  },
});

register({ scriptPage });
