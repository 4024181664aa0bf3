"use strict";
// What was analysed, and how good the dictionaries are.
(() => {
  const { h, format: f, term, source } = ontogeny;

  ontogeny.views.overview = {
    name: "Overview",
    async draw() {
      const report = ontogeny.report();
      const quality = ontogeny.objects(report.quality);
      const dictionaries = ontogeny.objects(report.dictionaries);
      // Of transcoders the site that they read stands before the one that they reconstruct.
      const reads = new Map(dictionaries.filter((row) => row.reads).map((row) => [row.dictionary, row.reads + " → "]));
      const dataset = report.folders.dataset.summary;
      const heldOut = quality.filter((row) => row.split === "held_out");
      const judged = heldOut.length ? heldOut : quality;
      const events = ontogeny.objects(report.events);
      const tracks = d3.sum(events.filter((row) => row.event === "birth"), (row) => row.tracks);
      const confident = d3.sum(events.filter((row) => row.event === "birth" && row.confident), (row) => row.tracks);
      const steps = [...new Set(dataset.sites.flatMap((site) => site.checkpoints))].sort(d3.ascending);
      return [
        h("h1", null, report.title),
        h(
          "p",
          { class: "lead" },
          `${f.whole(dataset.rows)} tokens were read at ${steps.length} checkpoints of a network’s training, from step ${f.step(steps[0])} to step ${f.step(steps[steps.length - 1])}, at ${dataset.sites.map((site) => `${site.site} (${site.width} dimensions)`).join(", ")}. `,
          `${dictionaries.length} `,
          term("dictionary", "dictionaries"),
          " were trained on them. Their ",
          term("feature", "features"),
          " were followed from checkpoint to checkpoint as ",
          term("track", "tracks"),
          ".",
        ),
        h(
          "div",
          { class: "cards" },
          card(f.whole(dataset.rows), "tokens, the same at every checkpoint"),
          card(f.whole(steps.length), "checkpoints"),
          card(f.whole(dictionaries.length), `dictionaries of ${widths(dictionaries)} features`),
          card(f.whole(tracks), "tracks in all series"),
          card(confident ? f.whole(confident) : "–", `tracks with confidence ≥ ${report.confident}`),
          card(f.number(d3.median(judged, (row) => row.fvu)), `median variance unexplained (FVU${heldOut.length ? ", held out" : ""})`),
        ),
        report.warnings.length ? h("h2", null, "Before you believe a figure") : null,
        h(
          "ul",
          { class: "warnings" },
          report.warnings.map((warning) => h("li", null, h("b", null, warning.name), ": ", warning.text)),
        ),
        h("h2", null, "How good the dictionaries are"),
        ontogeny.controls(ontogeny.steps.choice(ontogeny.changeSteps)),
        h(
          "div",
          { class: "grid three" },
          qualityFigure("fvu", "Variance unexplained", "FVU", "the share of the variance of the activations that the reconstruction misses (0 is perfect)"),
          qualityFigure("l0", "Active features", "L0", "the mean number of features that are not zero on a token"),
          qualityFigure("dead_share", "Dead features", "share", "the share of features that fire on none of the rows", f.share),
        ),
        h("h2", null, "Every dictionary"),
        h(
          "p",
          { class: "note" },
          "One row per dictionary, checkpoint that it was measured on, and split. Source: ",
          source("features", "dictionaries"),
          ". See also ",
          h("a", { href: "#/compare" }, "the comparison"),
          ".",
        ),
        ontogeny.plainTable(
          [...quality].sort((a, b) => a.dictionary.localeCompare(b.dictionary, "en", { numeric: true })).map((row) => ({
            dictionary: row.dictionary,
            site: (reads.get(row.dictionary) || "") + row.site,
            checkpoint: row.checkpoint,
            split: row.split,
            rows: f.whole(row.rows),
            fvu: f.number(row.fvu),
            l0: f.number(row.l0),
            dead: f.share(row.dead_share),
          })),
          2000,
        ),
        h("h2", null, "Where this came from"),
        await provenance(),
      ];
    },
  };

  ontogeny.controls = (...controls) => h("div", { class: "controls" }, controls);

  function card(value, text) {
    return h("div", { class: "card" }, h("b", null, value), h("span", null, text));
  }

  function widths(dictionaries) {
    const all = [...new Set(dictionaries.map((row) => row.width))].sort(d3.ascending).map(f.whole);
    return all.length > 3 ? all[0] + " to " + all[all.length - 1] : all.join(" or ");
  }

  // One line per family, replica and split: dictionaries of one chain form a line over checkpoints.
  ontogeny.qualityLines = (quality, column) => {
    const dictionaries = new Map(ontogeny.objects(ontogeny.report().dictionaries).map((row) => [row.dictionary, row]));
    const groups = d3.groups(quality, (row) => {
      const dictionary = dictionaries.get(row.dictionary) || {};
      return [(dictionary.family || dictionary.series || row.dictionary) + (dictionary.family ? "-r" + dictionary.replica : ""), row.site].join(" ");
    });
    const names = ontogeny.shortNames(groups.map(([name]) => name.split(" ")[0]));
    return groups.flatMap(([, rows], i) =>
      ["train", "held_out"]
        .map((split, dash) => ({
          name: (groups.length > 1 ? names[i] + ", " : "") + { train: "training rows", held_out: "held-out rows" }[split],
          colour: "c" + (i % 6),
          dash: split === "train" ? 1 : 0,
          points: rows
            .filter((row) => row.split === split)
            .sort((a, b) => a.checkpoint - b.checkpoint)
            .map((row) => ({ step: row.checkpoint, value: row[column] })),
        }))
        .filter((line) => line.points.length),
    );
  };

  function qualityFigure(column, title, label, meaning, format) {
    const quality = ontogeny.objects(ontogeny.report().quality);
    const rows = [...new Set(quality.map((row) => row.rows))].map(f.whole).join(" and ");
    return ontogeny.figure({
      id: column,
      title,
      caption: [`For every dictionary at its checkpoint: ${meaning}. Solid: over held-out rows; dashed: over training rows (${rows} rows). Source: `, source("features", "dictionaries", column, "split", "rows"), "."],
      rows: () => quality.map((row) => ({ dictionary: row.dictionary, site: row.site, checkpoint: row.checkpoint, split: row.split, rows: row.rows, [column]: row[column] })),
      draw: (width) =>
        ontogeny.lines(
          {
            label: title + " over training steps",
            y: { label, format },
            checkpoints: [...new Set(quality.map((row) => row.checkpoint))].sort(d3.ascending),
            series: ontogeny.qualityLines(quality, column),
            height: 270,
          },
          width,
        ),
    });
  }

  // Folders stand in the order of the line: each is made from the one before.
  function took(made, kind) {
    const kinds = Object.keys(made);
    const before = kinds[kinds.indexOf(kind) - 1];
    const seconds = before ? (Date.parse(made[kind].created) - Date.parse(made[before].created)) / 1000 : -1;
    return seconds >= 0 ? f.duration(seconds) : "–";
  }

  async function provenance() {
    const made = await ontogeny.load("provenance");
    const report = ontogeny.report();
    const training = ontogeny.objects((await ontogeny.load("training")).log);
    const seconds = d3.sum(
      d3.groups(training, (row) => row.dictionary),
      ([, rows]) => {
        const last = rows[rows.length - 1];
        const rate = d3.median(rows, (row) => row.tokens_per_second);
        return rate ? last.tokens / rate : 0;
      },
    );
    return [
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          null,
          h("thead", null, h("tr", null, ["Folder", "Identity", "Published", "After its input", "Size", "Made by", "Arithmetic", "Java", "System"].map((name) => h("th", { scope: "col" }, name)))),
          h(
            "tbody",
            null,
            Object.entries(report.folders).map(([kind, folder]) =>
              h(
                "tr",
                null,
                [kind, folder.identity.slice(0, 12), made[kind].created, took(made, kind), f.bytes(made[kind].bytes), made[kind].ontogeny, made[kind].kernel || "–", made[kind].java, made[kind].os].map((value) => h("td", null, String(value))),
              ),
            ),
          ),
        ),
      ),
      h("p", { class: "note" }, "After its input: the time between the publication of a folder and of the one it was made from, which is how long the job took when the jobs ran one after the other without a break."),
      seconds
        ? h("p", { class: "note" }, `Training took about ${f.duration(seconds)} of compute, by the tokens and the rate in `, source("dictionaries", "training_log", "tokens", "tokens_per_second"), ".")
        : null,
      Object.entries(report.folders).map(([kind, folder]) =>
        h("details", null, h("summary", null, `Settings and summary of ${kind}`), h("pre", null, JSON.stringify({ settings: folder.settings, summary: folder.summary }, null, 2))),
      ),
    ];
  }
})();
