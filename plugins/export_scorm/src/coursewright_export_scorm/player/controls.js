// The buttons and bars under the film. They only ever act on the media element and show what it says.

import { clock, fill } from "./text.js";

const SKIP_S = 10;

export class Controls {
  #media;
  #words;
  #duration;
  #captions;
  #part;
  #dragging = false;

  /** `part` finds an element of the page by its id; `captions` is null when there are none. */
  constructor({ media, duration, words, captions, part }) {
    this.#media = media;
    this.#words = words;
    this.#duration = duration;
    this.#captions = captions;
    this.#part = part;
    this.#seekBar();
    this.#transport();
    this.#sound();
    this.#speed();
    this.#captionsButton();
    this.#fullScreen();
    media.removeAttribute("controls");
    part("controls").hidden = false;
  }

  toggle() {
    if (this.#media.paused) this.play();
    else this.#media.pause();
  }

  play() {
    // Refused without a gesture or a loadable film; the latter reports itself as an error event.
    this.#media.play().catch(() => {});
  }

  skip(seconds) {
    this.seek(this.#media.currentTime + seconds);
  }

  seek(second) {
    this.#media.currentTime = Math.min(Math.max(second, 0), this.#end());
  }

  louder(by) {
    this.#media.volume = Math.min(Math.max(this.#media.volume + by, 0), 1);
    this.#media.muted = false;
  }

  toggleMute() {
    this.#media.muted = !this.#media.muted;
  }

  toggleCaptions() {
    if (!this.#captions) return;
    this.#captions.on = !this.#captions.on;
    this.#part("captions").setAttribute("aria-pressed", String(this.#captions.on));
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (document.fullscreenEnabled) this.#part("player").requestFullscreen();
    else this.#media.webkitEnterFullscreen?.(); // iPhone: the film alone
  }

  #end() {
    return Number.isFinite(this.#media.duration) ? this.#media.duration : this.#duration;
  }

  #seekBar() {
    const bar = this.#part("seek");
    const show = () => {
      const [now, end] = [this.#media.currentTime, this.#end()];
      bar.max = String(end);
      if (!this.#dragging) bar.value = String(now);
      bar.style.setProperty("--done", `${(100 * Number(bar.value)) / end}%`);
      bar.setAttribute("aria-valuetext", fill(this.#words.position_of, { time: clock(now), total: clock(end) }));
      this.#part("time").textContent = clock(now);
      this.#part("total").textContent = clock(end);
    };
    bar.addEventListener("input", () => {
      this.#dragging = true;
      this.seek(Number(bar.value));
    });
    bar.addEventListener("change", () => (this.#dragging = false));
    for (const event of ["timeupdate", "seeking", "loadedmetadata", "durationchange"]) {
      this.#media.addEventListener(event, show);
    }
    show();
  }

  #transport() {
    const button = this.#part("play");
    const show = () => this.#label(button, !this.#media.paused, "play", "pause");
    button.addEventListener("click", () => this.toggle());
    this.#media.addEventListener("click", () => this.toggle());
    for (const event of ["play", "pause", "ended"]) this.#media.addEventListener(event, show);
    this.#part("back").addEventListener("click", () => this.skip(-SKIP_S));
    this.#part("forward").addEventListener("click", () => this.skip(SKIP_S));
  }

  #sound() {
    const [button, bar] = [this.#part("mute"), this.#part("volume")];
    const show = () => {
      const silent = this.#media.muted || this.#media.volume === 0;
      this.#label(button, silent, "mute", "unmute");
      bar.value = String(silent ? 0 : this.#media.volume);
      bar.style.setProperty("--done", `${100 * Number(bar.value)}%`);
      bar.setAttribute("aria-valuetext", `${Math.round(100 * Number(bar.value))} %`);
    };
    button.addEventListener("click", () => this.toggleMute());
    bar.addEventListener("input", () => {
      this.#media.volume = Number(bar.value);
      this.#media.muted = false;
    });
    this.#media.addEventListener("volumechange", show);
    show();
  }

  #speed() {
    const choice = this.#part("speed");
    choice.addEventListener("change", () => (this.#media.playbackRate = Number(choice.value)));
    const show = () => {
      const known = [...choice.options].find((option) => Number(option.value) === this.#media.playbackRate);
      if (known) known.selected = true;
    };
    this.#media.addEventListener("ratechange", show);
    show();
  }

  #captionsButton() {
    if (!this.#captions) return;
    const button = this.#part("captions");
    button.hidden = false;
    button.setAttribute("aria-pressed", String(this.#captions.on));
    button.addEventListener("click", () => this.toggleCaptions());
  }

  #fullScreen() {
    const button = this.#part("full-screen");
    button.hidden = !(document.fullscreenEnabled || this.#media.webkitEnterFullscreen);
    button.addEventListener("click", () => this.toggleFullScreen());
    document.addEventListener("fullscreenchange", () => {
      this.#label(button, Boolean(document.fullscreenElement), "full_screen", "leave_full_screen");
    });
  }

  #label(button, on, offWord, onWord) {
    button.toggleAttribute("data-on", on);
    button.setAttribute("aria-label", this.#words[on ? onWord : offWord]);
  }
}
