// Tabs that the address remembers, so that a page that is loaded again, or linked to, shows the same one.

/** Data of a component with the macros `tabs` and `panel`; `shown(tab)` hears of each that is opened. */
export const paged = (first, shown = () => {}) => ({
  tab: first,
  init() {
    const wanted = new URLSearchParams(location.search).get("tab");
    if (this.all().some((each) => each.dataset.tab === wanted)) this.tab = wanted;
    this.reveal();
    shown.call(this, this.tab);
  },
  /** On a phone the tabs are wider than the screen. */
  reveal() {
    const open = this.all().find((each) => each.dataset.tab === this.tab);
    open?.scrollIntoView({ block: "nearest", inline: "nearest" });
  },
  all() {
    return [...this.$root.querySelectorAll("[role=tab]")];
  },
  show(tab) {
    this.tab = tab;
    const address = new URL(location);
    if (tab === first) address.searchParams.delete("tab");
    else address.searchParams.set("tab", tab);
    history.replaceState(null, "", address);
    this.reveal();
    shown.call(this, tab);
  },
  choose(event) {
    this.show(event.currentTarget.dataset.tab);
  },
  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = this.all();
    const next = all.at((all.indexOf(event.currentTarget) + step) % all.length);
    this.show(next.dataset.tab);
    next.focus();
  },
});
