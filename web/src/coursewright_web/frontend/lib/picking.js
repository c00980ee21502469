// The part of the wizard that chooses files: those that are there, new ones, and the consent they need.
import { get, query, remove } from "./api.js";
import { consentOf } from "./consent.js";
import { factsOf, filesIn, needsConsent, previewOf, bytesOf } from "./files.js";
import { sentence } from "./toasts.js";
import { _, size } from "./text.js";
import { upload } from "./upload.js";

const SHOWN = 11;

export const picking = {
  facts: factsOf,
  preview: previewOf,
  bytes: bytesOf,
  over: "",
  async library(field, more = false) {
    try {
      const asked = { type: field.type, status: "ready", text: field.search, limit: SHOWN, cursor: more ? field.cursor : "" };
      const page = await get(query("/api/assets", asked));
      const fits = (asset) => field.type !== "result" || asset.media_type.startsWith(`${field.kind}/`);
      const items = page.items.filter(fits);
      field.assets = more ? [...field.assets, ...items] : items;
      if (field.asset && !field.assets.some((each) => each.id === field.asset.id) && !field.search)
        field.assets = [field.asset, ...field.assets];
      field.cursor = page.next_cursor;
      field.loaded = true;
    } catch (error) {
      this.told(field, error);
    }
  },
  async pick(field, asset) {
    field.asset = asset;
    field.error = "";
    field.consent = "";
    if (!asset || !needsConsent(asset)) return;
    field.consent = "checking";
    try {
      const consent = await consentOf(asset);
      if (field.asset?.id === asset.id) field.consent = consent ? "given" : "needed";
    } catch (error) {
      field.consent = "";
      this.told(field, error);
    }
  },
  consented(field) {
    field.consent = "given";
    field.error = "";
  },
  chosen(field, event) {
    this.add(field, event.target.files[0]);
    event.target.value = "";
  },
  drag(field) {
    this.over = field.name;
  },
  dragged(event) {
    if (!event.currentTarget.contains(event.relatedTarget)) this.over = "";
  },
  dropped(field, event) {
    this.over = "";
    this.add(field, filesIn(event.dataTransfer)[0]);
  },
  /** What is pasted goes to the first field of this step that takes files. */
  pasted(event) {
    const file = filesIn(event.clipboardData)[0];
    const field = this.fieldsHere.find((each) => each.type && each.mode !== "topic");
    if (!file || !field) return;
    event.preventDefault();
    if (field.kind === "document") field.mode = "file";
    this.add(field, file);
  },
  async add(field, file) {
    if (!file || field.part !== null) return;
    field.error = "";
    field.part = 0;
    const abort = new AbortController();
    this.stops[field.name] = () => abort.abort();
    try {
      const progress = (part) => (field.part = part);
      const waiting = (is) => (field.waits = is);
      const asset = await upload(file, { type: field.type, signal: abort.signal, progress, waiting });
      field.assets = [asset, ...field.assets];
      await this.pick(field, asset);
    } catch (error) {
      this.told(field, error);
    } finally {
      Object.assign(field, { part: null, waits: false });
    }
  },
  sendingOf(field) {
    if (field.waits) return _("The connection was lost. It goes on by itself.");
    return field.part < 1 ? _("Sending") : _("Looking at it");
  },
  stops: {},
  stopped(field) {
    this.stops[field.name]?.();
  },
  /** What the text is, as a document of the person; the one that it was before goes. */
  async writeDown(field) {
    if (field.written?.text === field.text) return;
    const before = field.written;
    const file = new File([field.text], "notes.md", { type: "text/markdown" });
    const asset = await upload(file, { type: field.type, name: field.noteName() });
    field.written = { id: asset.id, text: field.text };
    if (before) await remove(`/api/assets/${before.id}`).catch(() => {}); // a job may use it; then it stays
  },
  told(field, error) {
    if (error.name === "AbortError") return;
    field.error = [sentence(error.message), error.remedy && sentence(error.remedy)].filter(Boolean).join(" ");
  },
  /** A text file's content as the text that is typed. */
  async typedFrom(field, event) {
    const file = event.target.files[0];
    event.target.value = "";
    if (!file) return;
    if (file.size > 500_000) return (field.error = _("That is too long: %(size)s.", { size: size(file.size) }));
    field.value = await file.text();
    field.error = "";
  },
};
