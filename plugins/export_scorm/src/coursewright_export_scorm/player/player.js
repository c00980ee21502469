// Puts the parts together: film, controls, contents, and the record that the LMS keeps.

import { Captions } from "./captions.js";
import { indexAt, showChapters, showTranscript } from "./contents.js";
import { Controls } from "./controls.js";
import { listenForKeys } from "./keys.js";
import { Record } from "./record.js";
import { Scorm12, findApi } from "./scorm12.js";
import { clock, fill } from "./text.js";

// Nearer to either end than this, there is nothing to continue.
const CONTINUE_MARGIN_S = 5;

const part = (id) => document.getElementById(id);
const course = JSON.parse(part("course").textContent);
const { words } = course;
const media = part("media");

const captions = course.cues.length ? new Captions(media, part("track"), course.cues) : null;
const api = findApi(window);
const record = new Record({
  lms: api && new Scorm12(api),
  duration: course.duration_s,
  needed: course.completion_share,
  look: () => ({
    second: media.currentTime,
    played: media.played,
    captions: captions?.on ?? true,
    rate: media.playbackRate,
  }),
});
if (captions) captions.on = record.captions;
media.playbackRate = record.rate;

const controls = new Controls({ media, duration: course.duration_s, words, captions, part });
listenForKeys(part("player"), controls);
const lists = [
  ...(course.chapters.length > 1 ? [showChapters(part("chapters"), course.chapters, playFrom)] : []),
  ...(course.cues.length ? [showTranscript(part("transcript"), course, playFrom)] : []),
];

follow();
offerStart();
listenForLeaving();
showRecord();
part("not-started").hidden = true;

function playFrom(second) {
  controls.seek(second);
  controls.play();
}

function follow() {
  media.addEventListener("timeupdate", () => {
    for (const list of lists) list.show(media.currentTime);
    if (!media.paused && !media.seeking) record.tick(indexAt(course.chapters, media.currentTime));
    showRecord();
  });
  for (const event of ["pause", "ended"]) {
    media.addEventListener(event, () => {
      record.save();
      showRecord();
    });
  }
  media.addEventListener("error", () => show(part("status"), words.status_media));
}

/** The cover over the film: a large play button, or the offer to continue. */
function offerStart() {
  const cover = part("cover");
  const resumes = record.second >= CONTINUE_MARGIN_S && record.second <= course.duration_s - CONTINUE_MARGIN_S;
  cover.hidden = false;
  part("start").hidden = resumes;
  part("resume").hidden = !resumes;
  part("start").addEventListener("click", () => controls.play());
  part("resume-start").addEventListener("click", () => playFrom(0));
  const continueButton = part("resume-continue");
  continueButton.textContent = fill(words.continue_at, { time: clock(record.second) });
  continueButton.addEventListener("click", () => controls.play());
  media.addEventListener("play", () => uncover(cover), { once: true });
  if (resumes) controls.seek(record.second);
}

function uncover(cover) {
  const focused = cover.contains(document.activeElement);
  cover.hidden = true;
  if (focused) part("play").focus();
}

function listenForLeaving() {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") record.save();
  });
  addEventListener("pagehide", () => record.leave());
  // A page that comes back from the browser's cache has a closed session: begin a new one.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  part("exit").hidden = !record.connected;
  part("exit").addEventListener("click", exit);
}

function exit() {
  media.pause();
  const kept = record.leave();
  part("closed-message").textContent =
    record.mode === "normal" ? (kept ? words.closed_saved : words.closed_unsaved) : words.closed;
  part("course-page").hidden = true;
  part("exit").hidden = true;
  part("watched").hidden = true;
  show(part("status"), "");
  part("closed").hidden = false;
  part("closed").focus();
}

function showRecord() {
  const done = record.completed;
  const share = Math.min(100, Math.floor(record.share * 100 + 0.001));
  part("watched").hidden = false;
  part("watched").toggleAttribute("data-done", done);
  show(part("watched"), done ? words.completed : fill(words.watched, { share }));
  if (!media.error) show(part("status"), statusWords());
}

function statusWords() {
  const needed = fill(words.needed, { share: Math.round(course.completion_share * 100) });
  return words[`status_${record.status}`] + (record.status === "recording" ? ` ${needed}` : "");
}

/** Only a change is written: a live region would read the same words again. */
function show(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
