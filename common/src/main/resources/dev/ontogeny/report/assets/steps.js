"use strict";
// The axis of training steps: logarithmic (with a place for step 0), linear, or one place per checkpoint.
(() => {
  let mode = "log";

  ontogeny.steps = {
    get mode() {
      return mode;
    },
    set mode(value) {
      mode = ["log", "linear", "even"].includes(value) ? value : "log";
    },

    choice: (change) =>
      ontogeny.choice(
        "Steps",
        [
          ["log", "logarithmic", "log10(step + 1)"],
          ["linear", "linear", "steps as they are"],
          ["even", "even", "one place per checkpoint"],
        ],
        mode,
        change,
      ),

    label: () =>
      "training step" + { log: " (logarithmic)", linear: "", even: " (one place per checkpoint)" }[mode],

    // A scale from steps to pixels, with the edges of each checkpoint's column and ticks that do not overlap.
    scale(checkpoints, range) {
      const first = checkpoints.length && checkpoints[0] > 0 ? checkpoints[0] : 0;
      const place = {
        log: (step) => Math.log10(step + 1) - (first ? Math.log10(first + 1) : 0),
        linear: (step) => step,
        even: (step) => {
          const at = d3.bisectLeft(checkpoints, step);
          if (at >= checkpoints.length || checkpoints[at] === step || at === 0) {
            return Math.min(at, checkpoints.length - 1);
          }
          return at - 1 + (step - checkpoints[at - 1]) / (checkpoints[at] - checkpoints[at - 1]);
        },
      }[mode];
      const places = checkpoints.map(place);
      const linear = d3
        .scaleLinear()
        .domain(places.length > 1 ? [places[0], places[places.length - 1]] : [places[0] - 1, places[0] + 1])
        .range(range);
      const scale = (step) => linear(place(step));
      scale.checkpoints = checkpoints;
      scale.range = range;
      scale.edges = places.map((at, i) => [
        i > 0 ? linear((places[i - 1] + at) / 2) : range[0],
        i < places.length - 1 ? linear((at + places[i + 1]) / 2) : range[1],
      ]);
      scale.ticks = [];
      let free = -Infinity;
      const last = checkpoints[checkpoints.length - 1];
      for (const step of checkpoints) {
        const half = tickText(step).length * 3.6 + 5;
        const beforeLast = step === last || scale(step) + half < scale(last) - tickText(last).length * 3.6 - 5;
        if (scale(step) - half >= free && beforeLast) {
          scale.ticks.push(step);
          free = scale(step) + half;
        }
      }
      scale.text = tickText;
      return scale;
    },
  };

  function tickText(step) {
    if (step >= 1e6) {
      return +(step / 1e6).toPrecision(3) + "M";
    }
    return step >= 10000 ? +(step / 1000).toPrecision(3) + "k" : String(step);
  }
})();
