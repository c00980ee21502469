// One session with an LMS that speaks SCORM 1.2. Whatever the LMS answers, the course goes on.

// Deeper than any LMS nests its frames; a page that is its own ancestor must not hang us.
const MAX_STEPS = 50;

const FINAL = ["passed", "completed", "failed"];

/** The API object of the LMS: in this window or one above it, or in the window that opened it. */
export function findApi(here) {
  return climb(here) ?? climb(safely(() => here.opener)) ?? climb(safely(() => here.top.opener));
}

function climb(start) {
  let here = start;
  for (let step = 0; here && step < MAX_STEPS; step += 1) {
    // A window of another origin throws; one above it may be the LMS's again.
    const api = safely(() => here.API);
    if (safely(() => typeof api.LMSInitialize !== "undefined")) return api;
    const above = safely(() => here.parent);
    if (above === here) return null;
    here = above;
  }
  return null;
}

function safely(look) {
  try {
    return look() ?? null;
  } catch {
    return null;
  }
}

/** Seconds as HHHH:MM:SS.SS, the timespan of SCORM 1.2 (RTE 3.4.2.1). */
export function timespan(seconds) {
  const hundredths = Math.min(Math.round(Math.max(0, seconds) * 100), 3599999999);
  const pad = (number, digits) => String(number).padStart(digits, "0");
  const whole = Math.floor(hundredths / 100);
  const clock = [pad(Math.floor(whole / 3600), 4), pad(Math.floor(whole / 60) % 60, 2), pad(whole % 60, 2)];
  return `${clock.join(":")}.${pad(hundredths % 100, 2)}`;
}

export class Scorm12 {
  #api;
  #open = false;
  #final = false;
  #sent = new Map();
  #unsaved = false;

  constructor(api) {
    this.#api = api;
  }

  /** Open the session: what the LMS knows of the learner, or null when it refuses. */
  start() {
    this.#open = this.#call("LMSInitialize", "") === "true";
    if (!this.#open) return null;
    const mode = this.#get("cmi.core.lesson_mode");
    const status = this.#get("cmi.core.lesson_status");
    this.#final = FINAL.includes(status);
    return {
      mode: mode === "review" || mode === "browse" ? mode : "normal",
      completed: status === "passed" || status === "completed",
      bookmark: this.#get("cmi.core.lesson_location"),
      state: this.#get("cmi.suspend_data"),
    };
  }

  /** Say that this attempt goes on. Without `suspend`, an LMS may drop it with all its data. */
  begin() {
    this.#set("cmi.core.exit", "suspend");
    if (!this.#final) this.#set("cmi.core.lesson_status", "incomplete");
  }

  /** Hand over bookmark and state; only what has changed is sent. */
  write({ bookmark, state }) {
    this.#set("cmi.core.lesson_location", bookmark);
    this.#set("cmi.suspend_data", state);
  }

  /** The course is completed. A status that is final already stays. */
  complete() {
    if (this.#final) return;
    this.#final = this.#set("cmi.core.lesson_status", "completed");
  }

  /** Have the LMS store what was sent. Is all that was sent stored? */
  commit() {
    if (this.#open && this.#unsaved) this.#unsaved = this.#call("LMSCommit", "") !== "true";
    return !this.#unsaved;
  }

  /** End the session, once. LMSFinish stores too: an LMSCommit just before it can overtake it. */
  finish(seconds) {
    if (!this.#open) return false;
    if (seconds !== null) this.#set("cmi.core.session_time", timespan(seconds));
    this.#open = false;
    return this.#call("LMSFinish", "") === "true";
  }

  #get(element) {
    return this.#call("LMSGetValue", element);
  }

  #set(element, value) {
    if (!this.#open) return false;
    if (this.#sent.get(element) === value) return true;
    this.#unsaved = true;
    const taken = this.#call("LMSSetValue", element, value) === "true";
    if (taken) this.#sent.set(element, value);
    return taken;
  }

  #call(name, ...given) {
    try {
      const answer = String(this.#api[name](...given));
      const code = String(this.#api.LMSGetLastError());
      if (code !== "0") console.warn(`${name}(${given.join(", ")}) → ${answer}, error ${code}`);
      return answer;
    } catch (error) {
      console.warn(`${name}(${given.join(", ")}) failed`, error);
      return "";
    }
  }
}
