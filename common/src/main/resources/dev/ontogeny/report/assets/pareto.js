"use strict";
// Any quality of the dictionaries against how many features they use: what a sweep is read by.
(() => {
  const { h, format: f, source } = ontogeny;

  // `better`: 1 where more is, -1 where less is, 0 where what is nearer to one is.
  const FIGURES = {
    fvu: { name: "Variance unexplained", label: "FVU", table: "dictionaries", better: -1 },
    cosine: { name: "Direction of the reconstruction", label: "cosine", table: "dictionaries", better: 1 },
    norm_ratio: { name: "Length of the reconstruction", label: "ratio", table: "dictionaries", better: 0 },
    dead_share: { name: "Dead features", label: "share", table: "dictionaries", better: -1 },
    mse: { name: "Squared error", label: "captured units²", table: "quality", better: -1 },
    explained_variance_legacy: { name: "Explained, mean over tokens", label: "share", table: "quality", better: 1 },
    explained_variance: { name: "SAEBench’s explained variance", label: "no share", table: "quality", better: 1 },
    relative_reconstruction_bias: { name: "Reconstruction bias", label: "ratio", table: "quality", better: 0 },
  };
  const BETTER = { 1: "upper left is better", "-1": "lower left is better", 0: "nearer to 1 and further left is better" };

  ontogeny.views.pareto = {
    name: "Trade-off",
    async draw(parts, query) {
      const report = ontogeny.report();
      const dictionaries = new Map(ontogeny.objects(report.dictionaries).map((row) => [row.dictionary, row]));
      const key = (row) => [row.dictionary, row.site, row.checkpoint, row.split].join(" ");
      const further = new Map((report.figures ? ontogeny.objects(report.figures) : []).map((row) => [key(row), row]));
      const all = ontogeny.objects(report.quality).map((row) => {
        const { type, width, k } = dictionaries.get(row.dictionary) || {};
        return { ...further.get(key(row)), ...row, type, width, k };
      });
      const split = all.some((row) => row.split === "held_out") ? "held_out" : "train";
      const judged = all.filter((row) => row.split === split);
      const sites = [...new Set(judged.map((row) => row.site))];
      const site = sites.includes(query.site) ? query.site : sites[0];
      const here = judged.filter((row) => row.site === site);
      const columns = Object.keys(FIGURES).filter((column) => here.some((row) => isNumber(row[column])));
      const column = columns.includes(query.figure) ? query.figure : columns[0];
      const steps = [...new Set(here.map((row) => row.checkpoint))].sort(d3.ascending);
      const step = steps.some((each) => String(each) === query.step) ? Number(query.step) : null;
      const rows = here.filter((row) => (step === null || row.checkpoint === step) && isNumber(row.l0) && isNumber(row[column]));
      const kinds = new Set(rows.map(kind));
      const go = (change) => ontogeny.go("pareto", [], { figure: column, site, ...(step === null ? {} : { step }), ...change });
      return [
        h("h1", null, "Quality against active features"),
        h("p", { class: "lead" }, "A dictionary that uses more features misses less: only dictionaries of one checkpoint and about as many active features (L0) compete. The line joins those kinds that no other beats in both."),
        ontogeny.controls(
          ontogeny.select("Figure", columns.map((each) => [each, FIGURES[each].name]), column, (value) => go({ figure: value })),
          sites.length > 1 ? ontogeny.select("Site", sites.map((each) => [each, each]), site, (value) => go({ site: value })) : null,
          steps.length > 1 ? ontogeny.select("Checkpoint", [["", "all"], ...steps.map((each) => [each, "step " + f.step(each)])], step === null ? "" : step, (value) => go({ step: value })) : null,
        ),
        kinds.size < 2
          ? h("p", { class: "none" }, "All dictionaries here are of one type, width and k, so there is no trade-off to draw. Train a sweep (several entries in the setting dictionaries) to see one.")
          : figure(rows, column, site, split),
        h("h2", null, "Every dictionary"),
        h("p", { class: "note" }, `Over ${split === "held_out" ? "held-out" : "training"} rows. Source: `, source("features", "dictionaries"), further.size ? [", ", source("features", "quality")] : "", "."),
        ontogeny.plainTable(rows.map((row) => ({ dictionary: row.dictionary, checkpoint: row.checkpoint, type: row.type, width: row.width, L0: f.number(row.l0), ...Object.fromEntries(columns.map((each) => [each, isNumber(row[each]) ? f.number(row[each]) : ""])) })), 2000),
      ];
    },
  };

  function isNumber(value) {
    return value !== null && value !== undefined && Number.isFinite(value);
  }

  function kind(row) {
    return [row.type, row.width, row.k].join(" ");
  }

  // The kinds (mean over replicas) of a checkpoint that none of fewer active features is as good as.
  ontogeny.paretoFront = (rows, column) => {
    const { better } = FIGURES[column];
    const worth = (point) => (better ? better * point.y : -Math.abs(point.y - 1));
    const means = d3
      .groups(rows, kind)
      .map(([, same]) => ({ x: d3.mean(same, (row) => row.l0), y: d3.mean(same, (row) => row[column]) }))
      .sort((a, b) => a.x - b.x || worth(b) - worth(a));
    let best = -Infinity;
    return means.filter((point) => worth(point) > best && ((best = worth(point)), true));
  };

  function figure(rows, column, site, split) {
    const { name, label, table, better } = FIGURES[column];
    const types = [...new Set(rows.map((row) => row.type))].sort(d3.ascending);
    const widths = [...new Set(rows.map((row) => row.width))].sort(d3.ascending);
    const steps = [...new Set(rows.map((row) => row.checkpoint))].sort(d3.ascending);
    const opacity = (step) => (steps.length < 2 ? 0.9 : 0.25 + (0.7 * steps.indexOf(step)) / (steps.length - 1));
    const tokens = [...new Set(rows.map((row) => row.rows))].map(f.whole).join(" and ");
    return ontogeny.figure({
      id: "pareto",
      wide: true,
      title: `${name} against active features`,
      caption: [
        `One point per dictionary and checkpoint at ${site}, over ${tokens} ${split === "held_out" ? "held-out" : "training"} rows; ${BETTER[better]}. Colours are types, shapes widths${widths.length > 1 ? " (" + widths.map(f.whole).join(", ") + ")" : ""}; later checkpoints are more opaque. Grey: the kinds (type, width, k; mean over replicas) of a checkpoint that no other with fewer active features reaches. Source: `,
        source("features", table, column),
        ", ",
        source("features", "dictionaries", "l0", "rows"),
        ".",
      ],
      rows: () => rows.map((row) => ({ dictionary: row.dictionary, site: row.site, checkpoint: row.checkpoint, split: row.split, type: row.type, width: row.width, k: row.k, l0: row.l0, [column]: row[column] })),
      draw: (width) =>
        ontogeny.scatter(
          {
            label: `${name} against L0`,
            x: { label: "L0: active features per token" },
            y: { label },
            legend: types.map((type, i) => ({ name: type, colour: "c" + (i % 6) })),
            fronts: steps.map((step) => ({ name: "step " + f.step(step), opacity: opacity(step), points: ontogeny.paretoFront(rows.filter((row) => row.checkpoint === step), column) })),
            points: rows.map((row) => ({
              x: row.l0,
              y: row[column],
              name: `${row.dictionary}, step ${f.step(row.checkpoint)}: ${label} ${f.number(row[column])}, L0 ${f.number(row.l0)}`,
              colour: "c" + (types.indexOf(row.type) % 6),
              shape: widths.indexOf(row.width) % 7,
              opacity: opacity(row.checkpoint),
            })),
          },
          width,
        ),
    });
  }
})();
