// Scenes as cards have them, and as the API takes them.
let keys = 0;

export const bulletOf = (text) => ({ key: (keys += 1), text });

/** Of the script that the API shows, or of a step back in what was done. */
export function cardOf(scene) {
  return {
    id: scene.id,
    title: scene.title,
    bullets: scene.bullets.map(bulletOf),
    narration: scene.narration,
    notes: scene.notes,
    pictured: Boolean(scene.image),
    fault: "",
    asking: null,
  };
}

export function newCard() {
  const id = `scene-${Math.random().toString(36).slice(2, 10)}`;
  return cardOf({ id, title: "", bullets: [], narration: "", notes: "", image: null });
}

const written = ({ bullets }) => bullets.map((each) => each.text.trim()).filter(Boolean);

/** What is sent, and what is remembered of each step. */
export const bodyOf = ({ title, scenes }) => ({
  title: title.trim(),
  scenes: scenes.map((scene) => ({
    id: scene.id,
    title: scene.title.trim(),
    bullets: written(scene),
    narration: scene.narration.trim(),
    notes: scene.notes,
    image: scene.pictured,
  })),
});
