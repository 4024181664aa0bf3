"use strict";
// A figure: title, drawing, caption with its source, and ways to take it along.
(() => {
  const h = ontogeny.h;
  const COPIED = [
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order",
    "dominant-baseline",
  ];

  // {id, title, caption: [text or element], rows: () => [objects], draw: width => svg}
  ontogeny.figure = (spec) => {
    const plot = h("div", { class: "plot" });
    const data = h("div", { class: "data", hidden: true });
    const name = "ontogeny-" + spec.id;
    const button = (text, title, action) =>
      h("button", { type: "button", title, onclick: action }, text);
    const show = button("Table", "Show the numbers of this figure", () => {
      data.hidden = !data.hidden;
      show.setAttribute("aria-expanded", String(!data.hidden));
      if (!data.hidden) {
        data.replaceChildren(ontogeny.plainTable(spec.rows()));
      }
    });
    show.setAttribute("aria-expanded", "false");
    const element = h(
      "figure",
      { id: "figure-" + spec.id, class: spec.wide ? "wide" : null },
      h(
        "div",
        { class: "figure-head" },
        h("h3", null, spec.title),
        h(
          "div",
          { class: "buttons" },
          show,
          button("CSV", "Save the numbers of this figure", () =>
            save(name + ".csv", "text/csv", ontogeny.csv(spec.rows())),
          ),
          button("SVG", "Save this figure as a vector drawing", () =>
            save(name + ".svg", "image/svg+xml", standalone(plot.querySelector("svg"), spec.title)),
          ),
          button("PNG", "Save this figure as an image", () => savePng(name + ".png", plot.querySelector("svg"), spec.title)),
        ),
      ),
      plot,
      data,
      h("figcaption", null, spec.caption),
    );
    let drawn = 0;
    // Drawn in the next frame: a drawing that changes the size of what is observed would be observed at once.
    new ResizeObserver(() =>
      requestAnimationFrame(() => {
        const width = Math.floor(plot.clientWidth);
        if (width > 0 && width !== drawn) {
          drawn = width;
          plot.replaceChildren(spec.draw(width));
        }
      }),
    ).observe(plot);
    return element;
  };

  // Quotes where needed; what a spreadsheet would run as a formula is data here and stays what it is.
  ontogeny.csv = (rows) => {
    if (!rows.length) {
      return "";
    }
    const columns = Object.keys(rows[0]);
    const cell = (value) => {
      if (value === null || value === undefined) {
        return "";
      }
      const text = Array.isArray(value) ? JSON.stringify(value) : String(value);
      return /[",\r\n]|^\s|\s$/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    };
    return (
      [columns, ...rows.map((row) => columns.map((column) => row[column]))]
        .map((row) => row.map(cell).join(","))
        .join("\r\n") + "\r\n"
    );
  };

  ontogeny.plainTable = (rows, limit = 200) => {
    if (!rows.length) {
      return h("p", { class: "none" }, "No rows.");
    }
    const columns = Object.keys(rows[0]);
    const text = (value) =>
      value === null || value === undefined ? "" : ontogeny.tokens.plain(String(value)).replaceAll("·", " ");
    const numbers = new Set(
      columns.filter((column) => rows.every((row) => row[column] === null || row[column] === undefined || /^[-–+]?[\d.,]*(e[-+]?\d+)?%?$/.test(row[column]))),
    );
    const side = (column) => (numbers.has(column) ? "number" : null);
    return h(
      "div",
      { class: "scroll" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, columns.map((column) => h("th", { scope: "col", class: side(column) }, column)))),
        h(
          "tbody",
          null,
          rows.slice(0, limit).map((row) => h("tr", null, columns.map((column) => h("td", { class: side(column) }, text(row[column]))))),
        ),
      ),
      rows.length > limit ? h("p", null, `${limit} of ${rows.length} rows; the CSV has all.`) : null,
    );
  };

  ontogeny.save = save;

  function save(name, type, content) {
    const link = h("a", { download: name, href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: type + ";charset=utf-8" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // The drawing with the styles that this page gives it, so that it looks the same elsewhere.
  function standalone(svg, title) {
    const copy = svg.cloneNode(true);
    const originals = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((element, i) => {
      const style = getComputedStyle(originals[i]);
      for (const property of COPIED) {
        const value = style.getPropertyValue(property);
        if (value) {
          element.setAttribute(property, value);
        }
      }
      element.removeAttribute("class");
      element.removeAttribute("style");
    });
    copy.querySelectorAll("[data-cursor]").forEach((element) => element.remove());
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const background = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    background.setAttribute("width", "100%");
    background.setAttribute("height", "100%");
    background.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
    const heading = document.createElementNS("http://www.w3.org/2000/svg", "title");
    heading.textContent = title;
    copy.prepend(heading, background);
    return new XMLSerializer().serializeToString(copy);
  }

  function savePng(name, svg, title) {
    const image = new Image();
    const scale = 2;
    image.onload = () => {
      const canvas = h("canvas", {
        width: svg.width.baseVal.value * scale,
        height: svg.height.baseVal.value * scale,
      });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(name, "image/png", blob), "image/png");
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(standalone(svg, title));
  }
})();
