"use strict";
// How many dimensions the vectors of each site fill, and how alike they are, over checkpoints.
(() => {
  const { h, format: f, term, source } = ontogeny;

  Object.assign(ontogeny.guide.terms, {
    effective_rank: { name: "Effective rank", text: "How many dimensions vectors fill: e to the entropy of the shares of variance along their principal axes. 1: they lie on a line; the number of dimensions: they vary alike in all." },
    anisotropy: { name: "Anisotropy", text: "The mean cosine between the vectors of two tokens, over all pairs. 0: they point everywhere; 1: all point the same way." },
    geometry_band: { name: "Band of a statistic of vectors", text: "90 %: how far the value would move with other documents, by a jackknife that leaves out one of 64 groups of documents at a time. It tells no bias: the effective rank of few documents for the number of dimensions is too low." },
  });

  const STATISTICS = {
    effective_rank: { title: "Effective rank", unit: "dimensions", text: "e to the entropy of the shares of variance along the principal axes; from 1 to the width of the site" },
    participation_ratio: { title: "Participation ratio", unit: "dimensions", text: "(Σλ)² / Σλ² of the variances λ along the principal axes: as the effective rank, but small variances count for less" },
    top_share: { title: "Variance along the first axis", unit: "share", format: f.share, text: "the share of the variance that the greatest principal axis has" },
    anisotropy: { title: "Anisotropy", unit: "cosine", text: "the mean cosine between the vectors of two tokens, over all pairs" },
  };

  ontogeny.views.geometry = {
    name: "Geometry",
    async draw() {
      const rows = ontogeny.objects((await ontogeny.load("geometry"))["features/geometry"]);
      const sites = [...new Set(rows.map((row) => row.site))];
      return [
        h("h1", null, "The vectors themselves"),
        h("p", { class: "lead" }, "Before any dictionary: how many dimensions the network’s vectors fill at each checkpoint (", term("effective_rank", "effective rank"), "), and how alike they are (", term("anisotropy", "anisotropy"), ")."),
        ontogeny.controls(ontogeny.steps.choice(ontogeny.changeSteps)),
        h("div", { class: "grid" }, Object.keys(STATISTICS).map((name) => figure(name, rows.filter((row) => row.statistic === name), sites))),
        h("h2", null, "Every value"),
        h("p", { class: "note" }, "One row per site, checkpoint and statistic. Source: ", source("features", "geometry"), "."),
        ontogeny.plainTable(rows.map((row) => ({ site: row.site, checkpoint: row.checkpoint, statistic: row.statistic, value: f.number(row.value), lower: f.number(row.lower), upper: f.number(row.upper), rows: f.whole(row.rows) })), 2000),
      ];
    },
  };

  function figure(name, rows, sites) {
    const { title, unit, text, format } = STATISTICS[name];
    const names = ontogeny.shortNames(sites);
    return ontogeny.figure({
      id: "geometry-" + name,
      title,
      caption: [`For each site and checkpoint: ${text}. Over up to ${f.whole(d3.max(rows, (row) => row.rows))} tokens. Shade: `, term("geometry_band", "90 % band"), " over documents. Source: ", source("features", "geometry", "value", "lower", "upper", "rows"), ` where statistic = ${name}.`],
      rows: () => rows.map((row) => ({ site: row.site, checkpoint: row.checkpoint, statistic: name, value: row.value, lower: row.lower, upper: row.upper, rows: row.rows })),
      draw: (width) =>
        ontogeny.lines(
          {
            label: title + " over training steps",
            y: { label: unit, format },
            checkpoints: [...new Set(rows.map((row) => row.checkpoint))].sort(d3.ascending),
            series: sites.map((site, i) => ({
              name: names[i],
              colour: "c" + (i % 6),
              dash: Math.floor(i / 6) % 4,
              points: rows.filter((row) => row.site === site).map((row) => ({ step: row.checkpoint, value: row.value, low: row.lower, high: row.upper })),
            })),
            legend: true,
          },
          width,
        ),
    });
  }
})();
