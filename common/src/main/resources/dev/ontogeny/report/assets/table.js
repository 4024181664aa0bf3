"use strict";
// A long table of which only the rows in view exist. Arrow keys, Page Up/Down, Home and End move; Enter opens.
(() => {
  const h = ontogeny.h;
  const HEIGHT = 34;

  // {columns: [{key, name, title, width, number, cell: row => node}], sort: {key, descending}, sorted: (key, descending) => void,
  //  rows: [row], open: row => address, label}
  ontogeny.grid = (spec) => {
    const template = spec.columns.map((column) => column.width).join(" ");
    const body = h("div", { role: "rowgroup" });
    const space = h("div");
    let rows = spec.rows;
    let current = 0;
    const head = h(
      "div",
      { class: "track-row track-head", role: "row", "aria-rowindex": "1" },
      spec.columns.map((column) =>
        h(
          "span",
          {
            role: "columnheader",
            class: column.number ? "number" : null,
            title: column.title,
            "aria-sort": spec.sort.key !== column.key ? "none" : spec.sort.descending ? "descending" : "ascending",
          },
          h(
            "button",
            {
              type: "button",
              onclick: () =>
                spec.sorted(column.key, spec.sort.key === column.key ? !spec.sort.descending : Boolean(column.number || column.descending)),
            },
            column.name,
          ),
        ),
      ),
    );
    head.style.gridTemplateColumns = template;
    const grid = h("div", { class: "track-grid", role: "grid", tabindex: "0", "aria-label": spec.label }, head, space, body);

    function draw() {
      const first = Math.max(0, Math.floor(grid.scrollTop / HEIGHT) - 8);
      const last = Math.min(rows.length, first + Math.ceil((grid.clientHeight || 700) / HEIGHT) + 16);
      space.style.height = first * HEIGHT + "px";
      body.style.paddingBottom = Math.max(0, rows.length - last) * HEIGHT + "px";
      body.replaceChildren(
        ...rows.slice(first, last).map((row, i) => {
          const at = first + i;
          const line = h(
            "a",
            {
              class: "track-row" + (at === current ? " current" : ""),
              role: "row",
              "aria-rowindex": String(at + 2),
              "aria-selected": String(at === current),
              href: spec.open(row),
              tabindex: "-1",
            },
            spec.columns.map((column) =>
              h("span", { role: "gridcell", class: column.number ? "number" : null }, column.cell(row)),
            ),
          );
          line.style.gridTemplateColumns = template;
          return line;
        }),
      );
    }

    function move(to) {
      current = Math.max(0, Math.min(rows.length - 1, to));
      const y = current * HEIGHT;
      const view = grid.clientHeight - HEIGHT;
      if (y < grid.scrollTop) {
        grid.scrollTop = y;
      } else if (y + HEIGHT > grid.scrollTop + view) {
        grid.scrollTop = y + HEIGHT - view;
      }
      draw();
    }

    grid.addEventListener("scroll", () => requestAnimationFrame(draw));
    grid.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.floor(grid.clientHeight / HEIGHT) - 2);
      const to = {
        ArrowDown: current + 1,
        ArrowUp: current - 1,
        PageDown: current + page,
        PageUp: current - page,
        Home: 0,
        End: rows.length - 1,
      }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        move(to);
      } else if (event.key === "Enter" && rows[current] && event.target === grid) {
        location.hash = spec.open(rows[current]);
      }
    });
    grid.setAttribute("aria-rowcount", String(rows.length + 1));
    requestAnimationFrame(draw);
    return { element: grid, draw };
  };
})();
