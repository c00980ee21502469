// How much of the film was watched: media time that was played, each part counted once.
//
// The film is cut into slices; a slice counts when at least half of it was played, so that the two
// halves of a slice on either side of a break never both get lost.

// One bit a second, six bits a character: 3,000 characters hold five hours. SCORM 1.2 keeps 4,096
// characters in all; longer films get longer slices.
const SLICE_S = 1;
const MAX_SLICES = 18000;

// Players end a film a little before or after its stated length.
const TOLERANCE_S = 0.5;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export class Progress {
  #duration;
  #slice;
  #before;

  /** `saved` is what `encode` gave in an earlier session; what cannot be read counts as nothing. */
  constructor(duration, saved = "") {
    this.#duration = duration;
    this.#slice = Math.max(SLICE_S, duration / MAX_SLICES);
    this.#before = new Uint8Array(Math.ceil(duration / this.#slice));
    this.#restore(saved);
  }

  /** The watched share, 0 to 1. `played` is the media element's TimeRanges of this session. */
  share(played) {
    return this.#watched(played) / this.#duration;
  }

  /** Is at least the share `needed` watched? */
  enough(played, needed) {
    return this.#watched(played) >= needed * this.#duration - TOLERANCE_S;
  }

  /** All that was watched, earlier sessions included, in 64 URL-safe letters. */
  encode(played) {
    const slices = this.#slices(played);
    let text = "";
    for (let at = 0; at < slices.length; at += 6) {
      let digit = 0;
      for (let bit = 0; bit < 6; bit += 1) digit = digit * 2 + (slices[at + bit] ?? 0);
      text += DIGITS[digit];
    }
    return text.replace(/A+$/, "");
  }

  #restore(saved) {
    for (let at = 0; at < saved.length; at += 1) {
      const digit = DIGITS.indexOf(saved[at]);
      for (let bit = 0; bit < 6; bit += 1) {
        const slice = at * 6 + bit;
        if (slice < this.#before.length && (digit >> (5 - bit)) & 1) this.#before[slice] = 1;
      }
    }
  }

  #watched(played) {
    return this.#slices(played).reduce((sum, on, slice) => sum + on * this.#length(slice), 0);
  }

  #length(slice) {
    return Math.min(this.#slice, this.#duration - slice * this.#slice);
  }

  #slices(played) {
    const covered = new Float64Array(this.#before.length);
    for (let range = 0; range < played.length; range += 1) {
      const [from, to] = [played.start(range), Math.min(played.end(range), this.#duration)];
      for (let slice = Math.floor(from / this.#slice); slice * this.#slice < to; slice += 1) {
        const start = slice * this.#slice;
        covered[slice] += Math.min(to, start + this.#slice) - Math.max(from, start);
      }
    }
    return covered.reduce((slices, seconds, slice) => {
      if (seconds >= this.#length(slice) / 2) slices[slice] = 1;
      return slices;
    }, Uint8Array.from(this.#before));
  }
}
