// A person's files: looking for them, adding many at once, naming, hearing, deleting them, and who agreed to what.
import { get, query, remove } from "../lib/api.js";
import { register } from "../lib/components.js";
import { consentPart } from "../lib/consent.js";
import { confirmed } from "../lib/dialogs.js";
import { kindFor } from "../lib/fields.js";
import { TYPES, bytesOf, factsOf, filesIn, needsConsent, previewOf, savedFrom, typeOf } from "../lib/files.js";
import { form } from "../lib/form.js";
import { look } from "../lib/jobs.js";
import { recorder } from "../lib/recorder.js";
import { fail, sentence, toast } from "../lib/toasts.js";
import { undoable } from "../lib/undo.js";
import { _, moment, ngettext } from "../lib/text.js";
import { upload } from "../lib/upload.js";
import { soundWave } from "../lib/waves.js";

const PAGE = 24;
const AT_ONCE = 3;
const USES = 5;
const LOOK_AGAIN_MS = 2_500;
const PLAIN = { type: "portrait", text: "", sort: "created" };

const assetList = () => ({
  ...PLAIN,
  items: [],
  cursor: null,
  ready: false,
  busy: false,
  over: false,
  sending: [],
  consents: {},
  edited: null,
  uses: null,
  asked: null,
  recording: false,
  leaving: [],
  facts: factsOf,
  preview: previewOf,
  bytes: bytesOf,
  saved: savedFrom,
  usable: ({ state, type }) => state === "ready" && Boolean(kindFor(type)),
  moment,
  sentence,
  init() {
    const given = new URLSearchParams(location.search);
    for (const name of Object.keys(PLAIN)) this[name] = given.get(name) ?? PLAIN[name];
    if (!(this.type in TYPES)) this.type = PLAIN.type;
    this.load();
    window.addEventListener("coursewright:back", () => this.load());
    window.addEventListener("beforeunload", (event) => this.active.length && event.preventDefault());
  },

  // The list

  wanted(more = {}) {
    const { type, text, sort } = this;
    return query("/api/assets", { type, text, sort, order: sort === "name" ? "asc" : "desc", ...more });
  },
  async load() {
    try {
      const limit = Math.min(200, Math.max(PAGE, this.items.length));
      const asked = this.wanted({ limit });
      const [page] = await Promise.all([get(asked), this.loadConsents()]);
      if (asked !== this.wanted({ limit })) return; // somebody has typed on meanwhile
      this.take(page, page.items);
    } catch (error) {
      fail(error);
    }
  },
  async more() {
    this.busy = true;
    try {
      const page = await get(this.wanted({ limit: PAGE, cursor: this.cursor }));
      this.take(page, [...this.items, ...page.items]);
    } catch (error) {
      fail(error);
    } finally {
      this.busy = false;
    }
  },
  take(page, items) {
    // What is only announced is told of while it is sent, and goes by itself when it never comes.
    this.items = items.filter((each) => each.state !== "pending" && !this.leaving.includes(each.id));
    this.cursor = page.next_cursor;
    this.ready = true;
    clearTimeout(this.later);
    if (this.items.some((each) => each.state === "processing")) this.later = setTimeout(() => this.load(), LOOK_AGAIN_MS);
  },
  later: 0,
  async loadConsents() {
    const { items } = await get("/api/consents?limit=200");
    this.consents = Object.fromEntries(items.filter((each) => !each.revoked_at).map((each) => [each.asset_id, each]));
  },
  choose(event) {
    this.type = event.currentTarget.dataset.type;
    this.text = "";
    this.ready = false;
    this.apply();
  },
  apply() {
    const changed = Object.fromEntries(Object.keys(PLAIN).map((name) => [name, this[name] === PLAIN[name] ? "" : this[name]]));
    history.replaceState(null, "", query(location.pathname, changed));
    this.items = [];
    this.load();
  },
  get nothing() {
    return this.ready && !this.items.length && !this.text;
  },
  get none() {
    return this.ready && !this.items.length && Boolean(this.text);
  },
  get accept() {
    return TYPES[this.type].accept;
  },
  get takes() {
    return this.type !== "result";
  },
  mark(asset) {
    const kind = asset.media_type.split("/")[0];
    const marks = { video: "film", audio: "musical-note", image: "photo", text: "document-text" };
    return marks[kind] ?? (asset.media_type === "application/zip" ? "archive-box" : TYPES[asset.type].icon);
  },
  heard(asset) {
    return asset.state === "ready" && asset.media_type.startsWith("audio/");
  },
  consentOf(asset) {
    return this.consents[asset.id] ?? null;
  },
  lacks(asset) {
    return asset.state === "ready" && needsConsent(asset) && !this.consents[asset.id];
  },

  // Adding

  get active() {
    return this.sending.filter((each) => !each.error);
  },
  chosen(event) {
    this.add([...event.target.files]);
    event.target.value = "";
  },
  drag(event) {
    if (this.takes && event.dataTransfer?.types.includes("Files")) this.over = true;
  },
  dragged(event) {
    if (!event.currentTarget.contains(event.relatedTarget)) this.over = false;
  },
  dropped(event) {
    this.over = false;
    this.add(filesIn(event.dataTransfer));
  },
  pasted(event) {
    const files = filesIn(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  },
  spoken(event) {
    this.recording = false;
    this.add([event.detail]);
  },
  add(files) {
    if (!this.takes) return;
    const begun = files.map((file) => ({
      key: crypto.randomUUID?.() ?? `${file.name}-${Math.random()}`,
      name: file.name,
      file,
      type: this.type === "slide_theme" ? "slide_theme" : typeOf(file, this.type),
      part: 0,
      running: false,
      waits: false,
      error: "",
      abort: new AbortController(),
    }));
    this.sending = [...this.sending, ...begun];
    this.pump();
  },
  pump() {
    const running = this.sending.filter((each) => each.running).length;
    const waiting = this.sending.filter((each) => !each.running && !each.error);
    waiting.slice(0, Math.max(0, AT_ONCE - running)).forEach((each) => this.send(each));
  },
  async send(entry) {
    entry.running = true;
    try {
      const progress = (part) => (entry.part = part);
      const waiting = (is) => (entry.waits = is);
      const asset = await upload(entry.file, { type: entry.type, signal: entry.abort.signal, progress, waiting });
      this.drop(entry);
      this.arrived(asset);
    } catch (error) {
      Object.assign(entry, { running: false, waits: false });
      if (error.name === "AbortError") this.drop(entry);
      else entry.error = [sentence(error.message), error.remedy && sentence(error.remedy)].filter(Boolean).join(" ");
    }
    this.pump();
  },
  arrived(asset) {
    const others = this.items.filter((each) => each.id !== asset.id);
    const shown = asset.type === this.type && !this.text;
    if (shown) this.items = [asset, ...others];
    const [note] = asset.notes;
    if (note) toast(asset.name, { tone: "warn", more: sentence(note), stays: !shown });
    else if (!shown) toast(_("%(name)s is among your files.", { name: asset.name }));
  },
  again(entry) {
    Object.assign(entry, { error: "", part: 0, abort: new AbortController() });
    this.pump();
  },
  cancel(entry) {
    entry.abort.abort();
    this.drop(entry);
  },
  drop(entry) {
    this.sending = this.sending.filter((each) => each.key !== entry.key);
  },
  get sendingText() {
    return ngettext("%(n)s file is being added", "%(n)s files are being added", this.active.length);
  },

  // One file

  async edit(asset) {
    Object.assign(this, { edited: asset, uses: null });
    try {
      const { items } = await get(query("/api/jobs", { asset: asset.id, limit: USES }));
      if (this.edited === asset) this.uses = items;
    } catch (error) {
      fail(error);
    }
  },
  look: (job) => look(job).text,
  changed(event) {
    const at = this.items.findIndex((each) => each.id === event.detail.id);
    if (at >= 0) this.items[at] = { ...this.items[at], ...event.detail };
    this.edited = null;
    toast(_("Saved."));
  },
  consented(event) {
    this.consents = { ...this.consents, [event.detail.asset_id]: event.detail };
    this.asked = null;
    toast(_("The consent is filed."));
  },
  async revoke() {
    const consent = this.consentOf(this.asked);
    const text = _("Nothing new is made from it then. What was made before stays until you delete it.");
    if (!(await confirmed(_("Revoke this consent?"), { text, yes: _("Revoke"), danger: true }))) return;
    try {
      await remove(`/api/consents/${consent.id}`);
      this.asked = null;
      await this.loadConsents();
    } catch (error) {
      fail(error);
    }
  },
  erase(asset) {
    const before = [...this.items];
    this.leaving = [...this.leaving, asset.id];
    this.items = this.items.filter((each) => each.id !== asset.id);
    const stay = () => {
      this.leaving = this.leaving.filter((each) => each !== asset.id);
      this.items = before;
    };
    undoable(_("%(name)s was deleted.", { name: asset.name }), () => remove(`/api/assets/${asset.id}`, { keepalive: true }), stay);
  },
});

const assetForm = () =>
  form({
    method: "PATCH",
    path() {
      return `/api/assets/${this.$root.dataset.asset}`;
    },
    done(asset) {
      this.$dispatch("changed", asset);
    },
  });

register({ assetList, assetForm, recorder, consentPart, soundWave });
