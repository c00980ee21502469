// The parts of every page: dialogs, menus, tabs, theme, language, sidebar.
import { post } from "../lib/api.js";
import { form } from "../lib/form.js";
import { remember } from "../lib/settings.js";
import { store as session } from "../lib/session.js";
import { store as question } from "../lib/dialogs.js";
import { fail, toast } from "../lib/toasts.js";
import { _ } from "../lib/text.js";

const root = document.documentElement;

const opened = []; // dialogs, the last one on top

/** Messages come into the dialog on top: outside of it nobody could press them, or hears them read aloud. */
const lift = () => (opened.at(-1) ?? document.body).append(...document.querySelectorAll("[data-floats]"));

/** A `<dialog>` that `open` shows. Escape, the backdrop and every `data-close` close it: `@closed` hears of it. */
const modal = () => ({
  init() {
    this.$root.addEventListener("close", () => {
      opened.splice(opened.indexOf(this.$root), 1);
      lift();
    });
  },
  show() {
    if (this.$root.open) return;
    this.$root.showModal();
    opened.push(this.$root);
    lift();
  },
  hide() {
    if (this.$root.open) this.$root.close();
  },
  toggle(open) {
    open ? this.show() : this.hide();
  },
  press(event) {
    if (event.target === this.$root || event.target.closest("[data-close]")) this.hide();
  },
});

/** A button with a menu below: arrows move in it, Escape closes it; then, as after a choice, the button has the focus. */
const menu = () => ({
  open: false,
  flip() {
    this.open = !this.open;
    if (this.open) this.$nextTick(() => this.items()[0]?.focus());
  },
  close() {
    this.open = false;
  },
  leave() {
    if (!this.open) return;
    this.open = false;
    this.$refs.button.focus();
  },
  items() {
    return [...this.$refs.items.querySelectorAll("a, button")].filter((each) => each.offsetParent);
  },
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !this.open) return;
    event.preventDefault();
    const items = this.items();
    items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
  },
});

/** Tabs in this page: `x-data="tabs('first')"`, with the macros `tabs` and `panel`. */
const tabs = (first) => ({
  tab: first,
  choose(event) {
    this.tab = event.currentTarget.dataset.tab;
  },
  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...this.$root.querySelectorAll("[role=tab]")];
    const next = all.at((all.indexOf(event.currentTarget) + step) % all.length);
    this.tab = next.dataset.tab;
    next.focus();
  },
});

const shell = () => ({
  places: false,
  theme: root.dataset.theme || "system",
  narrow: root.dataset.sidebar === "narrow",
  canNotify: "Notification" in window && Notification.permission === "default",
  setTheme(event) {
    this.theme = event.currentTarget.dataset.theme;
    root.dataset.theme = this.theme === "system" ? "" : this.theme;
    remember("theme", root.dataset.theme);
  },
  setLanguage(event) {
    remember("language", event.currentTarget.value);
    location.reload();
  },
  narrower() {
    this.narrow = !this.narrow;
    root.dataset.sidebar = this.narrow ? "narrow" : "";
    remember("sidebar", root.dataset.sidebar);
  },
  async allowNotifications() {
    this.canNotify = false;
    if ((await Notification.requestPermission()) === "granted") toast(_("You will be told when a course is ready."));
  },
  async logOut() {
    try {
      await post("/api/auth/logout", undefined, { open: true });
      location.assign("/login");
    } catch (error) {
      fail(error);
    }
  },
});

const loginAgainForm = () =>
  form({
    path: "/api/auth/login",
    open: true,
    body: (all) => ({ ...all, cookies: true }),
    async done(_answer, element) {
      element.reset();
      const now = await fetch("/api/auth/profile").then((answer) => answer.json());
      if (now.id !== root.dataset.user) return location.reload();
      session.finish(true);
    },
    more: {
      giveUp() {
        if (session.asking) session.finish(false);
      },
    },
  });

const questionDialog = () => ({
  yes() {
    question.answer(true);
  },
  no() {
    if (question.open) question.answer(false);
  },
});

export default { modal, menu, tabs, shell, loginAgainForm, questionDialog };
