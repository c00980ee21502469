// What admins look after: accounts of others, the audit log, storage, workers.
import { get, post, put, query } from "../lib/api.js";
import { paged } from "../lib/addressed.js";
import { register } from "../lib/components.js";
import { copied } from "../lib/copying.js";
import { confirmed } from "../lib/dialogs.js";
import { form } from "../lib/form.js";
import { searchSelect } from "../lib/searching.js";
import { fail, sentence, toast } from "../lib/toasts.js";
import { _, moment, ngettext, number, since, size } from "../lib/text.js";

const PAGE = 50;
const ECHO_EVERY_MS = 1000;
const ECHO_TIMES = 60;
const ALMOST_FULL = 0.9;
const ROLES = { author: _("Author"), designer: _("Designer"), admin: _("Admin") };
const ACTIONS = {
  setup: _("Set up"),
  registered: _("Opened an account"),
  invited: _("Added somebody"),
  logged_in: _("Logged in"),
  login_failed: _("Login failed"),
  logged_out: _("Logged out"),
  logged_out_everywhere: _("Logged out everywhere"),
  session_ended: _("Ended a session"),
  token_reused: _("A stolen session was ended"),
  profile_changed: _("Changed the profile"),
  password_changed: _("Changed the password"),
  password_reset: _("Set a password by a link"),
  link_made: _("Made a link for a password"),
  api_key_made: _("Made an API key"),
  api_key_revoked: _("Revoked an API key"),
  user_disabled: _("Disabled an account"),
  user_enabled: _("Enabled an account"),
  role_changed: _("Changed a role"),
  consent_given: _("Filed a consent"),
  consent_revoked: _("Revoked a consent"),
  share_link_made: _("Made a share link"),
  share_link_changed: _("Changed a share link"),
  share_link_revoked: _("Revoked a share link"),
  pipeline_created: _("Created a pipeline"),
  pipeline_changed: _("Changed a pipeline"),
  pipeline_restored: _("Restored a pipeline"),
  pipeline_deleted: _("Deleted a pipeline"),
};

const adminTabs = () =>
  paged("users", function (tab) {
    this.$nextTick(() => this.$dispatch(`${tab}-shown`));
  });

/** A list in pages: `address()` says what is asked for. */
const listed = (address) => ({
  items: [],
  cursor: null,
  ready: false,
  busy: false,
  async load() {
    await this.fetch("", (page) => page.items);
  },
  async more() {
    await this.fetch(this.cursor, (page) => [...this.items, ...page.items]);
  },
  turn: 0,
  async fetch(cursor, joined) {
    const turn = ++this.turn;
    this.busy = true;
    try {
      const page = await get(query(address, { ...this.asked(), limit: PAGE, cursor }));
      if (turn !== this.turn) return; // a later question was answered already
      this.items = joined(page);
      this.cursor = page.next_cursor;
      this.ready = true;
    } catch (error) {
      fail(error);
    } finally {
      this.busy = false;
    }
  },
});

const userList = () => ({
  ...listed("/api/admin/users"),
  me: document.documentElement.dataset.user,
  text: "",
  role: "",
  state: "",
  inviting: false,
  link: null,
  init() {
    this.load();
  },
  asked() {
    return { text: this.text, role: this.role, state: this.state };
  },
  seen: (user) => (user.last_login_at ? _("last seen %(time)s", { time: since(user.last_login_at) }) : _("never seen")),
  take(changed) {
    this.items = this.items.map((each) => (each.id === changed.id ? changed : each));
  },
  async setRole(event) {
    const box = event.currentTarget;
    const user = this.items.find((each) => each.id === box.dataset.id);
    const before = user.role;
    const role = box.value;
    const title = _("Make %(name)s %(role)s?", { name: user.username, role: ROLES[role] });
    const risky = before === "admin" || role === "admin";
    if (risky && !(await confirmed(title, { text: _("It counts at once."), yes: _("Change the role") }))) {
      box.value = before;
      return;
    }
    try {
      this.take(await put(`/api/admin/users/${user.id}/role`, { role }));
      toast(_("%(name)s is %(role)s now.", { name: user.username, role: ROLES[role] }));
    } catch (error) {
      box.value = before;
      fail(error);
    }
  },
  async disable(user) {
    const text = _("Their sessions end and their keys stop working at once. What they made stays.");
    const title = _("Disable the account of %(name)s?", { name: user.username });
    if (await confirmed(title, { text, yes: _("Disable"), danger: true })) this.act(user, "disable");
  },
  enable(user) {
    this.act(user, "enable");
  },
  async act(user, what) {
    try {
      this.take(await post(`/api/admin/users/${user.id}/${what}`));
    } catch (error) {
      fail(error);
    }
  },
  async reset(user) {
    try {
      this.hand(await post(`/api/admin/users/${user.id}/reset`), user.username);
    } catch (error) {
      fail(error);
    }
  },
  invited(event) {
    this.inviting = false;
    this.hand(event.detail, event.detail.account.username);
    this.load();
  },
  hand({ link, expires_at: until }, name) {
    this.link = {
      url: link,
      text: _("Give it to %(name)s, who chooses a password by it. It works once.", { name }),
      until: _("It works until %(time)s, and is shown this once.", { time: moment(until) }),
    };
  },
  copy() {
    copied(this.link.url);
  },
});

const inviteForm = () =>
  form({
    path: "/api/admin/users",
    done(made, element) {
      element.reset();
      this.$dispatch("invited", made);
    },
  });

const EVERYBODY = { value: "", text: _("All") };

const auditLog = () => ({
  ...listed("/api/admin/audit"),
  action: "",
  actor: "",
  people: [EVERYBODY],
  moment,
  by(person) {
    this.actor = person;
    this.load();
  },
  async open() {
    this.load();
    try {
      const { items } = await get("/api/admin/users?limit=200");
      this.people = [EVERYBODY, ...items.map(({ id, username, email }) => ({ value: id, text: username, also: [email] }))];
    } catch (error) {
      fail(error);
    }
  },
  asked() {
    return { action: this.action, actor: this.actor };
  },
  actionName: (action) => ACTIONS[action] ?? action,
  detail: (entry) =>
    Object.entries(entry.detail)
      .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : value}`)
      .join(" · "),
});

const storageView = () => ({
  storage: null,
  async open() {
    try {
      this.storage = await get("/api/admin/storage");
    } catch (error) {
      fail(error);
    }
  },
  get figures() {
    const { files, size_bytes: bytes, quota_bytes: quota } = this.storage;
    return [
      { name: _("Stored"), value: size(bytes) },
      { name: _("Files"), value: number(files) },
      { name: _("Quota of each person"), value: quota ? size(quota) : _("none") },
    ];
  },
  /** Parts of the quota; without one, of the largest. */
  get people() {
    const { people, quota_bytes: quota } = this.storage;
    const all = quota || Math.max(1, ...people.map((each) => each.size_bytes));
    return people.map((each) => {
      const part = each.size_bytes / all;
      const files = ngettext("%(n)s file", "%(n)s files", each.files);
      return { ...each, part, tone: quota && part > ALMOST_FULL ? "bad" : "accent", words: `${size(each.size_bytes)} · ${files}` };
    });
  },
});

const workersView = () => ({
  status: null,
  ready: false,
  fault: "",
  echoing: false,
  answer: "",
  tone: "plain",
  ago: since,
  async open() {
    this.fault = "";
    try {
      this.status = await get("/api/worker/status", { calm: true });
    } catch (error) {
      this.status = null;
      if (error.status === 503) this.fault = sentence(error.message);
      else fail(error);
    }
    this.ready = true;
  },
  get running() {
    return ngettext("%(n)s job is running", "%(n)s jobs are running", this.status.running);
  },
  waiting: (queue) => ngettext("%(n)s job waits", "%(n)s jobs wait", queue.waiting),
  say(answer, tone) {
    this.answer = answer;
    this.tone = tone;
  },
  async echo() {
    this.echoing = true;
    this.say(_("Waiting"), "plain");
    try {
      const { task_id: id } = await post("/api/worker/test-echo", { message: "hello" }, { calm: true });
      await this.heard(id);
    } catch (error) {
      this.say(error.status === 503 ? sentence(error.message) : _("Failed"), "bad");
      if (error.status !== 503) fail(error);
    }
    this.echoing = false;
  },
  async heard(id) {
    for (let times = 0; times < ECHO_TIMES; times++) {
      await new Promise((later) => setTimeout(later, ECHO_EVERY_MS));
      const task = await get(`/api/worker/task/${id}`, { calm: true });
      if (task.state === "Completed") return this.say(_("A worker answered"), "good");
      if (task.ended_at) return this.say(sentence(task.message || task.state), "bad");
      this.say(task.started_at ? _("Running") : _("Waiting"), "plain");
    }
    this.say(_("No worker has answered yet"), "warn");
  },
});

register({ adminTabs, userList, inviteForm, auditLog, storageView, workersView, searchSelect });
