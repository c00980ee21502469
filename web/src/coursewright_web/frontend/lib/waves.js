// A sound's wave over its player: one sees where it is silent or too loud, and goes there by a press.

/** A component with a player `sound` and a place `wave`. Without the wave, the player still plays. */
export const soundWave = () => {
  let shown = null; // apart from the component, since it bears no proxies
  let address = "";
  return {
    async draw(wanted) {
      if (wanted === address) return;
      address = wanted;
      const { sound, wave } = this.$refs;
      sound.src = wanted;
      const { default: WaveSurfer } = await import("wavesurfer.js");
      if (wanted !== address || !wave.isConnected) return;
      shown?.destroy();
      shown = WaveSurfer.create({
        container: wave,
        media: sound,
        height: wave.clientHeight,
        normalize: false, // what is too quiet looks it
        waveColor: faded(colourOf(wave)),
        progressColor: colourOf(wave),
        dragToSeek: true,
        cspNonce: document.querySelector("link[nonce]").nonce,
      });
      shown.on("error", () => {}); // what cannot be read here may still be played
    },
    destroy() {
      address = "";
      shown?.destroy();
    },
  };
};

const colourOf = (element) => getComputedStyle(element).color;
const faded = (colour) => `color-mix(in srgb, ${colour} 45%, transparent)`;
