// A person's files: what kinds there are, and how they are told of.
import { _, duration, since, size } from "./text.js";

/** What each type is called, looks like and takes. */
export const TYPES = {
  portrait: { icon: "photo", accept: "image/*", one: _("Photo") },
  voice_sample: { icon: "microphone", accept: "audio/*,.webm,.m4a", one: _("Voice") },
  document: { icon: "document-text", accept: ".txt,.md,.markdown,.html,.pdf,.docx,.pptx", one: _("Document") },
  slide_theme: { icon: "swatch", accept: ".toml", one: _("Theme") },
  result: { icon: "film", accept: "", one: _("Result") },
  script: { icon: "document-text", accept: ".json,.md,.txt", one: _("Script") },
};

/** What a file is most likely for: by its media type and its name. */
export function typeOf(file, otherwise = "document") {
  if (/\.toml$/i.test(file.name)) return "slide_theme";
  if (file.type.startsWith("image/")) return "portrait";
  if (file.type.startsWith("audio/") || /\.(webm|m4a)$/i.test(file.name)) return "voice_sample";
  if (/\.(txt|md|markdown|html?|pdf|docx|pptx)$/i.test(file.name)) return "document";
  return otherwise;
}

/** The files that were dropped or pasted. */
export const filesIn = (transfer) => [...(transfer?.files ?? [])];

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
