// The film's captions: the track beside the page, or the cues inside the page when the server does
// not deliver the track (some have no type for .vtt, some learners open the page another way).

const FAILED = 3; // HTMLTrackElement.ERROR

export class Captions {
  #media;
  #track;
  #on = true;

  constructor(media, element, cues) {
    this.#media = media;
    this.#track = element.track;
    const replace = () => this.#replace(element, cues);
    if (element.readyState === FAILED) replace();
    else element.addEventListener("error", replace, { once: true });
  }

  get on() {
    return this.#on;
  }

  set on(on) {
    this.#on = on;
    this.#track.mode = on ? "showing" : "hidden";
  }

  #replace(element, cues) {
    const track = this.#media.addTextTrack("captions", element.label, element.srclang);
    for (const cue of cues) track.addCue(new VTTCue(cue.start_s, cue.end_s, escaped(cue.text)));
    element.remove();
    this.#track = track;
    this.on = this.#on;
  }
}

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
