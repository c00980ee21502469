// Keyboard shortcuts. They work only while the focus is inside the player, so that no letter typed
// elsewhere in the LMS's page does anything (WCAG 2.2, 2.1.4).

const STEP_S = 5;
const PAGE_S = 30;
const VOLUME_STEP = 0.05;

export function listenForKeys(player, controls) {
  const everywhere = {
    k: () => controls.toggle(),
    m: () => controls.toggleMute(),
    c: () => controls.toggleCaptions(),
    f: () => controls.toggleFullScreen(),
    j: () => controls.skip(-2 * STEP_S),
    l: () => controls.skip(2 * STEP_S),
    ArrowLeft: () => controls.skip(-STEP_S),
    ArrowRight: () => controls.skip(STEP_S),
    ArrowUp: () => controls.louder(VOLUME_STEP),
    ArrowDown: () => controls.louder(-VOLUME_STEP),
  };
  const onSeekBar = {
    ...everywhere,
    " ": () => controls.toggle(),
    ArrowUp: () => controls.skip(STEP_S),
    ArrowDown: () => controls.skip(-STEP_S),
    PageUp: () => controls.skip(PAGE_S),
    PageDown: () => controls.skip(-PAGE_S),
    Home: () => controls.seek(0),
    End: () => controls.seek(Infinity),
  };
  player.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    // A list and the volume bar have arrow keys and letters of their own.
    if (event.target.matches("select, #volume")) return;
    const keys = event.target.matches("#seek") ? onSeekBar : everywhere;
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
