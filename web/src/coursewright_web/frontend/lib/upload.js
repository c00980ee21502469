// Sending a file: it is announced, put straight into the store, and looked at. What breaks off waits for the connection and
// goes on by itself, with the parts that did not arrive; each of the three can be repeated, so no file is there twice.
// No library: Uppy (23 kB) wants S3's multipart protocol and tus (16 kB) its own, and a folder has neither; this is 2 kB.
import { LoggedOut, Problem, Unreached, post, remove } from "./api.js";
import { back, connection } from "./connection.js";
import { _ } from "./text.js";

const TRIES = 8;
const MOST_S = 30;
const AT_ONCE = 2; // while one waits for its answer, the other is on its way
const SILENT_S = 60; // then the line is dead, which a browser may not notice for a quarter of an hour
const LOOK_AGAIN_S = 1;
const OUTAGES = [502, 503, 504];

/**
 * Send a file; the asset. `progress` hears of the part that is sent, `waiting` whether it waits for the connection,
 * `signal` stops it. Raises Problem with the reason why the file is not kept, and Unreached.
 */
export async function upload(file, { type, name = "", progress = () => {}, waiting = () => {}, signal } = {}) {
  if (!file.size) throw new Problem(422, { detail: _("The file is empty."), remedy: _("Choose the file that was meant.") });
  const asked = { file_name: file.name, type, size_bytes: file.size, ...(name && { name: name.slice(0, 200) }) };
  const sending = { file, asked, progress, signal, ticket: null, renewAt: 0, parts: null };
  for (let tries = 0, before = 0; ; tries += 1) {
    try {
      return await sent(sending);
    } catch (error) {
      const there = sending.parts?.filter((each) => each.there).length ?? 0;
      if (there > before) tries = 0; // slow, but it goes on
      before = there;
      if (!passes(error) || tries === TRIES) return given(sending, error);
      waiting(true);
      await back(signal)
        .then(() => pause(Math.min(MOST_S, 2 ** tries - 1), signal))
        .catch((stopped) => given(sending, stopped));
      waiting(false);
    }
  }
}

/** Is it an outage, after which the same may go well? */
const passes = (error) => (error instanceof Unreached && !(error instanceof LoggedOut)) || OUTAGES.includes(error.status);

/** Give up: nothing of it stays. */
function given({ ticket }, error) {
  if (ticket) remove(`/api/assets/${ticket.asset.id}`).catch(() => {});
  throw error;
}

/** What is still to do of the sending. */
async function sent(sending) {
  const { signal } = sending;
  do {
    if (Date.now() >= sending.renewAt) await announced(sending); // to its end, so that it can be taken back
    signal?.throwIfAborted();
    await stored(sending);
  } while (!sending.parts.every((each) => each.there));
  return looked(sending.ticket.asset, signal);
}

/** A ticket, or a new one for the same file. Where that is gone after a long outage, all begins anew. */
async function announced(sending) {
  const { ticket, asked, file } = sending;
  const again = ticket && (await renewed(ticket));
  sending.ticket = again ?? (await post("/api/assets/presigned-url", asked));
  const { asset, upload } = sending.ticket;
  // By the service's clock alone; the other half of the time is for the parts that are under way.
  sending.renewAt = Date.now() + (new Date(asset.upload_expires_at) - new Date(asset.updated_at)) / 2;
  if (!again) sending.parts = cut(file, upload);
}

async function renewed(ticket) {
  try {
    return await post(`/api/assets/${ticket.asset.id}/presigned-url`);
  } catch (error) {
    if (error.code === "not_pending") return ticket; // confirmed, and the answer was lost
    if (error.status === 404) return null;
    throw error;
  }
}

/** What is put by one request each: the parts of a large file, else the whole. */
function cut(file, { parts, part_bytes: size }) {
  if (!parts.length) return [{ number: 0, bytes: file, loaded: 0, there: false }];
  const bytes = (number) => file.slice(number * size, (number + 1) * size);
  return parts.map((_url, number) => ({ number, bytes: bytes(number), loaded: 0, there: false }));
}

/** Put what is not there yet, as long as the ticket is good. When one fails, those under way are the last. */
async function stored(sending) {
  const left = sending.parts.filter((each) => !each.there);
  const lane = async () => {
    while (left.length && Date.now() < sending.renewAt)
      await put(sending, left.shift()).catch((error) => {
        left.length = 0;
        throw error;
      });
  };
  const failed = (await Promise.allSettled(Array.from({ length: AT_ONCE }, lane))).find((each) => each.reason);
  if (failed) throw failed.reason;
}

/** Put a part where the ticket says. By XMLHttpRequest, since fetch tells nothing of what it has sent. */
function put(sending, part) {
  const { signal } = sending;
  const { method, url, parts, headers } = sending.ticket.upload;
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const lost = () => {
      connection.lost();
      failed(new Unreached(_("The connection was lost.")));
      stop();
    };
    let silence = setTimeout(lost, SILENT_S * 1000);
    request.open(method, here(parts[part.number] ?? url));
    for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value);
    request.upload.onprogress = ({ loaded }) => {
      clearTimeout(silence);
      silence = setTimeout(lost, SILENT_S * 1000);
      tell(sending, part, loaded);
    };
    request.onload = () => {
      if (request.status >= 400) return failed(refusal(request));
      part.there = true;
      done(tell(sending, part, part.bytes.size));
    };
    request.onerror = lost;
    request.onabort = () => failed(signal?.reason);
    request.onloadend = () => {
      clearTimeout(silence);
      signal?.removeEventListener("abort", stop);
    };
    signal?.addEventListener("abort", stop);
    request.send(part.bytes);
  });
}

/** How much is sent. What is lost and sent again counts once. */
function tell(sending, part, loaded) {
  part.loaded = Math.max(part.loaded, loaded);
  sending.progress(sending.parts.reduce((sum, each) => sum + each.loaded, 0) / sending.file.size);
}

/** Our own links bear the public address; the page may have been opened by another. */
function here(url) {
  const { pathname, search } = new URL(url);
  return pathname.startsWith("/api/files/") ? pathname + search : url;
}

/** Our own service says why in JSON; other stores say nothing for people. */
function refusal(request) {
  const detail = _("The store of files did not take it.");
  try {
    return new Problem(request.status, JSON.parse(request.responseText));
  } catch {
    return new Problem(request.status, { detail, remedy: _("Try again; if that does not help, tell the operator.") });
  }
}

async function looked(asset, signal) {
  for (;;) {
    const found = await post(`/api/assets/${asset.id}/confirm`, undefined, { signal });
    if (found.state === "failed") throw new Problem(422, { detail: found.reason });
    if (found.state === "ready") return found;
    await pause(LOOK_AGAIN_S, signal);
  }
}

/** Waits. Raises what `signal` is aborted with. */
const pause = (seconds, signal) =>
  new Promise((done, failed) => {
    setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", () => failed(signal.reason), { once: true });
  });
