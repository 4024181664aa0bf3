"use strict";
// Every view has an address: #/view/part?key=value.
(() => {
  const { h } = ontogeny;
  const main = document.querySelector("main");
  const nav = document.querySelector("nav");
  let drawing = 0;
  let last = "";

  function parse() {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    try {
      const [view, ...parts] = path.split("/").map(decodeURIComponent);
      return { view: view || "overview", parts, query: Object.fromEntries(new URLSearchParams(query || "")) };
    } catch (malformed) {
      return { view: path, parts: [], query: {} };
    }
  }

  // The tables that a page reads and this report does not have; undefined where it has all.
  function lacking(view) {
    const report = ontogeny.report();
    return report && report.lacking[view];
  }

  // Gives the focus back to the control that has it now, once the page is drawn anew.
  function focused() {
    const element = document.activeElement;
    if (!element || element === main || !main.contains(element)) {
      return () => {};
    }
    const alike = () => [...main.querySelectorAll(element.tagName)].filter((each) => each.textContent === element.textContent && each.getAttribute("aria-label") === element.getAttribute("aria-label"));
    const place = alike().indexOf(element);
    return () => {
      const there = alike()[place];
      if (there) {
        there.focus({ preventScroll: true });
      }
    };
  }

  async function draw() {
    const { view, parts, query } = parse();
    const mine = ++drawing;
    ontogeny.tip.hide();
    if (query.steps) {
      ontogeny.steps.mode = query.steps;
    }
    nav.replaceChildren(
      ...Object.entries(ontogeny.views)
        .filter(([key, each]) => each.name && !lacking(key))
        .map(([key, each]) => h("a", { href: ontogeny.address(key), "aria-current": key === view || (view === "feature" && key === "features") ? "page" : null }, each.name)),
    );
    let content;
    try {
      if (!ontogeny.report()) {
        throw new Error("data/report.js is missing from this report or cannot be read");
      }
      const tables = lacking(view);
      content = tables
        ? [h("h1", null, ontogeny.views[view].name), h("p", { class: "lead" }, `This page reads ${tables.join(" and ")}, which the folders of this report do not have.`)]
        : ontogeny.views[view]
        ? await ontogeny.views[view].draw(parts, query)
        : [h("h1", null, "No such page"), h("p", { class: "error" }, "This address is not of this report. ", h("a", { href: "#/overview" }, "Overview"))];
    } catch (problem) {
      console.error(problem);
      content = [h("h1", null, "This page cannot be shown"), h("p", { class: "error" }, problem.message)];
    }
    if (mine !== drawing) {
      return;
    }
    const same = view + "/" + parts.join("/") === last;
    const kept = same ? scrollY : 0;
    const focus = focused();
    const first = last === "";
    last = view + "/" + parts.join("/");
    main.replaceChildren(...content.flat(Infinity).filter((each) => each !== null && each !== undefined));
    const heading = main.querySelector("h1");
    document.title = (heading ? heading.textContent.trim() + " · " : "") + "Ontogeny";
    // Whoever uses the keyboard goes on where they were: on the same control, or at the top of another page.
    if (same) {
      focus();
    } else if (!first) {
      main.focus({ preventScroll: true });
    }
    scrollTo(0, kept);
    if (ontogeny.views[view] && ontogeny.views[view].shown) {
      ontogeny.views[view].shown(query);
    }
    main.dataset.view = view;
    main.dataset.drawn = String(mine);
  }

  ontogeny.go = (view, parts, query, replace) => {
    const steps = ontogeny.steps.mode === "log" ? "" : ontogeny.steps.mode;
    const address = ontogeny.address(view, parts, { ...query, steps });
    if (replace) {
      history.replaceState(null, "", address);
      draw();
    } else {
      location.hash = address;
    }
  };

  ontogeny.changeSteps = (mode) => {
    ontogeny.steps.mode = mode;
    const { view, parts, query } = parse();
    ontogeny.go(view, parts, query, true);
  };

  document.querySelector(".tools").append(
    h("button", { type: "button", title: "Switch between light and dark", "aria-label": "Switch between light and dark", onclick: () => ontogeny.theme.toggle() }, "◐"),
  );
  addEventListener("hashchange", draw);
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    } else if (event.key === "[" || event.key === "]") {
      const link = document.querySelector(`[data-key="${event.key}"]`);
      if (link) {
        location.hash = link.getAttribute("href");
      }
    }
  });
  draw();
})();
