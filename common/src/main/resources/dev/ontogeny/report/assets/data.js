"use strict";
// Data lies in scripts that call ontogeny.chunk(name, value): browsers do not fetch from file://.
(() => {
  const KEPT = 64;
  const asked = new Map();
  const held = new Map();

  ontogeny.chunk = (name, value) => {
    held.set(name, value);
  };

  // A promise of the value of a chunk.
  ontogeny.load = (name) => {
    if (held.has(name)) {
      return Promise.resolve(held.get(name));
    }
    if (!asked.has(name)) {
      asked.set(
        name,
        new Promise((resolve, reject) => {
          const script = document.createElement("script");
          script.src = "data/" + name + ".js";
          script.onload = () => {
            script.remove();
            asked.delete(name);
            if (held.has(name)) {
              resolve(held.get(name));
            } else {
              reject(new Error("data/" + name + ".js does not hold what its name says"));
            }
            forgetOldest();
          };
          script.onerror = () => {
            script.remove();
            asked.delete(name);
            reject(new Error("data/" + name + ".js is missing from this report or cannot be read"));
          };
          document.head.append(script);
        }),
      );
    }
    return asked.get(name);
  };

  // Files of tracks come and go; everything else stays.
  function forgetOldest() {
    const tracks = [...held.keys()].filter((name) => name.startsWith("tracks/"));
    tracks.slice(0, Math.max(0, tracks.length - KEPT)).forEach((name) => held.delete(name));
  }

  // {columns, rows} as an array of objects.
  ontogeny.objects = ({ columns, rows }) =>
    rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));

  ontogeny.report = () => held.get("report");

  // All list entries of a series, as arrays in the order of report.columns.index.
  ontogeny.index = async (series) => {
    const report = ontogeny.report();
    const groups = Math.ceil(report.series[series].tracks / report.tracks_per_group);
    const parts = await Promise.all(
      Array.from({ length: groups }, (_, group) => ontogeny.load(`index/${series}/${group}`)),
    );
    return parts.flat();
  };

  // Everything about one track: a list of objects per table.
  ontogeny.track = async (series, track) => {
    const report = ontogeny.report();
    const file = await ontogeny.load(
      `tracks/${series}/${Math.floor(track / report.tracks_per_file)}`,
    );
    const tables = file[track];
    if (!tables) {
      return null;
    }
    return Object.fromEntries(
      Object.entries(report.columns).map(([name, columns]) => [
        name,
        ontogeny.objects({ columns, rows: tables[name] || [] }),
      ]),
    );
  };
})();
