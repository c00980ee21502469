// What is recorded, and when. The LMS may be absent, deaf or forgetful: the course goes on.

import { Progress } from "./progress.js";
import { decodeBookmark, decodeState, encodeBookmark, encodeState } from "./state.js";

// Each commit is a blocking request on many LMSs: seldom while the film plays, a little sooner when a
// chapter begins, and at once when the learner pauses or turns away.
const COMMIT_EVERY_S = 45;
const CHAPTER_COMMIT_S = 5;

export class Record {
  #lms;
  #look;
  #needed;
  #progress;
  #recording;
  #began = performance.now();
  #committed = performance.now();
  #chapter = 0;
  #kept = true;
  #closed = false;

  /** `look` tells what to record: `{ second, played, captions, rate }`. `lms` is null without one. */
  constructor({ lms, duration, needed, look }) {
    const known = lms?.start() ?? null;
    this.#lms = known ? lms : null;
    this.#look = look;
    this.#needed = needed;
    this.#recording = known?.mode === "normal";
    this.mode = known ? known.mode : lms ? "refused" : "alone";
    this.completed = known?.completed ?? false;
    this.second = Math.min(decodeBookmark(known?.bookmark ?? ""), duration);
    const { watched, captions, rate } = decodeState(known?.state ?? "");
    this.captions = captions;
    this.rate = rate;
    this.#progress = new Progress(duration, watched);
    if (this.#recording) this.#lms.begin();
  }

  /** Is there a session with an LMS that can be ended? */
  get connected() {
    return this.#lms !== null;
  }

  /** Which of the player's `status_…` words is true now. */
  get status() {
    if (this.mode !== "normal") return this.mode;
    if (!this.#kept) return "trouble";
    return this.completed ? "completed" : "recording";
  }

  /** The watched share, 0 to 1. */
  get share() {
    return this.#progress.share(this.#look().played);
  }

  /** To be called a few times a second while the film plays. */
  tick(chapter) {
    const rest = chapter === this.#chapter ? COMMIT_EVERY_S : CHAPTER_COMMIT_S;
    const due = performance.now() - this.#committed >= rest * 1000;
    if (!due && !this.#justWatched()) return;
    this.#chapter = chapter;
    this.save();
  }

  /** Hand everything to the LMS and have it stored. */
  save() {
    if (!this.#recording || this.#closed) return;
    if (this.#justWatched()) {
      this.completed = true;
      this.#lms.complete();
    }
    this.#write();
    this.#kept = this.#lms.commit();
    this.#committed = performance.now();
  }

  /** End the session. Did the LMS keep what it was given? */
  leave() {
    if (this.#closed || !this.#lms) return this.#kept;
    this.#closed = true;
    if (this.#recording) this.#write();
    this.#kept = this.#lms.finish(this.#recording ? (performance.now() - this.#began) / 1000 : null);
    return this.#kept;
  }

  #justWatched() {
    return this.#recording && !this.completed && this.#progress.enough(this.#look().played, this.#needed);
  }

  #write() {
    const { second, played, captions, rate } = this.#look();
    const state = encodeState({ watched: this.#progress.encode(played), captions, rate });
    this.#lms.write({ bookmark: encodeBookmark(second), state });
  }
}
