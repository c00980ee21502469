// A person's files: what kinds there are, sending them with progress, and how they are told of.
import { Problem, Unreached, cookie, renewed } from "./api.js";
import { loginAgain } from "./session.js";
import { _, duration, since, size } from "./text.js";

/** What each type is called, looks like and takes. */
export const TYPES = {
  portrait: { icon: "photo", accept: "image/*", one: _("Photo") },
  voice_sample: { icon: "microphone", accept: "audio/*,.webm,.m4a", one: _("Voice") },
  document: { icon: "document-text", accept: ".txt,.md,.markdown,.html,.pdf,.docx,.pptx", one: _("Document") },
  slide_theme: { icon: "swatch", accept: ".toml,.typ,.zip", one: _("Theme") },
  result: { icon: "film", accept: "", one: _("Result") },
  script: { icon: "document-text", accept: ".json,.md,.txt", one: _("Script") },
};

/** What a file is most likely for: by its media type and its name. */
export function typeOf(file, otherwise = "document") {
  if (/\.(toml|typ|zip)$/i.test(file.name)) return "slide_theme";
  if (file.type.startsWith("image/")) return "portrait";
  if (file.type.startsWith("audio/") || /\.(webm|m4a)$/i.test(file.name)) return "voice_sample";
  if (/\.(txt|md|markdown|html?|pdf|docx|pptx)$/i.test(file.name)) return "document";
  return otherwise;
}

/** The files that were dropped or pasted. */
export const filesIn = (transfer) => [...(transfer?.files ?? [])];

/**
 * Send a file; the asset. `progress` hears of the part that is sent, `signal` stops it. Raises Problem and Unreached.
 * By XMLHttpRequest, since fetch tells nothing of what it has sent.
 */
export async function upload(file, { type, name = "", progress = () => {}, signal } = {}) {
  const form = new FormData();
  form.append("type", type);
  if (name) form.append("name", name.slice(0, 200));
  form.append("file", file, file.name);
  const began = Date.now();
  let answer = await sent(form, progress, signal);
  if (answer.status === 401) {
    if (!(await renewed(began)) && !(await loginAgain())) throw new Unreached(_("You are not logged in."));
    answer = await sent(form, progress, signal);
  }
  if (answer.status >= 400) throw new Problem(answer.status, answer.body, answer.retryAfter);
  return answer.body;
}

function sent(form, progress, signal) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/assets");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", cookie("coursewright_csrf"));
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () => {
      const retryAfter = Number(request.getResponseHeader("Retry-After")) || 0;
      done({ status: request.status, body: parsed(request.responseText), retryAfter });
    };
    request.onerror = () => failed(new Unreached(_("The connection was lost.")));
    request.onabort = () => failed(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Where the picture of an asset is, or its bytes for a player. */
export const previewOf = (asset) => `/api/assets/${asset.id}/preview?redirect=true`;
export const bytesOf = (asset) => `/api/assets/${asset.id}/download?redirect=true&inline=true`;
export const savedFrom = (asset) => `/api/assets/${asset.id}/download?redirect=true`;

/** "1.2 MB · 14 s · yesterday". */
export function factsOf(asset) {
  const pixels = asset.width_px && asset.height_px ? `${asset.width_px} × ${asset.height_px}` : "";
  const facts = [size(asset.size_bytes), pixels, duration(asset.duration_s), since(asset.created_at)];
  return facts.filter(Boolean).join(" · ");
}

/** Does it show or let hear a person, so that they must have agreed? A drawing shows nobody. */
export const needsConsent = (asset) =>
  asset.type === "voice_sample" || (asset.type === "portrait" && asset.media_type !== "image/svg+xml");
