// What a person has begun, kept in this browser, for each person and pipeline by itself.
const user = document.documentElement.dataset.user;
const key = (pipeline) => `coursewright-draft-${user}-${pipeline}`;

export function readDraft(pipeline) {
  try {
    return JSON.parse(localStorage.getItem(key(pipeline)));
  } catch {
    return null; // no storage, or nothing that we wrote
  }
}

/** False where the browser keeps nothing, or has no room. */
export function writeDraft(pipeline, draft) {
  try {
    localStorage.setItem(key(pipeline), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(pipeline) {
  try {
    localStorage.removeItem(key(pipeline));
  } catch {
    // There is none then.
  }
}
