// What happens to the person's jobs, as it happens. One tab holds the stream and tells the others, because a browser
// opens few connections to a server. While the stream does not work, the pages look by themselves now and then.
import { get, renewed } from "./api.js";

const PATIENCE_MS = 4_000;
const POLL_MS = 5_000;
const AGAIN_MS = 15_000;

const followers = new Set();
const channel = "BroadcastChannel" in window ? new BroadcastChannel("coursewright-live") : null;
let leading = false;
let open = false;
let last = "";
let polling = 0;

/**
 * Follow the jobs: `sync()` is called when all should be fetched (now, and after a gap), `event(type, data)` for each
 * change. Returns a function that ends it.
 */
export function follow({ sync, event = () => {} }) {
  const follower = { sync, event };
  followers.add(follower);
  begin();
  sync();
  return () => followers.delete(follower);
}

const syncAll = () => followers.forEach((each) => each.sync());

function receive(message) {
  if (message.kind === "event") {
    last = message.id;
    followers.forEach((each) => each.event(message.type, message.data));
  }
  if (message.kind === "open") opened();
  if (message.kind === "gone") gone();
  if (message.kind === "hello" && leading && open) tell({ kind: "open" });
}

function tell(message) {
  channel?.postMessage(message);
}

function opened() {
  const late = polling !== 0 || !open;
  clearInterval(polling);
  polling = 0;
  open = true;
  if (late) syncAll();
}

function gone() {
  open = false;
  polling ||= setInterval(() => document.hidden || syncAll(), POLL_MS);
}

let begun = false;
function begin() {
  if (begun) return;
  begun = true;
  if (channel) channel.onmessage = ({ data }) => receive(data);
  setTimeout(() => open || gone(), PATIENCE_MS);
  if (!navigator.locks || !channel) return lead();
  tell({ kind: "hello" });
  navigator.locks.request("coursewright-live", () => new Promise(lead));
}

function lead() {
  leading = true;
  open &&= last !== ""; // without the last event of the tab that led before, all is fetched anew
  connect();
}

function connect() {
  const source = new EventSource(last ? `/api/events?last_event_id=${last}` : "/api/events");
  source.onopen = () => {
    opened();
    tell({ kind: "open" });
  };
  source.onerror = () => {
    tell({ kind: "gone" });
    gone();
    // The browser goes on by itself but for a refusal, as when the session must be renewed first.
    if (source.readyState === EventSource.CLOSED) setTimeout(again, AGAIN_MS / 15, source);
  };
  for (const type of ["job", "step", "end"])
    source.addEventListener(type, ({ data, lastEventId }) => {
      const message = { kind: "event", type, id: lastEventId, data: JSON.parse(data) };
      receive(message);
      tell(message);
    });
}

async function again(source) {
  source.close();
  try {
    await renewed(Date.now() - AGAIN_MS);
    await get("/api/auth/profile");
    connect();
  } catch {
    setTimeout(again, AGAIN_MS, source);
  }
}

window.addEventListener("coursewright:back", syncAll);
window.addEventListener("pageshow", (event) => event.persisted && syncAll());
