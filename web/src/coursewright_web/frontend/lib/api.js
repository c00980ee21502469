// Asking the API as a page: cookies, the CSRF token, a session that is renewed silently, errors that people can read.
import { connection } from "./connection.js";
import { _ } from "./text.js";
import { loginAgain } from "./session.js";

/** An error of the API, as RFC 9457 has it. */
export class Problem extends Error {
  constructor(status, body, retryAfter = 0) {
    super(body.detail || _("Something went wrong."));
    Object.assign(this, { status, code: body.code ?? "", remedy: body.remedy ?? "", instance: body.instance ?? "" });
    this.errors = body.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** What is wrong with each field of the request's body: `{ email: "is taken" }`. */
  get fields() {
    const found = {};
    for (const { pointer, message } of this.errors) {
      const name = pointer?.split("/")[1];
      if (name) found[name] = found[name] ? `${found[name]}; ${message}` : message;
    }
    return found;
  }
}

/** The service was not reached; the page tells of it already. */
export class Unreached extends Error {}

/** Nobody logged in again. */
export class LoggedOut extends Unreached {}

const cookie = (name) =>
  document.cookie
    .split("; ")
    .find((each) => each.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? "";

async function send(method, path, { body, signal, keepalive = false, headers = {} }) {
  const options = { method, signal, keepalive, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (method !== "GET") options.headers["X-CSRF-Token"] = cookie("coursewright_csrf");
  if (body instanceof FormData || body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    connection.lost();
    throw new Unreached(_("The service cannot be reached."));
  }
}

async function problem(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, body, Number(answer.headers.get("Retry-After")) || 0);
}

const RENEWED = "coursewright-renewed";

/** New tokens for this session, asked for by one tab for all. False when the session is over. */
export async function renewed(since) {
  const once = async () => {
    if (Number(localStorage.getItem(RENEWED)) > since) return true;
    const answer = await send("POST", "/api/auth/refresh", {});
    if (answer.ok) localStorage.setItem(RENEWED, String(Date.now()));
    if (answer.status >= 500 || answer.status === 429) throw await problem(answer);
    return answer.ok;
  };
  return navigator.locks ? navigator.locks.request("coursewright-refresh", once) : once();
}

/**
 * Ask the API; the answer's JSON, or null without any. Raises Problem and Unreached.
 * `open`: somebody who is not logged in may ask, so that a 401 is an answer like others.
 * `calm`: a 503 says that a part is missing that only this question needs; the page tells of it itself.
 * `seen(answer)` may look at the headers of a good answer.
 */
export async function ask(method, path, options = {}) {
  const began = Date.now();
  let answer = await send(method, path, options);
  if (answer.status === 401 && !options.open) {
    if (!(await renewed(began)) && !(await loginAgain())) throw new LoggedOut(_("You are not logged in."));
    answer = await send(method, path, options);
  }
  if (answer.status === 503 && !options.calm) connection.troubled();
  else connection.answered();
  if (!answer.ok) throw await problem(answer);
  options.seen?.(answer);
  if (answer.status === 204) return null;
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

export const get = (path, options) => ask("GET", path, options);
export const post = (path, body, options) => ask("POST", path, { ...options, body });
export const put = (path, body, options) => ask("PUT", path, { ...options, body });
export const patch = (path, body, options) => ask("PATCH", path, { ...options, body });
export const remove = (path, options) => ask("DELETE", path, options);

/** An address with those parameters that say something: `query("/api/jobs", { text: "", limit: 20 })`. */
export function query(path, values) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== "" && value !== null && value !== undefined) found.set(name, value);
  return found.size ? `${path}?${found}` : path;
}
