"use strict";
// Drawings. Each function takes what is drawn and a width, and returns an SVG element; colours are classes (c0 … c5),
// dashes tell apart what colours may not.
(() => {
  const f = ontogeny.format;
  const DASHES = ["", "7 3", "2 3", "9 3 2 3"];

  function canvas(width, height, label) {
    return d3
      .create("svg")
      .attr("viewBox", `0 0 ${width} ${height}`)
      .attr("width", width)
      .attr("height", height)
      .attr("role", "img")
      .attr("aria-label", label)
      .attr("class", "chart");
  }

  function legend(svg, items, left, width, top) {
    let x = left;
    let y = top;
    const group = svg.append("g").attr("class", "legend");
    for (const item of items) {
      const length = 30 + item.name.length * 6.4 + 12;
      if (x > left && x + length > width) {
        x = left;
        y += 18;
      }
      const entry = group.append("g").attr("transform", `translate(${x},${y})`);
      if (item.box) {
        entry.append("rect").attr("class", "fill-" + item.colour).attr("x", 4).attr("y", -8).attr("width", 14).attr("height", 10).attr("fill-opacity", item.opacity || 1);
      } else {
        entry.append("line").attr("class", "line-" + item.colour).attr("x2", 22).attr("y1", -3).attr("y2", -3).attr("stroke-dasharray", item.dash || null);
      }
      entry.append("text").attr("x", 28).text(item.name);
      x += length;
    }
    return items.length ? y + 12 : top - 12;
  }

  function stepAxis(svg, scale, y, label) {
    const axis = svg.append("g").attr("class", "axis").attr("transform", `translate(0,${y})`);
    axis.append("line").attr("x1", scale.range[0]).attr("x2", scale.range[1]);
    for (const step of scale.ticks) {
      const tick = axis.append("g").attr("transform", `translate(${scale(step)},0)`);
      tick.append("line").attr("y2", 5);
      tick.append("text").attr("y", 17).attr("text-anchor", "middle").text(scale.text(step));
    }
    for (const step of scale.checkpoints.filter((each) => !scale.ticks.includes(each))) {
      axis.append("line").attr("x1", scale(step)).attr("x2", scale(step)).attr("y2", 3);
    }
    axis.append("text").attr("class", "label").attr("x", scale.range[1]).attr("y", 33).attr("text-anchor", "end").text(label);
  }

  function valueAxis(svg, y, left, right, label, format, count = 5, lift = 12) {
    const axis = svg.append("g").attr("class", "axis");
    // Each rounded for itself, neighbours may read the same: then with as many digits as tell them apart.
    const alike = new Set(y.ticks(count).map((value) => format(value))).size < y.ticks(count).length;
    const text = alike ? y.tickFormat(count, format === f.share ? "%" : undefined) : format;
    for (const value of y.ticks(count)) {
      const tick = axis.append("g").attr("transform", `translate(0,${y(value)})`);
      tick.append("line").attr("class", "grid").attr("x1", left).attr("x2", right);
      tick.append("text").attr("x", left - 6).attr("dy", "0.32em").attr("text-anchor", "end").text(text(value));
    }
    axis.append("text").attr("class", "label").attr("x", 2).attr("y", y.range()[1] - lift).text(label);
  }

  // A rule that follows the pointer or the arrow keys over checkpoints, and tells what is there.
  function cursor(svg, scale, top, bottom, describe) {
    const rule = svg
      .append("line")
      .attr("data-cursor", "")
      .attr("class", "cursor")
      .attr("y1", top)
      .attr("y2", bottom)
      .attr("visibility", "hidden");
    const places = scale.checkpoints.map((step) => scale(step));
    let at = -1;
    function show(index, x, y) {
      at = index;
      rule.attr("x1", places[at]).attr("x2", places[at]).attr("visibility", null);
      ontogeny.tip.show(["step " + f.step(scale.checkpoints[at]), ...describe(scale.checkpoints[at])], x, y);
    }
    function hide() {
      rule.attr("visibility", "hidden");
      ontogeny.tip.hide();
    }
    svg
      .attr("tabindex", 0)
      .on("pointermove", (event) => {
        const [x] = d3.pointer(event);
        show(d3.leastIndex(places, (place) => Math.abs(place - x)), event.clientX, event.clientY);
      })
      .on("pointerleave", hide)
      .on("blur", hide)
      .on("keydown", (event) => {
        const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (move) {
          event.preventDefault();
          const next = Math.max(0, Math.min(places.length - 1, at + move));
          const box = svg.node().getBoundingClientRect();
          show(next, box.left + places[next], box.top + top);
        } else if (event.key === "Escape") {
          hide();
        }
      });
  }

  // {label, y: {label, domain, format}, checkpoints, series: [{name, colour, dash, points: [{step, value, low, high}]}],
  //  marks: [{step, name, colour}], spans: [{start, end, name}], height}
  ontogeny.lines = (spec, width) => {
    const height = spec.height || 250;
    const left = 52;
    const right = width - 16;
    const svg = canvas(width, height, spec.label);
    const format = spec.y.format || f.number;
    const named = spec.series.filter((series) => series.name);
    const marks = spec.marks || [];
    const scale = ontogeny.steps.scale(spec.checkpoints, [left, right]);
    const names = markNames(marks, scale);
    const below = named.length > 1 || spec.legend ? legend(svg, named.map((series) => ({ ...series, dash: DASHES[series.dash || 0] })), 4, right, 12) : 0;
    const rows = Math.max((spec.spans || []).length ? 1 : 0, ...names.map((each) => each.row + 1));
    const top = below + 26 + 13 * rows;
    const bottom = height - 42;
    const values = spec.series.flatMap((series) => series.points.flatMap((point) => [point.value, point.low, point.high])).filter((value) => value !== null && value !== undefined);
    const [low, high] = d3.extent(values);
    const y = d3
      .scaleLinear()
      .domain(spec.y.domain || (low === undefined ? [0, 1] : [Math.min(0, low), high > 0 ? high * 1.04 : 1]))
      .range([bottom, top]);
    if (!spec.y.domain) {
      y.nice(5);
      // What is almost one, a share or a cosine, needs no room above it.
      if (high <= 1 && high > 0.8) {
        y.domain([y.domain()[0], 1]);
      }
    }
    for (const span of spec.spans || []) {
      const x = scale(span.start);
      svg.append("rect").attr("class", "span").attr("x", x).attr("y", top).attr("width", Math.max(2, scale(span.end) - x)).attr("height", bottom - top);
      svg.append("text").attr("class", "span-name").attr("x", (x + scale(span.end)) / 2).attr("y", top - 5).attr("text-anchor", "middle").text(span.name);
    }
    valueAxis(svg, y, left, right, spec.y.label, format, 5, 12 + 13 * rows);
    stepAxis(svg, scale, bottom, ontogeny.steps.label());
    const line = d3
      .line()
      .defined((point) => point.value !== null && point.value !== undefined)
      .x((point) => scale(point.step))
      .y((point) => y(point.value));
    const band = d3
      .area()
      .defined((point) => point.low !== null && point.low !== undefined)
      .x((point) => scale(point.step))
      .y0((point) => y(point.low))
      .y1((point) => y(point.high));
    for (const series of spec.series) {
      if (series.points.some((point) => point.low !== null && point.low !== undefined)) {
        svg.append("path").attr("class", "fill-" + series.colour).attr("fill-opacity", 0.18).attr("d", band(series.points));
      }
    }
    for (const series of spec.series) {
      svg.append("path").attr("class", "line-" + series.colour).attr("stroke-dasharray", DASHES[series.dash || 0] || null).attr("d", line(series.points));
      if (series.points.length <= 40) {
        svg
          .append("g")
          .attr("class", "fill-" + series.colour)
          .selectAll("circle")
          .data(series.points.filter((point) => point.value !== null && point.value !== undefined))
          .join("circle")
          .attr("cx", (point) => scale(point.step))
          .attr("cy", (point) => y(point.value))
          .attr("r", 2.2);
      }
    }
    placeMarks(svg, marks, names, scale, top, bottom);
    cursor(svg, scale, top, bottom, (step) =>
      spec.series.flatMap((series) => {
        const point = series.points.find((each) => each.step === step);
        if (!point || point.value === null || point.value === undefined) {
          return [];
        }
        const range = point.low === null || point.low === undefined ? "" : ` (${format(point.low)} to ${format(point.high)})`;
        return [(series.name ? series.name + ": " : "") + format(point.value) + range];
      }),
    );
    return svg.node();
  };

  // The names of events above their steps, in as many rows as it takes to keep them apart.
  function markNames(marks, scale) {
    const ends = [];
    return [...d3.group(marks.filter((mark) => mark.short), (mark) => mark.step)]
      .sort(([a], [b]) => a - b)
      .map(([step, group]) => {
        const text = group.map((mark) => mark.short).join(", ");
        const half = text.length * 2.9 + 3;
        const x = Math.max(scale.range[0] + half - 4, Math.min(scale.range[1] - half + 14, scale(step)));
        let row = ends.findIndex((end) => end < x - half);
        row = row < 0 ? ends.length : row;
        ends[row] = x + half;
        return { text, x, row };
      });
  }

  // Events as rules, side by side where several share a step, with their names above.
  function placeMarks(svg, marks, names, scale, top, bottom) {
    for (const [step, group] of d3.group(marks, (mark) => mark.step)) {
      group.forEach((mark, i) => {
        const x = scale(step) + (i - (group.length - 1) / 2) * 3;
        svg
          .append("line")
          .attr("class", "mark line-" + mark.colour)
          .attr("data-event", mark.name)
          .attr("data-step", mark.step)
          .attr("x1", x)
          .attr("x2", x)
          .attr("y1", top)
          .attr("y2", bottom)
          .attr("stroke-dasharray", mark.dash || null);
      });
    }
    for (const name of names) {
      svg
        .append("text")
        .attr("class", "mark-name")
        .attr("x", name.x)
        .attr("y", top - 5 - 13 * name.row)
        .attr("text-anchor", "middle")
        .text(name.text);
    }
  }

  // Stacked counts over checkpoints, upwards and downwards.
  // {label, y: {label}, checkpoints, up: [{name, colour, opacity, counts: Map step → n}], down: [...], height}
  ontogeny.bars = (spec, width) => {
    const height = spec.height || 240;
    const left = 52;
    const right = width - 16;
    const svg = canvas(width, height, spec.label);
    const all = [...spec.up, ...(spec.down || [])];
    const top = legend(svg, all.map((each) => ({ ...each, box: true })), 4, right, 12) + 26;
    const bottom = height - 42;
    // Room at both ends for half of the widest column.
    const scale = ontogeny.steps.scale(spec.checkpoints, [left + 19, right - 19]);
    scale.range = [left, right];
    const total = (stacks, step) => d3.sum(stacks, (each) => each.counts.get(step) || 0);
    const highest = d3.max(spec.checkpoints, (step) => total(spec.up, step)) || 1;
    const lowest = d3.max(spec.checkpoints, (step) => total(spec.down || [], step)) || 0;
    const y = d3.scaleLinear().domain([-1.04 * lowest, 1.04 * highest]).range([bottom, top]);
    valueAxis(svg, y, left, right, spec.y.label, (value) => f.step(Math.abs(value)));
    scale.edges.forEach(([from, to], i) => {
      const step = spec.checkpoints[i];
      const x = scale(step);
      // As wide as the nearer neighbour allows; the edges of the outermost columns are the axis's own ends.
      const room = Math.min(i > 0 ? x - from : Infinity, i < spec.checkpoints.length - 1 ? to - x : Infinity);
      const half = Math.max(1, Math.min(18, room - 0.75, x - left, right - x));
      for (const [stacks, direction] of [[spec.up, 1], [spec.down || [], -1]]) {
        let base = 0;
        for (const stack of stacks) {
          const count = (stack.counts.get(step) || 0) * direction;
          if (count) {
            svg
              .append("rect")
              .attr("class", "fill-" + stack.colour)
              .attr("fill-opacity", stack.opacity || 1)
              .attr("data-step", step)
              .attr("data-name", stack.name)
              .attr("data-count", Math.abs(count))
              .attr("x", x - half)
              .attr("width", 2 * half)
              .attr("y", y(Math.max(base, base + count)))
              .attr("height", Math.abs(y(base) - y(base + count)));
            base += count;
          }
        }
      }
    });
    svg.append("line").attr("class", "zero").attr("x1", left).attr("x2", right).attr("y1", y(0)).attr("y2", y(0));
    stepAxis(svg, scale, bottom, ontogeny.steps.label());
    cursor(svg, scale, top, bottom, (step) => all.map((each) => `${each.name}: ${f.whole(each.counts.get(step) || 0)}`));
    return svg.node();
  };

  // Distributions over checkpoints as shaded columns, with deciles and median drawn over them.
  // {label, y: {label}, checkpoints, minimum, shownFrom, bins, cells: [{step, bin, tracks}], quantiles: [{step, low, median, high}]}
  ontogeny.heat = (spec, width) => {
    const height = spec.height || 260;
    const left = 52;
    const right = width - 16;
    const top = 30;
    const bottom = height - 42;
    const svg = canvas(width, height, spec.label);
    const scale = ontogeny.steps.scale(spec.checkpoints, [left + 10, right - 10]);
    scale.range = [left, right];
    const y = d3.scaleLinear().domain([spec.shownFrom, 1]).range([bottom, top]);
    const step = (1 - spec.minimum) / spec.bins;
    const totals = d3.rollup(spec.cells, (cells) => d3.sum(cells, (cell) => cell.tracks), (cell) => cell.step);
    const densest = d3.max(spec.cells, (cell) => cell.tracks / totals.get(cell.step)) || 1;
    const edges = new Map(spec.checkpoints.map((each, i) => [each, scale.edges[i]]));
    valueAxis(svg, y, left, right, spec.y.label, f.number);
    for (const cell of spec.cells) {
      const [from, to] = edges.get(cell.step);
      const x0 = Math.max(left, cell.step === spec.checkpoints[0] ? left : from);
      const x1 = cell.step === spec.checkpoints[spec.checkpoints.length - 1] ? right : to;
      svg
        .append("rect")
        .attr("class", "fill-heat")
        .attr("fill-opacity", Math.sqrt(cell.tracks / totals.get(cell.step) / densest).toFixed(3))
        .attr("x", x0)
        .attr("width", Math.max(0.5, x1 - x0 - 0.5))
        .attr("y", y(spec.minimum + (cell.bin + 1) * step))
        .attr("height", Math.max(0.5, y(spec.minimum) - y(spec.minimum + step)));
    }
    for (const [key, className] of [["low", "thin"], ["median", "strong"], ["high", "thin"]]) {
      svg
        .append("path")
        .attr("class", "line-ink " + className)
        .attr("d", d3.line().x((row) => scale(row.step)).y((row) => y(row[key]))(spec.quantiles));
    }
    stepAxis(svg, scale, bottom, ontogeny.steps.label());
    cursor(svg, scale, top, bottom, (at) => {
      const row = spec.quantiles.find((each) => each.step === at);
      return row ? [`median ${f.number(row.median)}`, `80% between ${f.number(row.low)} and ${f.number(row.high)}`, `${f.whole(row.tracks)} tracks`] : ["no tracks"];
    });
    return svg.node();
  };

  // Counts over bins whose edges are given, one more than there are counts. Bins that grow (`logarithmic`) are as wide as
  // they are on a logarithmic axis and as high as there are counts per doubling: it is the area that counts.
  ontogeny.histogram = (spec, width) => {
    const height = spec.height || 220;
    const left = 52;
    const right = width - 12;
    const top = 30;
    const bottom = height - 42;
    const svg = canvas(width, height, spec.label);
    const ends = [spec.edges[0], spec.edges[spec.edges.length - 1]];
    const x = (spec.logarithmic ? d3.scaleLog().base(2) : d3.scaleLinear()).domain(ends).range([left, right]);
    const high = spec.counts.map((count, bin) => (spec.logarithmic ? count / Math.log2(spec.edges[bin + 1] / spec.edges[bin]) : count));
    const y = d3.scaleLinear().domain([0, d3.max(high) || 1]).nice(4).range([bottom, top]);
    valueAxis(svg, y, left, right, spec.y.label, f.step, 4);
    spec.counts.forEach((count, bin) => {
      const from = x(spec.edges[bin]);
      svg
        .append("rect")
        .attr("class", "fill-c0")
        .attr("x", from)
        .attr("width", Math.max(0.5, x(spec.edges[bin + 1]) - from - 0.75))
        .attr("y", y(high[bin]))
        .attr("height", y(0) - y(high[bin]))
        .append("title")
        .text(`${f.number(spec.edges[bin])} to ${f.number(spec.edges[bin + 1])}: ${f.whole(count)}`);
    });
    const axis = svg.append("g").attr("class", "axis").attr("transform", `translate(0,${bottom})`);
    axis.append("line").attr("x1", left).attr("x2", right);
    const few = spec.logarithmic ? x.ticks(8).filter((value) => Number.isInteger(Math.log2(value))) : x.ticks(6);
    for (const value of few.length > 1 ? few : ends) {
      axis.append("line").attr("x1", x(value)).attr("x2", x(value)).attr("y2", 5);
      axis.append("text").attr("x", x(value)).attr("y", 17).attr("text-anchor", "middle").text(f.number(value));
    }
    axis.append("text").attr("class", "label").attr("x", right).attr("y", 33).attr("text-anchor", "end").text(spec.x.label);
    return svg.node();
  };

  // {label, x: {label}, y: {label}, points: [{x, y, name, colour, shape}], fronts: [{name, opacity, points}], legend: [{name, colour}]}
  ontogeny.scatter = (spec, width) => {
    const height = spec.height || 320;
    const left = 56;
    const right = width - 20;
    const svg = canvas(width, height, spec.label);
    const top = legend(svg, (spec.legend || []).map((item) => ({ ...item, box: true })), 4, right, 12) + 26;
    const bottom = height - 42;
    const padded = (values) => {
      const [low, high] = d3.extent(values);
      const pad = (high - low || Math.abs(high) || 1) * 0.08;
      return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
    };
    const x = d3.scaleLinear().domain(padded(spec.points.map((point) => point.x))).nice(5).range([left, right]);
    const y = d3.scaleLinear().domain(padded(spec.points.map((point) => point.y))).nice(5).range([bottom, top]);
    valueAxis(svg, y, left, right, spec.y.label, f.number);
    const axis = svg.append("g").attr("class", "axis").attr("transform", `translate(0,${bottom})`);
    axis.append("line").attr("x1", left).attr("x2", right);
    for (const value of x.ticks(6)) {
      axis.append("line").attr("x1", x(value)).attr("x2", x(value)).attr("y2", 5);
      axis.append("text").attr("x", x(value)).attr("y", 17).attr("text-anchor", "middle").text(f.number(value));
    }
    axis.append("text").attr("class", "label").attr("x", right).attr("y", 33).attr("text-anchor", "end").text(spec.x.label);
    for (const front of spec.fronts || []) {
      svg
        .append("path")
        .attr("class", "line-grey thin")
        .attr("stroke-opacity", front.opacity)
        .attr("d", d3.line().x((point) => x(point.x)).y((point) => y(point.y))(front.points))
        .append("title")
        .text(front.name);
    }
    for (const point of spec.points) {
      svg
        .append("path")
        .attr("class", "point fill-" + point.colour)
        .attr("fill-opacity", point.opacity || 0.9)
        .attr("transform", `translate(${x(point.x)},${y(point.y)})`)
        .attr("d", d3.symbol(d3.symbolsFill[point.shape || 0], 64)())
        .append("title")
        .text(point.name);
    }
    return svg.node();
  };

  // Curves as small as a word: levels 0…63, null for none.
  ontogeny.sparkline = (levels) => {
    const width = 84;
    const height = 20;
    const svg = d3.create("svg").attr("class", "spark").attr("viewBox", `0 0 ${width} ${height}`).attr("width", width).attr("height", height).attr("aria-hidden", "true");
    if (levels) {
      const x = (i) => 2 + (i * (width - 4)) / Math.max(1, levels.length - 1);
      const y = (level) => height - 2 - (level / 63) * (height - 4);
      svg.append("path").attr("class", "fill-c0").attr("fill-opacity", 0.2).attr("d", d3.area().defined((d) => d !== null).x((d, i) => x(i)).y0(height - 1).y1(y)(levels));
      svg.append("path").attr("class", "line-c0 thin").attr("d", d3.line().defined((d) => d !== null).x((d, i) => x(i)).y(y)(levels));
    }
    return svg.node();
  };

  ontogeny.canvas = canvas;
  ontogeny.chartLegend = legend;
  ontogeny.chartStepAxis = stepAxis;
  ontogeny.chartCursor = cursor;
})();
