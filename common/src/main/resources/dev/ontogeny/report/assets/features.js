"use strict";
// All tracks of a series: sort, search, filter, open.
(() => {
  const { h, format: f, source } = ontogeny;

  ontogeny.views.features = {
    name: "Features",
    async draw(parts, query) {
      const report = ontogeny.report();
      const number = ontogeny.seriesOf(query.series);
      const series = report.series[number];
      const columns = report.columns.index;
      const at = Object.fromEntries(columns.map((column, i) => [column, i]));
      const all = await ontogeny.index(number);
      // A capture may lack labels, or tokens.
      const labelled = all.some((row) => row[at.label] !== null);
      const worded = all.some((row) => (row[at.tokens] || []).some((token) => token !== null));
      const classes = Object.keys(ontogeny.classColours).filter((name) => all.some((row) => row[at.class] === name));
      const filter = {
        q: query.q || "",
        classes: query.class ? query.class.split(",") : classes.filter((name) => name !== "inactive"),
        born: query.born || "",
        confidence: query.confidence || "",
        rate: query.rate || "",
        sort: columns.includes(query.sort) ? query.sort : "confidence",
        descending: query.sort ? query.order !== "ascending" : true,
      };
      const holder = h("div");
      const count = h("p", { class: "note", role: "status" });
      let found = [];

      function apply() {
        // Spaces are drawn as ·, and can be searched for as such.
        const words = filter.q.trim().toLowerCase().replaceAll("·", " ");
        const least = filter.confidence === "" ? null : Number(filter.confidence);
        const rate = filter.rate === "" ? null : Number(filter.rate) / 100;
        const born = filter.born === "" ? null : Number(filter.born);
        const wanted = new Set(filter.classes);
        found = all.filter(
          (row) =>
            wanted.has(row[at.class]) &&
            (least === null || (row[at.confidence] !== null && row[at.confidence] >= least)) &&
            (rate === null || (row[at.firing_rate] !== null && row[at.firing_rate] >= rate)) &&
            (born === null || row[at.emergence] === born) &&
            (words === "" || matches(row, words)),
        );
        const column = at[filter.sort];
        const sign = filter.descending ? -1 : 1;
        const key = (value) => (Array.isArray(value) ? value.join("") : value);
        found.sort((a, b) => {
          const x = key(a[column]);
          const y = key(b[column]);
          // What is not known stands last, whichever way the rest is sorted.
          if (x === null || y === null) {
            return (x === null) - (y === null) || a[at.track] - b[at.track];
          }
          return (x < y ? -1 : x > y ? 1 : 0) * sign || a[at.track] - b[at.track];
        });
        count.textContent = `${f.whole(found.length)} of ${f.whole(all.length)} tracks`;
        holder.replaceChildren(grid());
        history.replaceState(null, "", ontogeny.address("features", [], state()));
      }

      // Search looks at the tokens of the eight strongest examples, of which four are shown.
      function matches(row, words) {
        return (
          String(row[at.track]) === words ||
          (row[at.tokens] || []).some((token) => token !== null && token.toLowerCase().includes(words)) ||
          [row[at.label], row[at.label_value], row[at.class]].some((text) => text !== null && text.toLowerCase().includes(words))
        );
      }

      function state() {
        const usual = classes.filter((name) => name !== "inactive").join(",") === filter.classes.join(",");
        return {
          series: number ? series.name : "",
          q: filter.q,
          class: usual ? "" : filter.classes.join(","),
          born: filter.born,
          confidence: filter.confidence,
          rate: filter.rate,
          sort: filter.sort === "confidence" && filter.descending ? "" : filter.sort,
          order: filter.descending ? "" : "ascending",
        };
      }

      function grid() {
        const step = (name) => (row) => f.step(row[at[name]]);
        const number3 = (name) => (row) => f.number(row[at[name]]);
        return ontogeny.grid({
          label: "Tracks",
          sort: { key: filter.sort, descending: filter.descending },
          sorted(key, descending) {
            filter.sort = key;
            filter.descending = descending;
            apply();
            holder.querySelector(".track-grid").focus();
          },
          rows: found,
          open: (row) => ontogeny.trackAddress(number, row[at.track]),
          columns: [
            { key: "track", name: "Track", width: "52px", number: true, cell: (row) => String(row[at.track]) },
            { key: "strength", name: "Strength", descending: true, title: "Strength at every checkpoint, relative to the greatest; sorts by the strength at the peak", width: "92px", cell: (row) => ontogeny.sparkline(row[at.shape]) },
            { key: "class", name: "Class", width: "122px", cell: (row) => ontogeny.chip(row[at.class]) },
            { key: "birth", name: "Present", title: "Birth by presence", width: "64px", number: true, cell: step("birth") },
            { key: "emergence", name: "Strong", title: "Birth by strength", width: "58px", number: true, cell: step("emergence") },
            { key: "direction_birth", name: "Directed", title: "Birth by direction", width: "72px", number: true, cell: step("direction_birth") },
            { key: "peak", name: "Peak", width: "54px", number: true, cell: step("peak") },
            { key: "death", name: "Dead", title: "First checkpoint at which it is no longer alive", width: "54px", number: true, cell: step("death") },
            { key: "confidence", name: "Conf.", title: "Share of replication, 0 to 1", width: "58px", number: true, cell: number3("confidence") },
            { key: "firing_rate", name: "Rate", title: "Share of tokens on which it fires, at its peak", width: "54px", number: true, cell: (row) => f.share(row[at.firing_rate]) },
            ...(labelled ? [{ key: "label_f1", name: "Label", descending: true, title: "The label that it tells best, with its F1 before it, at its peak", width: "minmax(150px, 1.2fr)", cell: (row) => (row[at.label] === null ? "" : [h("span", { class: "note" }, f.number(row[at.label_f1]) + " "), ontogeny.tokens.plain(row[at.label].replace(/^label_/, "")), " = ", ontogeny.tokens.plain(row[at.label_value])]) }] : []),
            ...(worded ? [{ key: "tokens", name: "Strongest tokens", width: "minmax(170px, 1.4fr)", cell: (row) => (row[at.tokens] || []).slice(0, 4).map((token) => ontogeny.tokens.element(token, { class: "token chipped", title: ontogeny.tokens.plain(token) })) }] : []),
            ...(labelled && worded ? [] : [{ key: "", name: "", width: "1fr", cell: () => "" }]),
          ],
        }).element;
      }

      const search = h("input", {
        type: "search",
        value: filter.q,
        placeholder: "token, label, class or number ( / )",
        "aria-label": "Search tracks",
        size: 34,
        oninput: (event) => {
          filter.q = event.target.value;
          apply();
        },
        onkeydown: (event) => {
          if (event.key === "ArrowDown" || event.key === "Enter") {
            event.preventDefault();
            holder.querySelector(".track-grid").focus();
          }
        },
      });
      search.dataset.search = "";
      const bounded = (label, name, options) =>
        ontogeny.select(label, options, filter[name], (value) => {
          filter[name] = value;
          apply();
        });
      const body = [
        h("h1", null, "Features"),
        h(
          "p",
          { class: "lead" },
          "One row per track. Steps are those of its ",
          h("a", { class: "term", href: "#/reference?term=presence" }, "three births"),
          `, its peak and its death. ${["Rate", labelled && "label", worded && "tokens"].filter(Boolean).join(", ").replace(/, (?=[^,]*$)/, " and ")} ${labelled || worded ? "are those" : "is that"} at its peak. Source: `,
          [source("evolution", "events"), source("evolution", "trajectories"), worded && source("features", "examples"), labelled && source("features", "labels")].filter(Boolean).map((each, i) => (i ? [", ", each] : each)),
          ".",
        ),
        all.length && !(labelled && worded)
          ? h("p", { class: "note" }, `${labelled ? "" : "No label tells these tracks apart: the capture has none, or they are no classes. "}${worded ? "" : "The capture has no tokens to show."}`)
          : null,
        ontogeny.controls(
          ontogeny.select("Series", ontogeny.seriesOptions(), number, (value) => ontogeny.go("features", [], { series: report.series[value].name })),
          search,
          bounded("Strong from", "born", [["", "any step"], ...series.checkpoints.map((step) => [step, "step " + f.step(step)])]),
          bounded("Confidence", "confidence", [["", "any"], ["0.25", "≥ 0.25"], ["0.5", "≥ 0.5"], ["0.75", "≥ 0.75"], ["0.9", "≥ 0.9"]]),
          bounded("Fires on", "rate", [["", "any share"], ["0.01", "≥ 0.01%"], ["0.1", "≥ 0.1%"], ["1", "≥ 1%"], ["10", "≥ 10%"]]),
          h(
            "fieldset",
            { class: "checks" },
            h("legend", { class: "hidden" }, "Class"),
            h("span", { class: "label", "aria-hidden": "true" }, "Class"),
            classes.map((name) =>
              h("button", {
                type: "button",
                "aria-pressed": String(filter.classes.includes(name)),
                onclick: (event) => {
                  filter.classes = classes.filter((each) => filter.classes.includes(each) !== (each === name));
                  event.target.setAttribute("aria-pressed", String(filter.classes.includes(name)));
                  apply();
                },
              }, name),
            ),
          ),
          h("button", { type: "button", title: "Save the rows that are listed", onclick: () => ontogeny.save("ontogeny-features.csv", "text/csv", ontogeny.csv(csvRows())) }, "Save as CSV"),
        ),
        count,
        holder,
        h("p", { class: "note keys" }, "Keys: / search, ↑ ↓ PgUp PgDn Home End move, Enter opens."),
      ];

      function csvRows() {
        return found.map((row) => Object.fromEntries([["series", series.name], ...columns.filter((column) => column !== "shape").map((column) => [column, row[at[column]]])]));
      }

      ontogeny.views.features.csvRows = csvRows;
      apply();
      return body;
    },
  };
})();
