"use strict";
// Two series side by side.
(() => {
  const { h, format: f, source } = ontogeny;

  ontogeny.views.compare = {
    name: "Compare",
    async draw(parts, query) {
      const report = ontogeny.report();
      const first = ontogeny.seriesOf(query.first);
      const second = query.second ? ontogeny.seriesOf(query.second) : Math.min(report.series.length - 1, first === 0 ? 1 : 0);
      const population = await ontogeny.load("population");
      const training = ontogeny.objects((await ontogeny.load("training")).log);
      const pair = first === second ? [first] : [first, second];
      const names = ontogeny.shortNames(pair.map((number) => report.series[number].name));
      const checkpoints = [...new Set(pair.flatMap((number) => report.series[number].checkpoints))].sort(d3.ascending);
      const go = (change) => ontogeny.go("compare", [], { first: report.series[first].name, second: report.series[second].name, ...change });
      const curves = ontogeny.objects(population.curves);
      const events = ontogeny.objects(report.events);
      const shared = ontogeny.curvesInOrder(curves).map(([curve]) => curve).filter((curve) => pair.every((number) => curves.some((row) => row.curve === curve && row.series === report.series[number].name)));
      return [
        h("h1", null, "Side by side"),
        h("p", { class: "lead" }, "Replicas differ only by their random seed: where their curves part, the difference is not about the network. Series of other widths or sites tell what depends on the dictionary."),
        ontogeny.controls(
          ontogeny.select("First", ontogeny.seriesOptions(), first, (value) => go({ first: report.series[value].name })),
          ontogeny.select("Second", ontogeny.seriesOptions(), second, (value) => go({ second: report.series[value].name })),
          ontogeny.steps.choice(ontogeny.changeSteps),
        ),
        h("h2", null, "Births and lives"),
        h(
          "div",
          { class: "grid" },
          comparison("births", "Births by strength", "tracks", ["evolution", "events", "emergence"], "Tracks born at each checkpoint, by the last rise over half of their peak. " + ontogeny.rule("emergence"), pair.map((number) => {
            const counts = d3.rollup(events.filter((row) => row.series === number && row.event === "emergence" && row.checkpoint !== null), (rows) => d3.sum(rows, (row) => row.tracks), (row) => row.checkpoint);
            return report.series[number].checkpoints.map((step) => ({ step, value: counts.get(step) || 0 }));
          })),
          comparison("alive", "Tracks alive", "tracks", ["evolution", "events", "birth", "death"], "Tracks between birth by presence and death. " + ontogeny.rule("birth"), pair.map((number) => ontogeny.objects(report.alive).filter((row) => row.series === number).map((row) => ({ step: row.checkpoint, value: row.tracks })))),
          shared.map((curve) => {
            const guide = ontogeny.guide.curves[curve];
            return comparison("curve-" + curve, guide ? guide.name : curve.replaceAll("_", " "), guide ? guide.unit : curve.replaceAll("_", " "), ["evolution", "curves", "value", "low", "high"], (guide ? guide.text + " " : "") + (curves.some((row) => row.curve === curve && row.low !== null) ? "Bands: 5th to 95th percentile of a bootstrap over documents." : ""), pair.map((number) => curves.filter((row) => row.curve === curve && row.series === report.series[number].name).map((row) => ({ step: row.checkpoint, value: row.value, low: row.low, high: row.high }))));
          }),
        ),
        agreement(first, second),
        h("h2", null, "How the dictionaries were trained"),
        h("p", { class: "note" }, "What they miss against what they use: ", h("a", { href: ontogeny.address("pareto") }, "the trade-off"), "."),
        h("div", { class: "grid" }, trainingFigure(training)),
      ];

      function comparison(id, title, label, from, caption, lines) {
        return ontogeny.figure({
          id: "compare-" + id.replace(/[^A-Za-z0-9_]+/g, "-"),
          title,
          caption: [caption, ` Over ${f.whole(ontogeny.tokenCount())} tokens and the ${pair.map((number) => f.whole(report.series[number].tracks)).join(" and ")} tracks of the series. Source: `, source(...from), "."],
          rows: () => lines.flatMap((points, i) => points.map((point) => ({ series: report.series[pair[i]].name, checkpoint: point.step, value: point.value, low: point.low, high: point.high }))),
          draw: (width) => ontogeny.lines({ label: title, y: { label }, checkpoints, series: lines.map((points, i) => ({ name: names[i], colour: ["c0", "c1"][i], dash: i, points })) }, width),
        });
      }
    },
  };

  // How many tracks of one series have a counterpart in the other is told where the two are replicas.
  function agreement(first, second) {
    const report = ontogeny.report();
    const family = (number) => report.series[number].name.replace(/-r\d+$/, "");
    if (first === second || family(first) !== family(second)) {
      return null;
    }
    const judged = ontogeny.objects(report.events).filter((row) => row.event === "birth" && row.confident !== null && row.class !== "inactive" && (row.series === first || row.series === second));
    const classes = Object.keys(ontogeny.classColours).filter((name) => judged.some((row) => row.class === name));
    const rows = classes.flatMap((name) =>
      [first, second].map((number) => {
        const own = judged.filter((row) => row.series === number && row.class === name);
        const tracks = d3.sum(own, (row) => row.tracks);
        const confirmed = d3.sum(own.filter((row) => row.confident), (row) => row.tracks);
        return { class: name, series: report.series[number].name, tracks: f.whole(tracks), confirmed: f.whole(confirmed), share: tracks ? f.share(confirmed / tracks) : "–" };
      }),
    );
    return judged.length
      ? [
          h("h2", null, "What both replicas find"),
          h("p", { class: "note" }, `Tracks with a confidence of at least ${report.confident}, by class. The list of features can be filtered by it. Source: `, source("evolution", "events", "class", "confidence"), ", ", source("evolution", "counterparts"), "."),
          ontogeny.plainTable(rows),
        ]
      : null;
  }

  function trainingFigure(training) {
    const dictionaries = d3.groups(training, (row) => row.dictionary);
    if (!dictionaries.length) {
      return null;
    }
    return ontogeny.figure({
      id: "training",
      title: "How the dictionaries were trained",
      caption: [`Variance unexplained on the batches of training, for ${f.whole(dictionaries.length)} dictionaries; a chain starts each dictionary from the one before, so that only its first curve begins high. Source: `, source("dictionaries", "training_log", "tokens", "fvu"), "."],
      rows: () => training,
      draw: (width) => {
        const height = 320;
        const svg = ontogeny.canvas(width, height, "Training curves");
        const x = d3.scaleLinear().domain([0, d3.max(training, (row) => row.tokens) || 1]).range([56, width - 20]);
        const y = d3.scaleLinear().domain([0, Math.min(1.2, d3.max(training, (row) => row.fvu) || 1)]).nice(5).range([height - 42, 30]);
        const axis = svg.append("g").attr("class", "axis");
        for (const value of y.ticks(5)) {
          axis.append("line").attr("class", "grid").attr("x1", 56).attr("x2", width - 20).attr("y1", y(value)).attr("y2", y(value));
          axis.append("text").attr("x", 50).attr("y", y(value)).attr("dy", "0.32em").attr("text-anchor", "end").text(f.number(value));
        }
        for (const value of x.ticks(5)) {
          axis.append("text").attr("x", x(value)).attr("y", height - 25).attr("text-anchor", "middle").text(d3.format("~s")(value));
        }
        axis.append("text").attr("class", "label").attr("x", 2).attr("y", 18).text("FVU");
        axis.append("text").attr("class", "label").attr("x", width - 20).attr("y", height - 9).attr("text-anchor", "end").text("tokens of training");
        dictionaries.forEach(([name, rows]) => {
          svg
            .append("path")
            .attr("class", "line-c0 thin")
            .attr("stroke-opacity", Math.max(0.15, Math.min(0.8, 6 / dictionaries.length)))
            .attr("d", d3.line().x((row) => x(row.tokens)).y((row) => y(Math.min(1.2, row.fvu)))(rows.filter((row) => row.fvu !== null)))
            .append("title")
            .text(name);
        });
        return svg.node();
      },
    });
  }
})();
