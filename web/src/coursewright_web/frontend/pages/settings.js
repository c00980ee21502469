// What people look after themselves: profile, password, sessions, API keys, usage, appearance.
import { get, post, remove } from "../lib/api.js";
import { paged } from "../lib/addressed.js";
import { register } from "../lib/components.js";
import { copied } from "../lib/copying.js";
import { confirmed } from "../lib/dialogs.js";
import { form } from "../lib/form.js";
import { remember } from "../lib/settings.js";
import { fail, toast } from "../lib/toasts.js";
import { _, duration, moment, ngettext, number, since, size } from "../lib/text.js";

const DAY_S = 86_400;
const SCOPES = { read: _("Look"), write: _("Make and change"), admin: _("Administer the service") };
const ROLES = { author: _("Author"), designer: _("Designer"), admin: _("Admin") };
const TYPES = {
  portrait: _("Photos"),
  voice_sample: _("Voices"),
  document: _("Documents"),
  script: _("Scripts"),
  slide_theme: _("Themes"),
  result: _("Results"),
};
const BROWSERS = { "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", "Mac OS": "macOS", Linux: "Linux" };

const settingsTabs = () => paged("profile");

const profileForm = () =>
  form({
    method: "PUT",
    path: "/api/auth/profile",
    body({ password, ...all }) {
      return this.other ? { ...all, password } : all;
    },
    done(profile) {
      this.take(profile);
      toast(_("Saved."));
    },
    more: {
      shown: false,
      profile: null,
      email: "",
      async load() {
        try {
          this.take(await get("/api/auth/profile"), (field) => field.value === field.defaultValue);
        } catch (error) {
          fail(error);
        }
      },
      /** Show a profile in those fields; what somebody has typed before it came stays. */
      take(profile, wanted = () => true) {
        const { elements } = this.$root;
        this.profile = profile;
        for (const name of ["full_name", "username", "email"]) if (wanted(elements[name])) elements[name].value = profile[name];
        elements.password.value = "";
        this.email = elements.email.value;
      },
      typed(event) {
        this.email = event.target.value;
      },
      get other() {
        return Boolean(this.profile) && this.email.trim().toLowerCase() !== this.profile.email;
      },
      get facts() {
        if (!this.profile) return [];
        return [
          [_("Role"), ROLES[this.profile.role]],
          [_("Account since"), moment(this.profile.created_at)],
        ];
      },
      reveal() {
        this.shown = !this.shown;
      },
    },
  });

const passwordForm = () =>
  form({
    method: "PUT",
    path: "/api/auth/change-password",
    done(_answer, element) {
      element.reset();
      this.$dispatch("changed");
      toast(_("Your password is changed, and all other sessions have ended."));
    },
    more: {
      shown: false,
      reveal() {
        this.shown = !this.shown;
      },
    },
  });

const sessionList = () => ({
  items: [],
  ready: false,
  init() {
    this.load();
  },
  async load() {
    try {
      this.items = (await get("/api/auth/sessions")).map(described);
    } catch (error) {
      fail(error);
    }
    this.ready = true;
  },
  async end(session) {
    try {
      await remove(`/api/auth/sessions/${session.id}`);
      this.items = this.items.filter((each) => each.id !== session.id);
      toast(_("The session has ended."));
    } catch (error) {
      fail(error);
    }
  },
  async endAll() {
    const text = _("Every browser and machine has to log in again, this one too. API keys stay.");
    if (!(await confirmed(_("Log out everywhere?"), { text, yes: _("Log out"), danger: true }))) return;
    try {
      await post("/api/auth/logout-everywhere");
      location.assign("/login");
    } catch (error) {
      fail(error);
    }
  },
});

const named = (agent, names) => names[Object.keys(names).find((part) => agent.includes(part))];

function described(session) {
  const [browser, system] = [named(session.user_agent, BROWSERS), named(session.user_agent, SYSTEMS)];
  const both = browser && system ? _("%(browser)s on %(system)s", { browser, system }) : browser || system;
  const name = both || session.user_agent || _("Unknown program");
  const mark = browser ? "computer-desktop" : "command-line";
  const about = [session.address, _("last used %(time)s", { time: since(session.used_at) })].filter(Boolean).join(" · ");
  return { ...session, name, mark, about };
}

const keyList = () => ({
  items: [],
  ready: false,
  making: false,
  made: "",
  init() {
    this.load();
  },
  async load() {
    try {
      this.items = await get("/api/auth/api-keys");
    } catch (error) {
      fail(error);
    }
    this.ready = true;
  },
  scopeName: (scope) => SCOPES[scope] ?? scope,
  ended: (key) => Boolean(key.expires_at) && new Date(key.expires_at) < new Date(),
  used: (key) => (key.used_at ? _("last used %(time)s", { time: since(key.used_at) }) : _("never used")),
  lasts: (key) => (key.expires_at ? _("until %(time)s", { time: moment(key.expires_at) }) : _("until it is revoked")),
  take(event) {
    this.made = event.detail.key;
    this.items = [event.detail.info, ...this.items];
  },
  close() {
    this.making = false;
    this.made = "";
  },
  copy() {
    copied(this.made);
  },
  async revoke(key) {
    const text = _("Programs that use it are refused from now on.");
    const title = _("Revoke “%(name)s”?", { name: key.name });
    if (!(await confirmed(title, { text, yes: _("Revoke"), danger: true }))) return;
    try {
      await remove(`/api/auth/api-keys/${key.id}`);
      this.items = this.items.filter((each) => each.id !== key.id);
      toast(_("The key is revoked."));
    } catch (error) {
      fail(error);
    }
  },
});

const keyForm = () =>
  form({
    path: "/api/auth/api-keys",
    body({ name, days, ...ticks }) {
      const scopes = Object.keys(SCOPES).filter((scope) => ticks[scope]);
      return { name: name.trim(), scopes, expires_in_s: Number(days) * DAY_S || null };
    },
    done(made, element) {
      element.reset();
      this.$dispatch("made", made);
    },
  });

const usageView = () => ({
  usage: null,
  async init() {
    try {
      this.usage = await get("/api/stats");
    } catch (error) {
      fail(error);
    }
  },
  count: number,
  get figures() {
    const { jobs, jobs_by_state: states, film_s: film, stored_bytes: bytes } = this.usage;
    return [
      { name: _("Jobs"), value: number(jobs) },
      { name: _("Finished"), value: number(states.completed) },
      { name: _("Film made"), value: film === null ? "–" : duration(film) },
      { name: _("Stored"), value: size(bytes) },
    ];
  },
  get quota() {
    const { stored_bytes: used, quota_bytes: all } = this.usage;
    return all ? _("%(used)s of %(all)s", { used: size(used), all: size(all) }) : "";
  },
  get stored() {
    return this.usage.stored.map((each) => ({
      name: TYPES[each.type] ?? each.type,
      files: ngettext("%(n)s file", "%(n)s files", each.files),
      size: size(each.size_bytes),
    }));
  },
  /** A bar for each day: finished ones below, failed ones and the rest above. */
  draw() {
    const { days } = this.usage;
    const most = Math.max(1, ...days.map((day) => day.jobs));
    const bars = days.flatMap((day, index) => {
      const rest = day.jobs - day.completed - day.failed;
      let top = 80;
      return [
        ["good", day.completed],
        ["bad", day.failed],
        ["accent", rest],
      ].map(([tone, count]) => {
        const height = (count / most) * 78;
        top -= height;
        const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        const place = { x: index * 10 + 1.5, y: top, width: 7, height };
        for (const [key, value] of Object.entries(place)) bar.setAttribute(key, value);
        bar.dataset.tone = tone;
        return bar;
      });
    });
    this.$refs.chart.replaceChildren(...bars);
  },
});

const root = document.documentElement;

const appearance = () => ({
  theme: root.dataset.theme || "system",
  setTheme() {
    root.dataset.theme = this.theme === "system" ? "" : this.theme;
    remember("theme", root.dataset.theme);
  },
  setLanguage(event) {
    remember("language", event.target.value);
    location.reload();
  },
});

register({ settingsTabs, profileForm, passwordForm, sessionList, keyList, keyForm, usageView, appearance });
