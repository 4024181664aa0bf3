"use strict";
// How much of the loss hangs on each site over checkpoints, over all tokens and by label.
(() => {
  const { h, format: f, term, source } = ontogeny;
  const VALUES = 12; // that a figure shows

  Object.assign(ontogeny.guide.terms, {
    loss_effect: { name: "Effect on the loss", text: "By how much the network’s loss would rise, to first order and in the mean over tokens, if a site’s vector were replaced by its mean over all tokens: −gradient · (vector − mean), with captured gradients. Below 0: the loss would fall. The loss is the one that the capture took gradients of; how far the first order holds is not told." },
    effect_band: { name: "Band of an effect", text: "90 %: how far the effect would move with other documents, by a jackknife that leaves out one of 64 groups of documents at a time." },
  });

  ontogeny.views.effects = {
    name: "Effects",
    async draw(parts, query) {
      const rows = ontogeny.objects((await ontogeny.load("effects"))["features/loss_effects"]);
      const sites = [...new Set(rows.map((row) => row.site))];
      const site = sites.includes(query.site) ? query.site : sites[0];
      const all = rows.filter((row) => row.label === null);
      const labels = [...new Set(rows.map((row) => row.label))].filter((label) => label !== null);
      return [
        h("h1", null, "What the loss hangs on"),
        h("p", { class: "lead" }, "From the captured gradients, before any dictionary: by how much the network’s loss would rise if a site’s vectors were replaced by their mean (", term("loss_effect", "effect on the loss"), ")."),
        ontogeny.controls(
          labels.length && sites.length > 1 ? ontogeny.select("Site", sites.map((name) => [name, name]), site, (value) => ontogeny.go("effects", [], { site: value })) : null,
          ontogeny.steps.choice(ontogeny.changeSteps),
        ),
        h(
          "div",
          { class: "grid" },
          figure("all", "Effect on the loss", "units of the loss", "effect", "For each site and checkpoint, over all tokens", all, sites, (row) => row.site, ontogeny.shortNames(sites)),
          figure("gradients", "Gradients", "mean length", "gradient_norm", "The mean length of the gradients at each site and checkpoint", all, sites, (row) => row.site, ontogeny.shortNames(sites)),
          labels.map((label) => ofLabel(label, site, rows)),
        ),
        h("h2", null, "Every value"),
        h("p", { class: "note" }, "One row per site, checkpoint and value of a label; rows without a label are over all tokens. Source: ", source("features", "loss_effects"), "."),
        ontogeny.plainTable(rows.map((row) => ({ site: row.site, checkpoint: row.checkpoint, label: row.label ?? "", value: row.value ?? "", effect: f.number(row.effect), lower: f.number(row.lower), upper: f.number(row.upper), "gradient norm": f.number(row.gradient_norm), rows: f.whole(row.rows) })), 2000),
      ];
    },
  };

  // The values that most tokens have.
  function ofLabel(label, site, rows) {
    const here = rows.filter((row) => row.label === label && row.site === site);
    const tokens = d3.rollup(here, (each) => d3.max(each, (row) => row.rows), (row) => row.value);
    const values = [...tokens.keys()].sort((a, b) => tokens.get(b) - tokens.get(a) || d3.ascending(a, b));
    const shown = values.slice(0, VALUES);
    const more = values.length > shown.length ? `, the ${VALUES} most frequent of ${f.whole(values.length)}` : "";
    return figure("label-" + label.replace(/[^A-Za-z0-9_]+/g, "-"), "Effect by " + label, "units of the loss", "effect", `At ${site}, over the tokens of each value of ${label}${more}; the mean that replaces vectors is that over all tokens`, here.filter((row) => shown.includes(row.value)), shown, (row) => row.value, shown);
  }

  function figure(id, title, unit, column, text, rows, keys, keyOf, names) {
    const bands = column === "effect";
    return ontogeny.figure({
      id: "effects-" + id,
      title,
      caption: [`${text}. Over up to ${f.whole(d3.max(rows, (row) => row.rows))} tokens. `, bands ? ["Shade: ", term("effect_band", "90 % band"), " over documents. "] : "", "Source: ", source("features", "loss_effects", column, ...(bands ? ["lower", "upper"] : []), "rows"), "."],
      rows: () => rows.map((row) => ({ site: row.site, checkpoint: row.checkpoint, label: row.label, value: row.value, [column]: row[column], ...(bands ? { lower: row.lower, upper: row.upper } : {}), rows: row.rows })),
      draw: (width) =>
        ontogeny.lines(
          {
            label: title + " over training steps",
            y: { label: unit },
            checkpoints: [...new Set(rows.map((row) => row.checkpoint))].sort(d3.ascending),
            series: keys.map((key, i) => ({
              name: names[i],
              colour: "c" + (i % 6),
              dash: Math.floor(i / 6) % 4,
              points: rows.filter((row) => keyOf(row) === key).map((row) => ({ step: row.checkpoint, value: row[column], ...(bands ? { low: row.lower, high: row.upper } : {}) })),
            })),
            legend: true,
          },
          width,
        ),
    });
  }
})();
