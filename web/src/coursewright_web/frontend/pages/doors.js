// Set-up, login, register, a new password, and the page that renews a session.
import { post, renewed } from "../lib/api.js";
import { register } from "../lib/components.js";
import { form } from "../lib/form.js";
import { _ } from "../lib/text.js";

const LOGIN = "/api/auth/login";
const login = ({ email, password, remember = false }) =>
  post(LOGIN, { email, password, remember, cookies: true }, { open: true });

/** The token behind `#`. It is taken out of the address, so that neither history nor a glance holds it. */
function tokenOfLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}

const eye = {
  shown: false,
  reveal() {
    this.shown = !this.shown;
  },
};

const loginForm = () =>
  form({
    path: LOGIN,
    open: true,
    body: (all) => ({ ...all, cookies: true }),
    done(_answer, element) {
      location.assign(element.dataset.following);
    },
    more: eye,
  });

const registerForm = () =>
  form({
    path: "/api/auth/register",
    open: true,
    async done(answer, element) {
      const { email, password } = Object.fromEntries(new FormData(element));
      try {
        await login({ email, password });
        location.assign("/");
      } catch (error) {
        if (error.status !== 401) throw error;
        this.error = answer.message;
      }
    },
    more: eye,
  });

const setupForm = () => {
  const token = tokenOfLink();
  return form({
    path: "/api/auth/setup",
    open: true,
    body: (all) => ({ ...all, token }),
    async done(_answer, element) {
      const { email, password } = Object.fromEntries(new FormData(element));
      await login({ email, password });
      location.assign("/");
    },
    more: { ...eye, without: !token },
  });
};

const passwordForm = () => {
  const token = tokenOfLink();
  return form({
    path: "/api/auth/password",
    open: true,
    body: ({ new_password }) => ({ new_password, token }),
    done() {
      this.changed = true;
    },
    more: { ...eye, without: !token, changed: false },
  });
};

const resume = () => ({
  text: _("One moment, your session is being renewed."),
  async init() {
    try {
      if (await renewed(Date.now() - 5000)) return location.reload();
    } catch {
      this.text = _("The service does not answer. It is tried again in a few seconds.");
      return setTimeout(() => location.reload(), 5000);
    }
    location.replace(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  },
});

register({ loginForm, registerForm, setupForm, passwordForm, resume });
