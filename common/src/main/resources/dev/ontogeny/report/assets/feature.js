"use strict";
// One track: its course, what it fires on before and after its birth, what it came from.
(() => {
  const { h, format: f, source, tokens } = ontogeny;
  const EVENTS = [
    ["birth", "present", "c2", ""],
    ["emergence", "strong", "c2", "6 3"],
    ["direction_birth", "directed", "c2", "2 3"],
    ["peak", "peak", "c3", ""],
    ["death", "dead", "c1", ""],
  ];

  ontogeny.views.feature = {
    async draw([name, text], query) {
      const report = ontogeny.report();
      const number = report.series.findIndex((series) => series.name === name);
      const track = Number(text);
      if (number < 0 || !Number.isInteger(track)) {
        return missing(name, text);
      }
      const series = report.series[number];
      const tables = await ontogeny.track(number, track);
      if (!tables || !tables.index.length) {
        return missing(name, text);
      }
      for (const name of ["examples", "histograms", "formation", "lineage", "readings", "counterparts"]) {
        tables[name] = tables[name] || [];
      }
      const counterparts = await counterpartsOf(tables);
      const entry = tables.index[0];
      const home = entry.checkpoint;
      const steps = series.checkpoints;
      const shown = {
        before: steps.includes(Number(query.before)) && query.before ? Number(query.before) : usualBefore(entry, steps, tables),
        after: steps.includes(Number(query.after)) && query.after ? Number(query.after) : home,
      };
      const go = (change) => ontogeny.go("feature", [name, text], { before: shown.before, after: shown.after, ...change }, true);
      return [
        h(
          "div",
          { class: "controls" },
          neighbour(number, track - 1, series, "‹ previous", "["),
          neighbour(number, track + 1, series, "next ›", "]"),
          h("a", { href: ontogeny.address("features", [], { series: name }) }, "all tracks of the series"),
        ),
        h("h1", null, `Track ${track} `, ontogeny.chip(entry.class)),
        tokens.any(entry.tokens || [])
          ? h("p", null, entry.tokens.map((token) => tokens.element(token, { class: "token chipped" })))
          : h("p", { class: "note" }, entry.tokens ? "The capture has no tokens to show: rows are told by document and position." : "It has no examples at its peak."),
        h(
          "ul",
          { class: "facts" },
          fact("Series", name),
          fact("At its peak", `feature ${entry.feature} of ${(tables.trajectories.find((row) => row.checkpoint === home) || {}).dictionary}`),
          fact("Fires on", `${f.share(entry.firing_rate)} of tokens`),
          fact("Confidence", entry.confidence === null ? "none (no second replica)" : f.number(entry.confidence)),
          entry.label === null ? null : fact("Best label", h("span", null, tokens.element(entry.label.replace(/^label_/, "")), " = ", tokens.element(entry.label_value), ` with F1 ${f.number(entry.label_f1)}`)),
        ),
        h(
          "ul",
          { class: "facts" },
          EVENTS.map(([event, title]) => fact(title[0].toUpperCase() + title.slice(1), entry[event] === null ? (event === "death" ? "– (alive at the end)" : "–") : "step " + f.step(entry[event]))),
        ),
        ontogeny.controls(ontogeny.steps.choice(ontogeny.changeSteps)),
        h("h2", null, "Its course"),
        h("div", { class: "grid" }, courseFigures(entry, tables, steps, track, series, counterparts)),
        readings(entry, tables, steps),
        h("h2", null, "What it fires on, before and after"),
        h("p", { class: "lead" }, "Tokens are shaded by activation, on one scale for both columns; the token of the example is framed. Spaces are drawn as ·, line breaks as ⏎. Pick two checkpoints to compare."),
        h(
          "div",
          { class: "pair" },
          examplesAt("Earlier", shown.before, (step) => go({ before: step }), entry, tables, steps, strongest(tables)),
          examplesAt("Later", shown.after, (step) => go({ after: step }), entry, tables, steps, strongest(tables)),
        ),
        h("h2", null, `Activations and labels at step ${f.step(shown.after)}`),
        h("div", { class: "grid" }, histogramFigure(entry, tables, shown.after), labelTable(tables, shown.after)),
        h("h2", null, "Replicas that confirm it"),
        replicas(number, entry, counterparts),
        h("h2", null, "Relatives"),
        relatives(number, entry, tables, steps, series, shown.after),
      ];
    },
  };

  function missing(name, text) {
    return [h("h1", null, "No such track"), h("p", { class: "error" }, "This report has no track ", h("code", null, String(text)), " of a series ", h("code", null, String(name)), ". ", h("a", { href: "#/features" }, "All tracks"))];
  }

  function neighbour(number, track, series, text, key) {
    const there = track >= 0 && track < series.tracks;
    return there ? h("a", { href: ontogeny.trackAddress(number, track), "data-key": key, title: "key " + key }, text) : h("span", { class: "note" }, text);
  }

  const fact = (label, value) => h("li", null, h("span", { class: "label" }, label), h("b", null, value));

  // The last checkpoint before the birth by strength; the first one if it was born with the network.
  function usualBefore(entry, steps, tables) {
    const until = entry.emergence === null ? entry.birth : entry.emergence;
    const earlier = steps.filter((step) => step < until);
    const read = new Set(tables.examples.map((row) => row.checkpoint));
    const known = earlier.filter((step) => read.has(step));
    return known.length ? known[known.length - 1] : earlier.length ? earlier[earlier.length - 1] : steps[0];
  }

  const shortName = (name) => {
    const names = ontogeny.report().series.map((series) => series.name);
    return ontogeny.shortNames(names)[names.indexOf(name)] || name;
  };

  const strongest = (tables) => d3.max(tables.examples, (row) => row.value) || 1;

  function courseFigures(entry, tables, steps, track, series, counterparts) {
    const rows = tables.trajectories;
    const twins = counterparts.filter((row) => row.tables);
    const over = `, over ${f.whole(ontogeny.tokenCount())} tokens`;
    const marks = EVENTS.filter(([event]) => entry[event] !== null).map(([event, name, colour, dash]) => ({ step: entry[event], name: event, short: name, colour, dash }));
    const course = (series, track, rows, columns) => rows.map((row) => Object.fromEntries([["series", series], ["track", track], ["checkpoint", row.checkpoint], ...columns.map(([column]) => [column, row[column]])]));
    const figure = (id, title, label, columns, caption, format, domain, others = []) =>
      ontogeny.figure({
        id: "course-" + id,
        title,
        caption: [caption, others.length ? " Dashed: its counterparts in other replicas." : "", " Rules: the track’s events. Source: ", source("evolution", "trajectories", ...columns.map(([column]) => column)), ", ", source("evolution", "events"), ` where series = ${series.name}, track = ${track}.`],
        rows: () => [...course(series.name, track, rows, columns), ...others.flatMap((twin) => course(twin.other_series, twin.other_track, twin.tables.trajectories, columns))],
        draw: (width) =>
          ontogeny.lines(
            {
              label: title,
              y: { label, format, domain },
              checkpoints: steps,
              series: [
                ...columns.map(([column, name], i) => ({ name: name || (others.length ? "this track" : ""), colour: "c" + [0, 4, 3][i], dash: i, points: rows.map((row) => ({ step: row.checkpoint, value: row[column] })) })),
                ...others.map((twin) => ({ name: `track ${twin.other_track} of ${shortName(twin.other_series)}`, colour: "grey", dash: 1, points: twin.tables.trajectories.map((row) => ({ step: row.checkpoint, value: row[columns[0][0]] })) })),
              ],
              marks,
            },
            width,
          ),
      });
    const has = (column) => rows.some((row) => row[column] !== null && row[column] !== undefined);
    const cosines = [["cosine_previous", "to previous"], ["cosine_final", "to final"], ["cosine_first", "to first"]].filter(([column]) => has(column));
    const formation = d3.groups(tables.formation, (row) => row.similarity);
    return [
      figure("strength", "Strength", "strength", [["strength", ""]], "What it contributes on average: firing rate × mean activation where it fires × length of its decoder, in the dictionary’s units" + over + ".", null, null, twins),
      figure("rate", "Firing rate", "share of tokens", [["firing_rate", ""]], "Share of all tokens on which it is not zero" + over + ".", f.share),
      cosines.length ? figure("direction", "Direction", "cosine", cosines, "Cosine between its decoder at a checkpoint and at the previous, the last and the first one.", f.number, [Math.min(0, d3.min(rows, (row) => d3.min(cosines, ([column]) => row[column]))), 1]) : null,
      has("jaccard_previous") ? figure("overlap", "Overlap of firing", "Jaccard", [["jaccard_previous", ""]], "Tokens on which it fires at both of two neighbouring checkpoints, divided by those on which it fires at either" + over + ".", f.number, [0, 1]) : null,
      formation.length
        ? ontogeny.figure({
            id: "course-formation",
            title: "Formation",
            caption: ["How alike the tokens on which it fires most at the end were at each checkpoint, less the same for random tokens (null). Source: ", source("evolution", "formation", "value", "null_value"), "."],
            rows: () => tables.formation.map((row) => ({ series: series.name, track, ...row })),
            draw: (width) =>
              ontogeny.lines(
                {
                  label: "Formation progress",
                  y: { label: "similarity less null" },
                  checkpoints: steps,
                  series: formation.map(([name, group], i) => ({
                    name: name.replaceAll("_", " "),
                    colour: "c" + ((i * 2) % 6),
                    dash: i % 4,
                    points: group.map((row) => ({ step: row.checkpoint, value: row.value === null ? null : row.value - (row.null_value || 0) })),
                  })),
                  legend: true,
                  marks: marks.filter((mark) => mark.name === "emergence"),
                },
                width,
              ),
          })
        : null,
    ];
  }

  function examplesAt(title, step, choose, entry, tables, steps, scale) {
    const here = tables.examples.filter((row) => row.checkpoint === step);
    const statistics = tables.features.find((row) => row.checkpoint === step);
    const top = here.filter((row) => row.kind === "top");
    const quantile = here.filter((row) => row.kind !== "top");
    const known = new Set(tables.examples.map((row) => row.checkpoint));
    return h(
      "section",
      null,
      h("h3", null, `${title}: step ${f.step(step)}`),
      h(
        "div",
        { class: "timeline", role: "group", "aria-label": title + ": checkpoint" },
        steps.map((each) =>
          h(
            "button",
            {
              type: "button",
              class: each === entry.emergence ? "born" : null,
              title: each === entry.emergence ? "born here, by strength" : known.has(each) ? null : "no examples: it fires on nothing here",
              "aria-pressed": String(each === step),
              onclick: () => choose(each),
            },
            f.step(each),
          ),
        ),
      ),
      statistics
        ? h("p", { class: "note" }, `Fires on ${f.whole(statistics.count)} tokens (${f.share(statistics.firing_rate)}), mean ${f.number(statistics.mean)}, highest ${f.number(statistics.maximum)}. `, source("features", "features"))
        : null,
      top.length ? list(top, scale) : h("p", { class: "none" }, "It fires on nothing at this checkpoint, or too weakly for an example."),
      quantile.length ? h("details", null, h("summary", null, `${quantile.length} examples from all strengths`), list(quantile, scale)) : null,
      here.length ? h("p", { class: "note" }, "Source: ", source("features", "examples", "context_tokens", "context_values"), ".") : null,
    );
  }

  function list(examples, scale) {
    return h(
      "ol",
      { class: "examples" },
      examples.map((row) =>
        h(
          "li",
          null,
          h("div", { class: "value" }, f.number(row.value), h("div", { class: "where" }, row.kind === "top" ? "" : "quantile")),
          h(
            "div",
            null,
            tokens.context(row.context_tokens || [row.token], row.context_values || [row.value], scale, row.context_tokens ? row.position - row.context_start : 0),
            where(row),
          ),
        ),
      ),
    );
  }

  function where(row) {
    return h("div", { class: "where" }, "document ", tokens.element(String(row.document)), `, position ${row.position}`);
  }

  // What the feature reads on the same tokens at every checkpoint.
  function readings(entry, tables, steps) {
    const sentences = (tables.readings || []).length
      ? tables.readings.map((row) => ({ ...row, course: new Map(row.checkpoints.map((step, i) => [step, row.values[i]])) }))
      : sharedExamples(tables);
    if (!sentences.length) {
      return h("p", { class: "note" }, "No sentence is known to be read at more than one checkpoint.");
    }
    const complete = (tables.readings || []).length > 0;
    const scale = d3.max(sentences, (row) => d3.max(row.course.values())) || 1;
    return [
      h("h2", null, "The same sentence at every checkpoint"),
      h(
        "p",
        { class: "lead" },
        complete
          ? "Its strongest examples at its peak, and what the feature is on the framed token at every checkpoint, encoded anew by the dictionary of that checkpoint: 0 where it does not fire, empty where the track has no feature. The fuller the shade, the more, on one scale. Source: "
          : "Sentences that are among its strongest examples at several checkpoints, with its value on the framed token. Empty: not among the examples there, which does not say that it does not fire. Source: ",
        complete ? source("evolution", "readings", "value") : source("features", "examples", "document", "position"),
        ".",
      ),
      h(
        "div",
        { class: "sentences" },
        sentences.map((row) =>
          h(
            "div",
            { class: "sentence" },
            tokens.context(row.context_tokens || [row.token], [], 1, row.context_tokens ? row.position - row.context_start : 0) || where(row),
            h(
              "div",
              { class: "strip", role: "list" },
              steps.map((step) => {
                const value = row.course.get(step);
                const known = value !== undefined && value !== null;
                const cell = h(
                  "span",
                  { role: "listitem", class: step === entry.emergence ? "cell born" : "cell", title: `step ${f.step(step)}: ${known ? f.number(value) : "not known"}` },
                  h("small", null, f.step(step)),
                  known ? f.brief(value) : " ",
                );
                cell.style.setProperty("--shade", known ? Math.round(75 * Math.max(0, Math.min(1, value / scale))) + "%" : "0%");
                return cell;
              }),
            ),
          ),
        ),
      ),
      h("p", { class: "note" }, "A green edge marks the birth by strength."),
    ];
  }

  function sharedExamples(tables) {
    return d3
      .groups(tables.examples.filter((row) => row.kind === "top"), (row) => row.document + " " + row.position)
      .map(([, rows]) => ({ ...rows[rows.length - 1], course: new Map(rows.map((row) => [row.checkpoint, row.value])) }))
      .filter((row) => row.course.size > 1)
      .sort((a, b) => b.course.size - a.course.size)
      .slice(0, 4);
  }

  function histogramFigure(entry, tables, step) {
    const row = tables.histograms.find((each) => each.checkpoint === step);
    if (!row || !row.count || !d3.sum(row.count)) {
      return h("p", { class: "none" }, "It fires on nothing at this checkpoint.");
    }
    const first = row.count.findIndex((count) => count > 0);
    const last = d3.max(row.count.map((count, i) => (count > 0 ? i : 0)));
    const counts = row.count.slice(first, last + 1);
    const lower = row.lower.slice(first, last + 1);
    // The first bin may begin at 0, and the last has no end of its own.
    const edges = [...lower, row.lower[last + 1] || 2 * row.lower[last] - (row.lower[last - 1] || 0)];
    edges[0] = edges[0] || edges[1] / 2;
    return ontogeny.figure({
      id: "activations",
      title: "How strongly it fires",
      caption: [`Tokens by activation at step ${f.step(step)}, over the ${f.whole(d3.sum(counts))} tokens on which it fires. Bins grow with the activation and the axis is logarithmic: the height is tokens per doubling, the area tokens. Source: `, source("features", "histograms", "lower", "count"), "."],
      rows: () => counts.map((count, i) => ({ dictionary: row.dictionary, checkpoint: step, feature: row.feature, lower: lower[i], count })),
      draw: (width) => ontogeny.histogram({ label: "Histogram of activations", counts, edges, logarithmic: true, x: { label: "activation (logarithmic)" }, y: { label: "tokens per doubling" } }, width),
    });
  }

  function labelTable(tables, step) {
    const rows = (tables.labels || []).filter((row) => row.checkpoint === step);
    const common = (tables.top_tokens || []).filter((row) => row.checkpoint === step);
    return h(
      "div",
      null,
      common.length
        ? [
            h("h3", null, "Tokens it fires on most often"),
            h("p", null, common.map((row) => [tokens.element(row.token, { class: "token chipped" }), h("span", { class: "note" }, f.whole(row.count) + "  ")])),
            h("p", { class: "note" }, "With how often. Source: ", source("features", "top_tokens"), "."),
          ]
        : null,
      h("h3", null, "Labels it goes with"),
      rows.length
        ? h(
            "table",
            null,
            h("thead", null, h("tr", null, ["Label", "Value", "Precision", "Recall", "F1"].map((name, i) => h("th", { scope: "col", class: i > 1 ? "number" : null }, name)))),
            h("tbody", null, rows.map((row) => h("tr", null, h("td", null, tokens.element(row.label)), h("td", null, tokens.element(row.value)), [row.precision, row.recall, row.f1].map((value) => h("td", { class: "number" }, f.number(value)))))),
          )
        : h("p", { class: "none" }, "The data has no labels, or none goes with it."),
      h("p", { class: "note" }, "Precision: of the tokens on which it fires, the share with this label. Recall: of the tokens with this label, the share on which it fires. Source: ", source("features", "labels"), "."),
    );
  }

  function relatives(number, entry, tables, steps, series, step) {
    const own = tables.features.find((row) => row.checkpoint === step);
    const link = (track, text) => (track === null || track === undefined ? text : h("a", { href: ontogeny.trackAddress(number, track) }, `track ${track}`));
    return [
      h(
        "ul",
        { class: "facts" },
        own && own.nearest_feature !== null ? h("li", null, h("span", { class: "label" }, "Nearest other feature"), link(own.nearest_track, `feature ${own.nearest_feature}`), ` (cosine ${f.number(own.nearest_cosine)}, step ${f.step(step)})`) : null,
      ),
      tables.lineage.length ? lineageFigure(number, entry, tables, steps, series) : h("p", { class: "none" }, "No relation to another feature was found."),
    ];
  }

  // Its counterparts in other replicas, with their own tables: the nearest by whole trajectory, from both sides.
  async function counterpartsOf(tables) {
    const report = ontogeny.report();
    return Promise.all(
      tables.counterparts.map(async (row) => {
        const series = report.series.findIndex((each) => each.name === row.other_series);
        return { ...row, other: series, tables: series < 0 ? null : await ontogeny.track(series, row.other_track) };
      }),
    );
  }

  function replicas(number, entry, counterparts) {
    const report = ontogeny.report();
    if (entry.confidence === null) {
      return h("p", { class: "none" }, "There is no other replica, so nothing confirms it.");
    }
    if (!counterparts.length) {
      return h("p", null, "No track of another replica is its counterpart: nothing confirms it.");
    }
    return [
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          null,
          h("thead", null, h("tr", null, ["Replica", "Track", "Cosine", "Class", "Present from", "Strong from", "Strongest tokens"].map((name, i) => h("th", { scope: "col", class: i === 2 || i === 4 || i === 5 ? "number" : null }, name)))),
          h(
            "tbody",
            null,
            counterparts.map((row) => {
              const its = row.tables && row.tables.index[0];
              return h(
                "tr",
                null,
                h("td", null, row.other_series),
                h("td", null, row.other < 0 ? `track ${row.other_track}` : h("a", { href: ontogeny.trackAddress(row.other, row.other_track) }, `track ${row.other_track}`)),
                h("td", { class: "number" }, f.number(row.cosine)),
                h("td", null, its ? ontogeny.chip(its.class) : "–"),
                h("td", { class: "number" }, its ? f.step(its.birth) : "–"),
                h("td", { class: "number" }, its ? f.step(its.emergence) : "–"),
                h("td", null, its && tokens.any(its.tokens || []) ? its.tokens.map((token) => tokens.element(token, { class: "token chipped" })) : "–"),
              );
            }),
          ),
        ),
      ),
      h(
        "p",
        { class: "note" },
        `Counterparts are each other’s nearest by the cosine of their directions over all checkpoints, weighted by strength; from ${report.confident} on a track counts as confirmed. Source: `,
        source("evolution", "counterparts", "other_track", "cosine"),
        ".",
      ),
    ];
  }

  function lineageFigure(number, entry, tables, steps, series) {
    const track = entry.track;
    const rows = tables.lineage;
    return ontogeny.figure({
      id: "lineage-of-track",
      wide: true,
      title: "What it came from and what came of it",
      caption: [
        "Matches between neighbouring checkpoints by the directions of decoders and encoders. Each line of dots is a track; the uppermost is this one. Grey: continues; blue: splits; purple: merges; ring: no match before; cross: no match after. Thicker is a higher cosine. Source: ",
        source("evolution", "lineage"),
        ".",
      ],
      rows: () => rows.map((row) => ({ series: series.name, checkpoint_from: row.checkpoint_from, checkpoint_to: row.checkpoint_to, kind: row.kind, feature_from: row.feature_from, feature_to: row.feature_to, track_from: row.track_from, track_to: row.track_to, decoder_cosine: row.decoder_cosine, encoder_cosine: row.encoder_cosine, confidence: row.confidence })),
      draw: (width) => {
        const others = [...new Set(rows.flatMap((row) => [row.track_from, row.track_to]))].filter((each) => each !== null && each !== undefined && each !== track).slice(0, 9);
        const lanes = new Map([[track, 0], ...others.map((each, i) => [each, i + 1])]);
        const top = 26;
        const lane = 30;
        const left = 92;
        const height = top + lane * lanes.size + 40;
        const svg = ontogeny.canvas(width, height, "Lineage of track " + track);
        const x = d3.scalePoint().domain(steps).range([left, width - 30]);
        const y = (each) => top + lanes.get(each) * lane;
        const colours = { continues: "grey", splits: "c0", merges: "c3" };
        for (const row of rows) {
          if (lanes.has(row.track_from) && lanes.has(row.track_to) && colours[row.kind]) {
            const x0 = x(row.checkpoint_from);
            const x1 = x(row.checkpoint_to);
            const y0 = y(row.track_from);
            const y1 = y(row.track_to);
            const middle = (x0 + x1) / 2;
            svg
              .append("path")
              .attr("class", "line-" + colours[row.kind])
              .attr("d", `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}`)
              .attr("style", null)
              .style("stroke-width", Math.max(1, 5 * (row.decoder_cosine || 0) - 1))
              .append("title")
              .text(`${row.kind}, cosine ${f.number(row.decoder_cosine)}`);
          }
        }
        const seen = new Set();
        for (const row of rows) {
          for (const [each, step] of [[row.track_from, row.checkpoint_from], [row.track_to, row.checkpoint_to]]) {
            if (lanes.has(each) && x(step) !== undefined && !seen.has(each + " " + step)) {
              seen.add(each + " " + step);
              svg.append("circle").attr("class", each === track ? "fill-ink" : "fill-grey").attr("cx", x(step)).attr("cy", y(each)).attr("r", each === track ? 4 : 3);
            }
          }
          if (row.kind === "born" && lanes.has(row.track_to)) {
            svg.append("circle").attr("class", "line-c2").attr("cx", x(row.checkpoint_to)).attr("cy", y(row.track_to)).attr("r", 8).append("title").text("no match before");
          }
          if (row.kind === "dies" && lanes.has(row.track_from)) {
            const at = [x(row.checkpoint_from), y(row.track_from)];
            svg.append("path").attr("class", "line-c1").attr("d", `M${at[0] - 7},${at[1] - 7}l14,14m0,-14l-14,14`).append("title").text("no match after");
          }
        }
        for (const each of lanes.keys()) {
          const label = svg.append("a").attr("href", ontogeny.trackAddress(number, each));
          label.append("text").attr("x", 4).attr("y", y(each)).attr("dy", "0.32em").text("track " + each);
        }
        const axis = svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height - 26})`);
        const every = Math.ceil((steps.length * 46) / (width - left));
        steps.forEach((step, i) => {
          if (i % every === 0) {
            axis.append("text").attr("x", x(step)).attr("text-anchor", "middle").attr("y", 4).text(f.step(step));
          }
        });
        axis.append("text").attr("class", "label").attr("x", width - 16).attr("y", 20).attr("text-anchor", "end").text("training step (one place per checkpoint)");
        return svg.node();
      },
    });
  }
})();
