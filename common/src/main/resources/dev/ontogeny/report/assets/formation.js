"use strict";
// When features formed, moved and died: counts and distributions over all tracks of a series.
(() => {
  const { h, format: f, term, source } = ontogeny;
  const BIRTHS = [
    ["birth", "by presence", "first checkpoint at which the track is alive", "presence"],
    ["emergence", "by strength", "from which checkpoint its strength stays above half of its peak", "strength"],
    ["direction_birth", "by direction", "from which checkpoint it points where it points at its peak", "direction"],
  ];

  ontogeny.views.formation = {
    name: "Formation",
    async draw(parts, query) {
      const report = ontogeny.report();
      const number = ontogeny.seriesOf(query.series);
      const series = report.series[number];
      const population = await ontogeny.load("population");
      const of = (rows) => ontogeny.objects(rows).filter((row) => row.series === number);
      const named = (rows) => ontogeny.objects(rows).filter((row) => row.series === series.name);
      const events = of(report.events);
      const active = d3.sum(events.filter((row) => row.event === "birth" && row.class !== "inactive"), (row) => row.tracks);
      const confidence = d3.sum(events.filter((row) => row.event === "birth" && row.confident !== null), (row) => row.tracks);
      const distributions = of(population.distributions);
      const quantiles = of(population.quantiles);
      const curves = named(population.curves);
      const phases = named(population.phases);
      return [
        h("h1", null, "When features formed, moved and died"),
        h(
          "p",
          { class: "lead" },
          `Counts over the ${f.whole(active)} tracks of this series that fire often enough to be called features. There is no one moment at which a feature is born: `,
          term("presence", "presence"),
          ", ",
          term("strength", "strength"),
          " and ",
          term("direction", "direction"),
          " give three answers, each true of something else.",
        ),
        ontogeny.controls(
          ontogeny.select("Series", ontogeny.seriesOptions(), number, (value) => ontogeny.go("formation", [], { series: report.series[value].name })),
          ontogeny.steps.choice(ontogeny.changeSteps),
        ),
        h("h2", null, "Births and deaths"),
        h("div", { class: "grid three" }, BIRTHS.map((birth) => birthsFigure(birth, events, series, active, confidence > 0))),
        h("div", { class: "grid" }, aliveFigure(of(report.alive), series, active, confidence > 0), ontogeny.classFigure(events, series), confidenceFigure(of(population.confidence), series)),
        h("h2", null, "Drift"),
        h(
          "div",
          { class: "grid" },
          heatFigure("cosine_previous", "From one checkpoint to the next", "cosine to previous", "Cosine between a track’s decoder at a checkpoint and at the one before; 1 means that it did not turn.", ["evolution", "trajectories", "cosine_previous"]),
          heatFigure("cosine_final", "Towards the final direction", "cosine to final", "Cosine between a track’s decoder at a checkpoint and at the last one.", ["evolution", "trajectories", "cosine_final"]),
          heatFigure("cosine_first", "Away from the first direction", "cosine to first", "Cosine between a track’s decoder at a checkpoint and at the first one.", ["evolution", "trajectories", "cosine_first"]),
          heatFigure("jaccard_previous", "The tokens it fires on", "Jaccard to previous", "Overlap of the sets of tokens that a track fires on at a checkpoint and at the one before: both, divided by either; from exact counts.", ["evolution", "trajectories", "jaccard_previous"]),
        ),
        formationFigures(),
        curves.length ? h("h2", null, "Population curves and their phases") : null,
        windows(phases),
        h(
          "div",
          { class: "grid" },
          ontogeny.curvesInOrder(curves).map(([curve, rows]) => curveFigure(curve, rows, phasesOf(phases, curve), series, active)),
        ),
        phases.length ? phaseTable(phases) : null,
      ];

      function heatFigure(measure, title, label, meaning, from) {
        const cells = distributions.filter((row) => row.measure === measure);
        if (!cells.length) {
          return null;
        }
        const minimum = measure === "jaccard_previous" ? 0 : -1;
        const lowest = d3.min(cells, (row) => minimum + (row.bin * (1 - minimum)) / 40);
        const rows = quantiles.filter((row) => row.measure === measure);
        return ontogeny.figure({
          id: measure.replace(/[^a-z_]+/g, "-"),
          title,
          caption: [`${meaning} Shade: share of tracks per bin, column by column (the fuller, the more); line: median, thin lines: the middle 80%. Over up to ${f.whole(d3.max(rows, (row) => row.tracks))} tracks. Source: `, source(...from), "."],
          rows: () => rows.map((row) => ({ series: series.name, measure, checkpoint: row.checkpoint, low: row.low, median: row.median, high: row.high, tracks: row.tracks })),
          draw: (width) =>
            ontogeny.heat(
              {
                label: title,
                y: { label },
                checkpoints: series.checkpoints,
                minimum,
                shownFrom: lowest >= -0.1 ? Math.min(0, lowest) : lowest >= -0.5 ? -0.5 : -1,
                bins: 40,
                cells: cells.map((row) => ({ step: row.checkpoint, bin: row.bin, tracks: row.tracks })),
                quantiles: rows.map((row) => ({ ...row, step: row.checkpoint })),
              },
              width,
            ),
        });
      }

      function formationFigures() {
        const similarities = [...new Set(distributions.map((row) => row.measure))].filter((name) => name.startsWith("formation:"));
        if (!similarities.length) {
          return null;
        }
        return [
          h("h2", null, "Formation progress"),
          h("p", { class: "lead" }, "How alike the tokens that a feature fires on most, at the end of training, already were at each checkpoint; the null is the same for random tokens."),
          h(
            "div",
            { class: "grid" },
            similarities.map((name) => {
              const similarity = name.slice("formation:".length);
              const none = quantiles.filter((row) => row.measure === "null:" + similarity);
              return heatFigure(
                name,
                similarity.replaceAll("_", " "),
                "similarity",
                `Mean similarity (${similarity}) of a track’s top tokens at the end of training${none.length ? `; the median of its null over checkpoints is ${f.number(d3.median(none, (row) => row.median))}` : ""}.`,
                ["evolution", "formation", "value", "null_value", "similarity"],
              );
            }),
          ),
        ];
      }
    },
  };

  ontogeny.seriesOf = (name) => Math.max(0, ontogeny.report().series.findIndex((series) => series.name === name));

  function counted(events, event, test) {
    return d3.rollup(
      events.filter((row) => row.event === event && row.checkpoint !== null && test(row)),
      (rows) => d3.sum(rows, (row) => row.tracks),
      (row) => row.checkpoint,
    );
  }

  function birthsFigure([event, title, meaning, key], events, series, active, judged) {
    const threshold = ontogeny.report().confident;
    return ontogeny.figure({
      id: "births-" + key,
      title: "Births " + title,
      caption: [
        h("span", null, "Up: tracks whose birth is at a checkpoint, that is ", term(key, meaning), judged ? `; in full colour: with confidence ≥ ${threshold}` : "", ". Down: tracks that are no longer alive from there on. "),
        `${ontogeny.rule(event)}Over ${f.whole(active)} tracks. Source: `,
        source("evolution", "events", event, "death", "confidence"),
        ".",
      ],
      rows: () => {
        const births = counted(events, event, () => true);
        const confident = counted(events, event, (row) => row.confident);
        const deaths = counted(events, "death", () => true);
        return series.checkpoints.map((checkpoint) => ({ series: series.name, checkpoint, [event]: births.get(checkpoint) || 0, confident: confident.get(checkpoint) || 0, death: deaths.get(checkpoint) || 0 }));
      },
      draw: (width) =>
        ontogeny.bars(
          {
            label: "Births " + title + " and deaths over training steps",
            y: { label: "tracks" },
            checkpoints: series.checkpoints,
            up: judged
              ? [
                  { name: "born, confident", colour: "c0", counts: counted(events, event, (row) => row.confident) },
                  { name: "born, others", colour: "c0", opacity: 0.35, counts: counted(events, event, (row) => !row.confident) },
                ]
              : [{ name: "born", colour: "c0", counts: counted(events, event, () => true) }],
            down: [{ name: "died", colour: "c1", counts: counted(events, "death", () => true) }],
            height: 270,
          },
          width,
        ),
    });
  }

  function aliveFigure(alive, series, active, judged) {
    const line = (name, colour, dash, column) => ({ name, colour, dash, points: alive.map((row) => ({ step: row.checkpoint, value: row[column] })) });
    return ontogeny.figure({
      id: "alive",
      title: "Tracks alive",
      caption: [`Tracks between their birth by presence and their death, of ${f.whole(active)}. ${ontogeny.rule("birth")}${judged ? `Confident: confidence ≥ ${ontogeny.report().confident}. ` : ""}Source: `, source("evolution", "events", "birth", "death"), "."],
      rows: () => alive.map((row) => ({ series: series.name, checkpoint: row.checkpoint, alive: row.tracks, confident: row.confident })),
      draw: (width) =>
        ontogeny.lines(
          {
            label: "Tracks alive over training steps",
            y: { label: "tracks", format: f.step },
            checkpoints: series.checkpoints,
            series: [line(judged ? "all" : "", "c0", 0, "tracks"), ...(judged ? [line("confident", "c2", 1, "confident")] : [])],
          },
          width,
        ),
    });
  }

  ontogeny.classColours = { persistent: "c0", "late-emerging": "c2", transitional: "c4", "early-decaying": "c1", mixed: "c3", inactive: "grey" };

  // How tracks of each class are born over checkpoints.
  ontogeny.classFigure = (events, series) => {
    const births = events.filter((row) => row.event === "emergence" && row.checkpoint !== null);
    const classes = Object.keys(ontogeny.classColours).filter((name) => births.some((row) => row.class === name));
    return ontogeny.figure({
      id: "classes",
      title: "What becomes of those born",
      caption: ["Births by strength, by the course that the tracks take afterwards (", h("a", { class: "term", href: "#/reference?term=classes" }, "classes"), `), over ${f.whole(d3.sum(births, (row) => row.tracks))} tracks. ${ontogeny.rule("emergence")}Source: `, source("evolution", "events", "emergence", "class"), "."],
      rows: () => births.map((row) => ({ series: series.name, checkpoint: row.checkpoint, class: row.class, confident: row.confident, tracks: row.tracks })),
      draw: (width) =>
        ontogeny.bars(
          {
            label: "Births by class",
            y: { label: "tracks" },
            checkpoints: series.checkpoints,
            up: classes.map((name) => ({ name, colour: ontogeny.classColours[name], counts: d3.rollup(births.filter((row) => row.class === name), (rows) => d3.sum(rows, (row) => row.tracks), (row) => row.checkpoint) })),
            height: 250,
          },
          width,
        ),
    });
  };

  function confidenceFigure(rows, series) {
    if (!rows.length) {
      return null;
    }
    const bins = d3.range(20).map((bin) => ({ from: bin / 20, to: (bin + 1) / 20, tracks: d3.sum(rows.filter((row) => row.bin === bin), (row) => row.tracks) }));
    return ontogeny.figure({
      id: "confidence",
      title: "How far the replicas agree",
      caption: [h("span", null, "Tracks by ", term("confidence", "confidence"), `, over the ${f.whole(d3.sum(rows, (row) => row.tracks))} tracks that have one; 0: no counterpart in another replica. Source: `), source("evolution", "events", "confidence"), "."],
      rows: () => bins.map((bin) => ({ series: series.name, ...bin })),
      draw: (width) => ontogeny.histogram({ label: "Histogram of confidence", counts: bins.map((bin) => bin.tracks), edges: [...bins.map((bin) => bin.from), 1], x: { label: "confidence" }, y: { label: "tracks" }, height: 250 }, width),
    });
  }

  // Quality first, then what moves; what is drawn above from the events is not drawn twice.
  ontogeny.curvesInOrder = (curves) => {
    const known = Object.keys(ontogeny.guide.curves);
    const place = (curve) => (known.includes(curve) ? known.indexOf(curve) : known.length);
    return d3
      .groups(curves, (row) => row.curve)
      .filter(([curve]) => !/^(births_|deaths$|alive$)/.test(curve))
      .sort(([a], [b]) => place(a) - place(b) || d3.ascending(a, b));
  };

  // The stretch of greatest change in one sentence, with what chance does.
  function windows(phases) {
    return phases
      .filter((phase) => phase.method !== "segmentation" && phase.curve === "reorganisation" && phase.start !== null)
      .map((phase) =>
        h(
          "p",
          { class: "lead" },
          `Features of this series change most between steps ${f.step(phase.start)} and ${f.step(phase.end)}`,
          phase.confidence === null || phase.confidence === undefined
            ? ". "
            : `: ${f.share(phase.confidence)} of series that were shifted in a circle score lower there, ${phase.confidence >= 0.95 ? "so that chance seldom does this." : "so that chance may well do this (95% would be worth telling)."} `,
          source("evolution", "phases", "start", "end", "confidence"),
        ),
      );
  }

  function curveFigure(curve, rows, phases, series, active) {
    const banded = rows.some((row) => row.low !== null);
    const guide = ontogeny.guide.curves[curve];
    return ontogeny.figure({
      id: "curve-" + curve.replace(/[^A-Za-z0-9_]+/g, "-"),
      title: guide ? guide.name : curve.replaceAll("_", " "),
      caption: [
        guide ? guide.text + " " : "",
        banded ? `Over ${f.whole(ontogeny.tokenCount())} tokens; band: 5th to 95th percentile of a bootstrap over documents. ` : `Over ${f.whole(active)} tracks; it follows from weights or exact counts, so that it has no band. `,
        phases.some((phase) => phase.method !== "segmentation") ? "Shaded: where change is greatest; its confidence is one minus the share of circularly shifted series that score as high. " : "",
        phases.some((phase) => phase.method === "segmentation") ? "Dotted rules: where the best fit by straight pieces bends, on this axis of steps. " : "",
        "Source: ",
        source("evolution", "curves", "value", "low", "high"),
        ` where curve = ${curve}`,
        phases.length ? [", ", source("evolution", "phases")] : "",
        ".",
      ],
      rows: () => rows.map((row) => ({ series: series.name, curve, checkpoint: row.checkpoint, value: row.value, low: row.low, high: row.high })),
      draw: (width) =>
        ontogeny.lines(
          {
            label: curve + " over training steps",
            y: { label: guide ? guide.unit || "" : curve.replaceAll("_", " ") },
            checkpoints: series.checkpoints,
            series: [{ name: "", colour: "c0", points: rows.map((row) => ({ step: row.checkpoint, value: row.value, low: row.low, high: row.high })) }],
            spans: phases.filter((phase) => phase.method !== "segmentation").map((phase) => ({ start: phase.start, end: phase.end, name: phase.confidence === null ? "" : "confidence " + f.number(phase.confidence) })),
            marks: breaks(phases).map((step) => ({ step, name: "break", colour: "grey", dash: "2 3" })),
          },
          width,
        ),
    });
  }

  // The window of reorganisation is found from several curves of change together; it is drawn on each.
  function phasesOf(phases, curve) {
    const changes = ontogeny.guide.curves[curve] && ontogeny.guide.curves[curve].change;
    return phases.filter((phase) => phase.start !== null && phase.end !== null && (phase.curve === curve || (changes && phase.curve === "reorganisation")));
  }

  function breaks(phases) {
    const axis = ontogeny.steps.mode === "linear" ? "step" : "log10(step+1)";
    const pieces = phases.filter((phase) => phase.method === "segmentation" && phase.axis === axis).sort((a, b) => a.start - b.start);
    return pieces.slice(1).map((phase) => phase.start);
  }

  function phaseTable(phases) {
    return [
      h("h3", null, "Phases"),
      h("p", { class: "note" }, "Method “window”: the stretch in which features change most; its confidence is one minus the share of circularly shifted series that score as high, its support the share of bootstrap replicates that agree. 0.95 or more is worth telling; less is what chance does. Method “segmentation”: straight pieces of a curve on each axis, with the weight of that number of pieces. Source: ", source("evolution", "phases"), "."),
      ontogeny.plainTable(phases.map(({ series, ...rest }) => Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, typeof value === "number" && !Number.isInteger(value) ? f.number(value) : value])))),
    ];
  }
})();
