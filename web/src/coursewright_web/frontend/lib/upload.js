// Sending a file: it is announced, put straight into the store, and looked at. What breaks off waits for the connection and
// goes on by itself; each of the three can be repeated, so no file is there twice.
import { LoggedOut, Problem, Unreached, post, remove } from "./api.js";
import { back, connection } from "./connection.js";
import { _ } from "./text.js";

const TRIES = 8;
const LOOK_AGAIN_MS = 1_000;

/**
 * Send a file; the asset. `progress` hears of the part that is sent, `waiting` whether it waits for the connection,
 * `signal` stops it. Raises Problem with the reason why the file is not kept, and Unreached.
 */
export async function upload(file, { type, name = "", progress = () => {}, waiting = () => {}, signal } = {}) {
  if (!file.size) throw new Problem(422, { detail: _("The file is empty."), remedy: _("Choose the file that was meant.") });
  const asked = { file_name: file.name, type, size_bytes: file.size, ...(name && { name: name.slice(0, 200) }) };
  const sending = { file, asked, progress, signal, ticket: null, there: false };
  for (let left = TRIES; ; left -= 1) {
    try {
      return await sent(sending);
    } catch (error) {
      if (!passes(error) || !left) return given(sending, error);
      waiting(true);
      await back(signal).catch((stopped) => given(sending, stopped));
      waiting(false);
    }
  }
}

/** Is it an outage, after which the same may go well? */
const passes = (error) => (error instanceof Unreached && !(error instanceof LoggedOut)) || error.status === 503;

/** Give up: nothing of it stays. */
function given({ ticket }, error) {
  if (ticket) remove(`/api/assets/${ticket.asset.id}`).catch(() => {});
  throw error;
}

/** What is still to do of the sending. */
async function sent(sending) {
  const { asked, signal, ticket } = sending;
  if (!sending.there) {
    if (!ticket || new Date(ticket.upload.expires_at) < Date.now())
      sending.ticket = await post("/api/assets/presigned-url", asked); // to its end, so that it can be taken back
    signal?.throwIfAborted();
    await stored(sending);
    sending.there = true;
  }
  return looked(sending.ticket.asset, signal);
}

/** Put the bytes where the ticket says. By XMLHttpRequest, since fetch tells nothing of what it has sent. */
function stored({ file, ticket, progress, signal }) {
  const { method, url, headers } = ticket.upload;
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, here(url));
    for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value);
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () => (request.status < 400 ? done(progress(1)) : failed(refusal(request)));
    request.onerror = () => {
      progress(0);
      connection.lost();
      failed(new Unreached(_("The connection was lost.")));
    };
    request.onabort = () => failed(signal.reason);
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
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
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    signal?.throwIfAborted();
  }
}
