"use strict";
// The words of the field, the tables behind the figures and how to read them elsewhere.
(() => {
  const { h, format: f } = ontogeny;

  ontogeny.views.reference = {
    name: "Terms and tables",
    async draw(parts, query) {
      const report = ontogeny.report();
      const catalogue = ontogeny.objects(report.catalogue);
      const marked = (wanted) => (wanted ? "target" : null);
      return [
        h("h1", null, "Terms and tables"),
        h("h2", null, "Terms"),
        h("dl", { class: "terms" }, Object.entries(ontogeny.guide.terms).map(([key, term]) => [h("dt", { id: "term-" + key, class: marked(query.term === key) }, term.name), h("dd", null, term.text)])),
        h("h3", { id: "term-classes", class: marked(query.term === "classes") }, "Classes of tracks"),
        h("dl", { class: "terms" }, Object.entries(ontogeny.guide.classes).map(([name, text]) => [h("dt", null, ontogeny.chip(name)), h("dd", null, text)])),
        h("h2", null, "Tables"),
        h("p", { class: "lead" }, "Every figure is drawn from Parquet tables that lie in the published folders. Only files that a folder’s _manifest.json names belong to it. With DuckDB:"),
        h("pre", null, `select * from read_parquet('${catalogue.length ? "evolution/" + (catalogue.find((row) => row.table === "events") || catalogue[0]).example : "evolution/events.parquet"}')\nwhere class = 'late-emerging'\norder by confidence desc;`),
        catalogue.map((row) => {
          const key = row.folder + "/" + row.table;
          const table = report.tables[key];
          return h(
            "section",
            { id: "table-" + key, class: marked(query.table === key) },
            h("h3", null, h("code", null, key)),
            h("p", null, table ? `${table.description} A row is ${table.row}. ` : "", h("span", { class: "note" }, `${f.whole(row.rows)} rows, ${f.bytes(row.bytes)} in ${f.whole(row.files)} ${row.files === 1 ? "file" : "files"}, for instance `), h("code", null, row.example)),
            table ? h("details", { open: query.table === key }, h("summary", null, "Columns"), h("dl", { class: "terms" }, table.columns.map((column) => [h("dt", null, h("code", null, column.name), " ", h("span", { class: "note" }, [column.type, column.unit].filter(Boolean).join(", "))), h("dd", null, column.description + (column.absent ? ` (null ${column.absent})` : ""))]))) : null,
          );
        }),
      ];
    },
    shown(query) {
      const target = query.table ? document.getElementById("table-" + query.table) : query.term ? document.getElementById("term-" + query.term) : null;
      if (target) {
        target.scrollIntoView({ block: "center" });
      }
    },
  };
})();
