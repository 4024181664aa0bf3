"use strict";
// The flow of features between checkpoints.
(() => {
  const { h, format: f, source } = ontogeny;

  ontogeny.views.lineage = {
    name: "Lineage",
    async draw(parts, query) {
      const report = ontogeny.report();
      const number = ontogeny.seriesOf(query.series);
      const series = report.series[number];
      const data = await ontogeny.load("lineage");
      const flow = ontogeny.objects(data.flow).filter((row) => row.series === number);
      const listed = ontogeny.objects(data.splits_and_merges).filter((row) => row.series === number);
      return [
        h("h1", null, "Where features come from and go to"),
        h("p", { class: "lead" }, "Features of neighbouring checkpoints are matched by the directions that they read and write, whatever their numbers are. A feature continues, splits into several, merges with others, appears without a match before it, or has no match after it."),
        ontogeny.controls(ontogeny.select("Series", ontogeny.seriesOptions(), number, (value) => ontogeny.go("lineage", [], { series: report.series[value].name }))),
        h("h2", null, "Tracks: who lives on"),
        flowFigure({
          id: "lives",
          title: "The flow of tracks",
          parts: livesOf(ontogeny.objects(report.events).filter((row) => row.series === number), ontogeny.objects(report.alive).filter((row) => row.series === number), series),
          caption: [`Columns: tracks alive at a checkpoint, of ${f.whole(series.tracks)}. Grey: alive at both; green wedges: born, by presence; orange wedges: dead from the next checkpoint on. Heights are numbers of tracks. ${ontogeny.rule("birth")}Source: `, source("evolution", "events", "birth", "death"), "."],
          series,
        }),
        h("h2", null, "Directions: which feature continues which"),
        flow.length
          ? flowFigure({
              id: "flow",
              title: "The flow of features",
              parts: matchesOf(flow, series),
              caption: [`Columns: features that take part at a checkpoint, over ${f.whole(d3.sum(flow, (row) => row.relations))} relations in all. Ribbons: features that continue (grey), come out of a split (blue) or go into a merge (purple); green wedges: features without a match before; orange wedges: without a match after. Heights are numbers of features, whether they are alive or not. ${ontogeny.threshold("matching", "minimum_score") === null ? "Thresholds of matching are the settings of evolve. " : `A match scores at least ${ontogeny.threshold("matching", "minimum_score")}, a mean of the cosines of decoders and encoders. `}Source: `, source("evolution", "lineage", "kind", "feature_from", "feature_to"), "."],
              series,
            })
          : h("p", { class: "none" }, "The evolution has no lineage of this series."),
        flow.length ? turnover(flow, series) : null,
        h("h2", null, "Splits and merges"),
        listed.length ? h("p", { class: "note" }, `The ${f.whole(listed.length)} of the highest decoder cosine. Source: `, source("evolution", "lineage"), ".") : null,
        splits(listed, number),
      ];
    },
  };

  function counts(flow, from, kind) {
    const row = flow.find((each) => each.checkpoint_from === from && each.kind === kind);
    return row || { relations: 0, sources: 0, targets: 0 };
  }

  const NONE = { sources: 0, targets: 0 };

  // What happens to tracks between neighbouring checkpoints: every track is born once and dies at most once.
  function livesOf(events, alive, series) {
    const of = (event) => d3.rollup(events.filter((row) => row.event === event && row.checkpoint !== null), (rows) => d3.sum(rows, (row) => row.tracks), (row) => row.checkpoint);
    const births = of("birth");
    const deaths = of("death");
    const living = new Map(alive.map((row) => [row.checkpoint, row.tracks]));
    return series.checkpoints.slice(0, -1).map((from, i) => {
      const to = series.checkpoints[i + 1];
      const dies = deaths.get(to) || 0;
      return { from, to, continues: (living.get(from) || 0) - dies, born: births.get(to) || 0, dies, split: NONE, merge: NONE };
    });
  }

  // What matching says of the features of neighbouring checkpoints.
  function matchesOf(flow, series) {
    return series.checkpoints.slice(0, -1).map((from, i) => ({
      from,
      to: series.checkpoints[i + 1],
      continues: counts(flow, from, "continues").relations,
      born: counts(flow, from, "born").relations,
      dies: counts(flow, from, "dies").relations,
      split: counts(flow, from, "splits"),
      merge: counts(flow, from, "merges"),
    }));
  }

  // Columns are checkpoints, as high as there are features; ribbons between them are those that live on.
  function flowFigure({ id, title, caption, parts, series }) {
    const steps = series.checkpoints;
    const matched = parts.some((part) => part.split.sources + part.merge.sources > 0);
    return ontogeny.figure({
      id,
      wide: true,
      title,
      caption,
      rows: () =>
        parts.map((part) => ({
          series: series.name,
          checkpoint_from: part.from,
          checkpoint_to: part.to,
          continue: part.continues,
          appear: part.born,
          disappear: part.dies,
          split_from: part.split.sources,
          split_into: part.split.targets,
          merge_from: part.merge.sources,
          merge_into: part.merge.targets,
        })),
      draw: (width) => {
        const height = 320;
        const left = 20;
        const right = width - 20;
        const svg = ontogeny.canvas(width, height, "Flow of features between checkpoints");
        const items = [["continue", "grey", 0.45], ...(matched ? [["split", "c0", 0.6], ["merge", "c3", 0.6]] : []), ["appear", "c2", 0.7], ["disappear", "c1", 0.7]];
        const top = ontogeny.chartLegend(svg, items.map(([name, colour, opacity]) => ({ name, colour, opacity, box: true })), 4, right, 12) + 16;
        const bottom = height - 44;
        const x = d3.scalePoint().domain(steps).range([left, right - 10]).padding(0.1);
        const outgoing = (part) => part.continues + part.split.sources + part.merge.sources + part.dies;
        const incoming = (part) => part.continues + part.split.targets + part.merge.targets + part.born;
        const highest = d3.max(parts, (part) => Math.max(outgoing(part), incoming(part))) || 1;
        const y = d3.scaleLinear().domain([0, highest]).range([bottom, top]);
        const node = 10;
        const ribbon = (x0, a0, a1, x1, b0, b1) => {
          const middle = (x0 + x1) / 2;
          return `M${x0},${y(a0)}C${middle},${y(a0)} ${middle},${y(b0)} ${x1},${y(b0)}L${x1},${y(b1)}C${middle},${y(b1)} ${middle},${y(a1)} ${x0},${y(a1)}Z`;
        };
        parts.forEach((part, i) => {
          const x0 = x(part.from) + node / 2;
          const x1 = x(steps[i + 1]) - node / 2;
          let a = 0;
          let b = 0;
          const add = (className, opacity, out, into, name) => {
            if (out || into) {
              svg.append("path").attr("class", "fill-" + className).attr("fill-opacity", opacity).attr("d", ribbon(x0, a, a + out, x1, b, b + into)).append("title").text(`${name}, step ${f.step(part.from)} to ${f.step(steps[i + 1])}: ${out === into ? f.whole(out) : `${f.whole(out)} become ${f.whole(into)}`}`);
              a += out;
              b += into;
            }
          };
          add("grey", 0.45, part.continues, part.continues, "continue");
          add("c0", 0.6, part.split.sources, part.split.targets, "split");
          add("c3", 0.6, part.merge.sources, part.merge.targets, "merge");
          const reach = (x1 - x0) * 0.38;
          if (part.dies) {
            svg.append("path").attr("class", "fill-c1").attr("fill-opacity", 0.7).attr("d", `M${x0},${y(a)}L${x0},${y(a + part.dies)}L${x0 + reach},${y(a + part.dies)}Z`).append("title").text(`${f.whole(part.dies)} disappear after step ${f.step(part.from)}`);
          }
          if (part.born) {
            svg.append("path").attr("class", "fill-c2").attr("fill-opacity", 0.7).attr("d", `M${x1},${y(b)}L${x1},${y(b + part.born)}L${x1 - reach},${y(b + part.born)}Z`).append("title").text(`${f.whole(part.born)} appear at step ${f.step(steps[i + 1])}`);
          }
        });
        steps.forEach((step, i) => {
          const total = Math.max(i < parts.length ? outgoing(parts[i]) : 0, i > 0 ? incoming(parts[i - 1]) : 0);
          svg.append("rect").attr("class", "fill-ink").attr("fill-opacity", 0.8).attr("x", x(step) - node / 2).attr("width", node).attr("y", y(total)).attr("height", y(0) - y(total)).append("title").text(`step ${f.step(step)}: ${f.whole(total)} features`);
          svg.append("text").attr("x", x(step)).attr("y", y(total) - 5).attr("text-anchor", "middle").style("font-size", "10.5px").text(f.whole(total));
          svg.append("text").attr("x", x(step)).attr("y", bottom + 17).attr("text-anchor", "middle").style("font-size", "11px").text(f.step(step));
        });
        svg.append("g").attr("class", "axis").append("text").attr("class", "label").attr("x", right).attr("y", bottom + 35).attr("text-anchor", "end").text("training step (one place per checkpoint)");
        return svg.node();
      },
    });
  }

  function turnover(flow, series) {
    return flow.some((row) => row.kind !== "continues")
      ? h("div", { class: "grid" }, turnoverFigure(flow, series))
      : h("p", { class: "none" }, "Every feature continues from each checkpoint to the next: none appears, splits, merges or disappears by its direction.");
  }

  function turnoverFigure(flow, series) {
    const steps = series.checkpoints.slice(1);
    const of = (kind) => new Map(flow.filter((row) => row.kind === kind).map((row) => [row.checkpoint_to, row.relations]));
    return ontogeny.figure({
      id: "turnover",
      wide: true,
      title: "Turnover between neighbouring checkpoints",
      caption: [`At each checkpoint, matches with the one before, over ${f.whole(d3.sum(flow, (row) => row.relations))} relations. Source: `, source("evolution", "lineage", "kind"), "."],
      rows: () => steps.map((checkpoint) => ({ series: series.name, checkpoint, ...Object.fromEntries(["continues", "splits", "merges", "born", "dies"].map((kind) => [kind, of(kind).get(checkpoint) || 0])) })),
      draw: (width) =>
        ontogeny.bars(
          {
            label: "Turnover of features",
            y: { label: "features" },
            checkpoints: steps,
            up: [{ name: "appear", colour: "c2", counts: of("born") }, { name: "splits", colour: "c0", counts: of("splits") }],
            down: [{ name: "disappear", colour: "c1", counts: of("dies") }, { name: "merges", colour: "c3", counts: of("merges") }],
          },
          width,
        ),
    });
  }

  function splits(rows, number) {
    if (!rows.length) {
      return h("p", { class: "none" }, "No feature splits or merges in this series.");
    }
    const link = (track, feature) => (track === null || track === undefined ? `feature ${feature}` : h("a", { href: ontogeny.trackAddress(number, track) }, `track ${track}`));
    return h(
      "div",
      { class: "scroll" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ["Kind", "From step", "To step", "From", "To", "Decoder cosine", "Encoder cosine", "Confidence"].map((name, i) => h("th", { scope: "col", class: i > 4 ? "number" : null }, name)))),
        h(
          "tbody",
          null,
          rows.map((row) =>
            h(
              "tr",
              null,
              h("td", null, row.kind),
              h("td", null, f.step(row.checkpoint_from)),
              h("td", null, f.step(row.checkpoint_to)),
              h("td", null, link(row.track_from, row.feature_from)),
              h("td", null, link(row.track_to, row.feature_to)),
              [row.decoder_cosine, row.encoder_cosine, row.confidence].map((value) => h("td", { class: "number" }, f.number(value))),
            ),
          ),
        ),
      ),
    );
  }
})();
