// Put into every page of a test before its own scripts: listens to the microphone, to what comes
// back from the stage, and to what the page plays, and notes when each coded tone begins.
//
// window.taps.onsets: [{where: "mic" | "return" | "ear", hz, at (wall ms)}]
// window.taps.levels: where -> hz -> largest power so far (0..1)
(() => {
  const HZ = [700, 1100, 1900];
  const PROCESSOR = `
    registerProcessor("tap", class extends AudioWorkletProcessor {
      constructor(options) {
        super();
        this.hz = options.processorOptions.hz;
        this.window = new Float32Array(480); // 10 ms
        // Hann: a tone that begins within the window must not look like other tones.
        this.hann = this.window.map((_, i) => 1 - Math.cos((2 * Math.PI * (i + 0.5)) / 480));
        this.filled = 0;
        this.quiet = this.hz.map(() => 100); // windows since the tone was last heard
      }
      process(inputs) {
        const input = inputs[0] && inputs[0][0];
        if (!input) return true;
        for (const sample of input) {
          this.window[this.filled++] = sample;
          if (this.filled === this.window.length) { this.filled = 0; this.look(); }
        }
        return true;
      }
      look() {
        const n = this.window.length;
        this.hz.forEach((hz, i) => {
          const c = 2 * Math.cos(2 * Math.PI * hz / sampleRate);
          let a = 0, b = 0;
          this.window.forEach((x, k) => { const t = x * this.hann[k] + c * a - b; b = a; a = t; });
          const power = (a * a + b * b - c * a * b) * 4 / (n * n); // amplitude squared
          const on = power > 4e-5; // amplitude 0.006
          if (on && this.quiet[i] >= 20) this.port.postMessage({hz, at: Date.now() - 10, power});
          else if (on && this.quiet[i] === 0) this.port.postMessage({hz, power});
          this.quiet[i] = on ? 0 : this.quiet[i] + 1;
        });
      }
    });`;
  const taps = (window.taps = {onsets: [], levels: {}, contexts: []});
  const module = URL.createObjectURL(new Blob([PROCESSOR], {type: "text/javascript"}));

  async function tap(where, stream) {
    if (!stream.getAudioTracks().length) return;
    const context = new AudioContext({sampleRate: 48000});
    taps.contexts.push(context);
    await context.audioWorklet.addModule(module);
    const node = new AudioWorkletNode(context, "tap", {processorOptions: {hz: HZ}});
    node.port.onmessage = ({data}) => {
      const levels = (taps.levels[where] ??= {});
      levels[data.hz] = Math.max(levels[data.hz] ?? 0, data.power);
      if (data.at) taps.onsets.push({where, hz: data.hz, at: data.at});
    };
    context.createMediaStreamSource(stream).connect(node);
    const silent = new GainNode(context, {gain: 0});
    node.connect(silent).connect(context.destination);
  }

  const getUserMedia = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    const stream = await getUserMedia.call(this, wanted);
    if (stream.getAudioTracks().length) tap("mic", stream.clone());
    return stream;
  };

  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      this.addEventListener("track", ({track}) => tap("return", new MediaStream([track])));
    }
  };

  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    if (!this.srcObject || "MediaSource" in window && this.srcObject instanceof MediaSource || this.src) {
      if (!this.tapped) {
        this.tapped = true;
        this.addEventListener("playing", () => tap("ear", this.captureStream()), {once: true});
      }
    }
    return play.call(this);
  };
})();
