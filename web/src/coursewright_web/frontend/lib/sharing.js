// Links by which others watch a result: making, copying and revoking them.
import { get, remove } from "./api.js";
import { copied } from "./copying.js";
import { confirmed } from "./dialogs.js";
import { form } from "./form.js";
import { fail } from "./toasts.js";
import { _, moment, ngettext } from "./text.js";

const DAY_S = 86_400;

/** What a page has that shows the links of the job `this.id`. */
export const links = {
  links: [],
  async loadLinks() {
    try {
      this.links = (await get(`/api/share?job_id=${this.id}`)).items.filter((link) => link.state === "open");
    } catch (error) {
      fail(error);
    }
  },
  shared(event) {
    this.links = [event.detail, ...this.links];
  },
  copy(text) {
    copied(text);
  },
  async revoke(link) {
    const text = _("It stops working at once, also for those who watch.");
    if (!(await confirmed(_("Revoke this link?"), { text, yes: _("Revoke"), danger: true }))) return;
    try {
      await remove(`/api/share/${link.id}`);
      this.links = this.links.filter((each) => each.id !== link.id);
    } catch (error) {
      fail(error);
    }
  },
  factsOf(link) {
    return [
      _("works until %(time)s", { time: moment(link.expires_at) }),
      link.has_password ? _("with a password") : "",
      link.may_download ? _("files may be saved") : "",
      link.opened ? ngettext("opened %(n)s time", "opened %(n)s times", link.opened) : _("not opened yet"),
    ]
      .filter(Boolean)
      .join(" · ");
  },
};

/** The form that makes a link to the job of `data-job`. */
export const shareForm = () =>
  form({
    path: "/api/share",
    body({ days, password, may_download }, element) {
      const all = { job_id: element.dataset.job, expires_in_s: Number(days) * DAY_S, may_download };
      return password ? { ...all, password } : all;
    },
    done(link, element) {
      element.reset();
      this.$dispatch("shared", link);
      copied(link.url);
    },
  });
