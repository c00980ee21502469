// Recording a voice sample in the browser, with a level meter, so that one sees whether it is loud enough.
import { _, number } from "./text.js";

const MOST_S = 60;
const ENOUGH_S = 10;
const LEAST_S = 3;
const QUIET = 0.02;

const reasons = {
  NotAllowedError: _("The browser may not use the microphone. Allow it in the address bar, and try again."),
  NotFoundError: _("No microphone was found. Connect one, or choose a recording instead."),
  NotReadableError: _("Another program uses the microphone. Close it, and try again."),
};

/** A component that sends `recorded` with a File when the person keeps what they spoke. */
export const recorder = () => ({
  state: "idle",
  level: 0,
  peak: 0,
  seconds: 0,
  url: "",
  error: "",
  get usable() {
    return Boolean(navigator.mediaDevices?.getUserMedia) && "MediaRecorder" in window;
  },
  get clock() {
    return `${Math.floor(this.seconds / 60)}:${String(Math.floor(this.seconds % 60)).padStart(2, "0")}`;
  },
  get advice() {
    if (this.state !== "recording") return "";
    if (this.seconds > 2 && this.peak < QUIET) return _("Nothing is heard. Is it the right microphone?");
    if (this.seconds < ENOUGH_S) return _("Go on: %(n)s more seconds are good.", { n: number(Math.ceil(ENOUGH_S - this.seconds)) });
    return _("That is enough. Finish the sentence, then stop.");
  },
  /** Why the recording had better be made again; empty when it is good. */
  get verdict() {
    if (this.state !== "recorded") return "";
    if (this.peak < QUIET) return _("Nothing is heard in it. Choose the right microphone, come closer, and record again.");
    if (this.seconds < LEAST_S) return _("That is too short: read for %(n)s seconds at least.", { n: number(ENOUGH_S) });
    return "";
  },
  async start() {
    this.discard();
    this.error = "";
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, autoGainControl: true } });
    } catch (error) {
      this.error = reasons[error.name] ?? _("The microphone cannot be used: %(why)s", { why: error.message });
      return;
    }
    const parts = [];
    this.taken = new MediaRecorder(this.stream);
    this.taken.ondataavailable = ({ data }) => parts.push(data);
    this.taken.onstop = () => this.keep(new Blob(parts, { type: this.taken.mimeType }));
    this.taken.start();
    this.began = performance.now();
    this.peak = 0;
    this.state = "recording";
    this.watch();
  },
  watch() {
    this.audio = new AudioContext();
    const ear = this.audio.createAnalyser();
    ear.fftSize = 1024;
    this.audio.createMediaStreamSource(this.stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    const look = () => {
      if (this.state !== "recording") return;
      ear.getFloatTimeDomainData(samples);
      const loud = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
      this.peak = Math.max(this.peak, loud);
      // Decibels from -60 to 0: as loud as it sounds.
      this.level = Math.min(1, Math.max(0, 1 + Math.log10(Math.max(loud, 1e-6)) / 3));
      this.seconds = (performance.now() - this.began) / 1000;
      if (this.seconds >= MOST_S) return this.stop();
      requestAnimationFrame(look);
    };
    look();
  },
  stop() {
    if (this.state !== "recording") return;
    this.state = "recorded";
    this.taken.stop();
    this.release();
  },
  keep(blob) {
    if (this.state !== "recorded") return;
    const suffix = blob.type.includes("mp4") ? "m4a" : blob.type.includes("ogg") ? "ogg" : "webm";
    const day = new Date().toISOString().slice(0, 10);
    this.file = new File([blob], `voice-${day}.${suffix}`, { type: blob.type });
    this.url = URL.createObjectURL(blob);
  },
  use() {
    this.$dispatch("recorded", this.file);
    this.discard();
  },
  discard() {
    if (this.url) URL.revokeObjectURL(this.url);
    Object.assign(this, { state: "idle", url: "", level: 0, seconds: 0 });
    this.release();
  },
  release() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.audio?.close();
    this.stream = this.audio = null;
  },
  destroy() {
    this.discard();
  },
});
