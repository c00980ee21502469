// Whether the service can be reached. While it cannot, a banner says so, and the page tries again by itself.
import Alpine from "@alpinejs/csp";

const FIRST_S = 2;
const MOST_S = 30;

/** What the banner shows, as `$store.connection`. */
export const store = Alpine.reactive({
  state: "good",
  wait: 0,
  get bad() {
    return this.state !== "good";
  },
  get offline() {
    return this.state === "offline";
  },
  retry() {
    probe();
  },
});

let every = FIRST_S;
let ticking = 0;

// Asks what needs no login and the database.
async function probe() {
  clearTimeout(ticking);
  store.wait = 0;
  const good = await fetch("/api/auth/rules", { cache: "no-store" }).then(
    (answer) => answer.ok || answer.status === 429,
    () => false,
  );
  if (good) return connection.answered();
  every = Math.min(MOST_S, every * 2);
  later(every);
}

function later(seconds) {
  store.wait = seconds;
  ticking = setTimeout(() => (seconds > 1 ? later(seconds - 1) : probe()), 1000);
}

function begin(state) {
  if (store.state === state) return;
  const watching = store.bad;
  store.state = state;
  if (!watching) {
    every = FIRST_S;
    later(every);
  }
}

export const connection = {
  /** No answer came. */
  lost: () => begin("offline"),
  /** It answered that a part of it does not. */
  troubled: () => begin("trouble"),
  /** All is well. Whoever missed something hears "back". */
  answered() {
    if (!store.bad) return;
    clearTimeout(ticking);
    store.state = "good";
    window.dispatchEvent(new Event("coursewright:back"));
  },
};

/** Waits until the service can be reached. Raises what `signal` is aborted with. */
export const back = (signal) =>
  new Promise((done, failed) => {
    if (!store.bad) return done();
    window.addEventListener("coursewright:back", done, { once: true });
    signal?.addEventListener("abort", () => failed(signal.reason), { once: true });
  });

window.addEventListener("offline", connection.lost);
window.addEventListener("online", () => store.bad && probe());
