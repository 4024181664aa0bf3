"use strict";
// Elements out of data. Text only ever becomes text nodes and attributes: there is no markup from data.
(() => {
  // h("p", {class: "note", onclick: f}, "text", element, [more])
  ontogeny.h = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) {
        element.addEventListener(key.slice(2), value);
      } else if (value === true) {
        element.setAttribute(key, "");
      } else if (value !== null && value !== undefined && value !== false) {
        element.setAttribute(key, value);
      }
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
  };

  const h = ontogeny.h;

  ontogeny.format = {
    whole: (value) => (value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en-US")),
    step: (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US")),
    // Three significant digits.
    number(value) {
      if (value === null || value === undefined || Number.isNaN(value)) {
        return "–";
      }
      if (value === 0) {
        return "0";
      }
      const size = Math.abs(value);
      if (size >= 1000) {
        return Math.round(value).toLocaleString("en-US");
      }
      return size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
    },
    // Two significant digits, for narrow places.
    brief: (value) => (value === 0 ? "0" : Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(2)))),
    share(value) {
      if (value === null || value === undefined || Number.isNaN(value)) {
        return "–";
      }
      const percent = 100 * value;
      return (percent !== 0 && percent < 0.1 ? percent.toPrecision(1) : percent.toFixed(1)) + "%";
    },
    bytes(value) {
      const units = ["B", "KiB", "MiB", "GiB", "TiB"];
      let unit = 0;
      while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit++;
      }
      return (unit ? value.toFixed(1) : value) + " " + units[unit];
    },
    duration(seconds) {
      if (seconds < 90) {
        return Math.round(seconds) + " s";
      }
      return seconds < 5400 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h";
    },
  };

  // #/view/part/part?key=value
  ontogeny.address = (view, parts, query) => {
    const path = [view, ...(parts || [])].map(encodeURIComponent).join("/");
    const entries = Object.entries(query || {}).filter(
      ([, value]) => value !== null && value !== undefined && value !== "",
    );
    const text = new URLSearchParams(entries).toString();
    return "#/" + path + (text ? "?" + text : "");
  };

  ontogeny.trackAddress = (series, track, query) =>
    ontogeny.address("feature", [ontogeny.report().series[series].name, String(track)], query);

  // A term of the field, explained where it points to and in its title.
  ontogeny.term = (key, text) => {
    const term = ontogeny.guide.terms[key];
    return h(
      "a",
      { class: "term", href: ontogeny.address("reference", [], { term: key }), title: term.text },
      text || term.name,
    );
  };

  // Where a number comes from: a table of a published folder and its columns.
  ontogeny.source = (folder, table, ...columns) =>
    h(
      "a",
      { class: "source", href: ontogeny.address("reference", [], { table: folder + "/" + table }) },
      folder + "/" + table + (columns.length ? ": " + columns.join(", ") : ""),
    );

  // A threshold as evolve had it, or null where its settings do not tell.
  ontogeny.threshold = (...path) => {
    const value = path.reduce((settings, key) => (settings ? settings[key] : null), ontogeny.report().folders.evolution.settings);
    return typeof value === "number" ? value : null;
  };

  // How an event is judged, with its thresholds in numbers.
  ontogeny.rule = (event) => {
    const [cosine, strength, half, direction] = ["alive_cosine", "alive_strength", "emergence_strength", "direction_cosine"].map((name) => ontogeny.threshold("events", name));
    const known = [cosine, strength, half, direction].every((value) => value !== null);
    if (!known) {
      return "Thresholds are the settings of evolve. ";
    }
    const kinds = (ontogeny.report().folders.evolution.summary.series || []).map((series) => series.kind);
    const norm = ontogeny.threshold("crosscoder", "alive_norm");
    if (kinds.length && kinds.every((kind) => kind === "crosscoder") && norm !== null) {
      return {
        birth: `Alive: decoder norm ≥ ${norm} of its greatest. `,
        emergence: `Threshold: ${half} of the peak. `,
        direction_birth: `Threshold: cosine ≥ ${direction} to its direction at the peak. `,
        death: `No longer alive: decoder norm < ${norm} of its greatest, for good. `,
      }[event];
    }
    return {
      birth: `Alive: cosine to its direction where it is strongest ≥ ${cosine} and strength ≥ ${strength} of its greatest. `,
      emergence: `Threshold: ${half} of the peak. `,
      direction_birth: `Threshold: cosine ≥ ${direction} to its direction at the peak. `,
      death: `No longer alive: cosine to its direction where it is strongest < ${cosine} or strength < ${strength} of its greatest, for good. `,
    }[event];
  };

  ontogeny.tokenCount = () => ontogeny.report().folders.dataset.summary.rows;

  ontogeny.chip = (kind) =>
    h("span", { class: "chip class-" + kind.replace(/[^a-z-]/g, ""), title: ontogeny.guide.classes[kind] || "" }, kind);

  // A choice out of few: buttons with one pressed.
  ontogeny.choice = (label, options, chosen, choose) =>
    h(
      "div",
      { class: "choice", role: "group", "aria-label": label },
      h("span", { class: "label" }, label),
      options.map(([value, text, title]) =>
        h(
          "button",
          { type: "button", "aria-pressed": String(value === chosen), title, onclick: () => choose(value) },
          text,
        ),
      ),
    );

  ontogeny.select = (label, options, chosen, choose) =>
    h(
      "label",
      { class: "field" },
      h("span", { class: "label" }, label),
      h(
        "select",
        { onchange: (event) => choose(event.target.value) },
        options.map(([value, text]) => h("option", { value, selected: String(value) === String(chosen) }, text)),
      ),
    );

  ontogeny.seriesOptions = () => ontogeny.report().series.map((series, i) => [i, series.name]);

  // Series have long names that differ at the end: what all have in common is left out in legends.
  ontogeny.shortNames = (names) => {
    if (names.length < 2) {
      return names.map((name) => name);
    }
    let start = 0;
    while (names.every((name) => name[start] !== undefined && name[start] === names[0][start])) {
      start++;
    }
    while (start > 0 && !/[-_. ]/.test(names[0][start - 1])) {
      start--;
    }
    return names.map((name) => name.slice(start) || name);
  };

  let tip;
  // A small note at the pointer, or beside what the keyboard is on.
  ontogeny.tip = {
    show(lines, x, y) {
      tip = tip || document.querySelector(".tip");
      tip.replaceChildren(...lines.map((line) => (line instanceof Node ? line : h("div", null, line))));
      tip.hidden = false;
      const box = tip.getBoundingClientRect();
      const left = x + 14 + box.width > innerWidth ? x - 14 - box.width : x + 14;
      tip.style.left = Math.max(4, left) + "px";
      tip.style.top = Math.max(4, Math.min(y + 14, innerHeight - box.height - 4)) + "px";
    },
    hide() {
      if (tip) {
        tip.hidden = true;
      }
    },
  };
})();
