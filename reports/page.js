"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const byId = (id) => document.getElementById(id);

  // ---- charts: drawn once seen, in the colors of the scheme
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const touch = matchMedia("(pointer: coarse)").matches;
  const settings = { responsive: true, displaylogo: false, displayModeBar: false };
  const drawn = new Set();

  function recolored(value, colors) {
    if (typeof value === "string") return colors[value] ?? value;
    if (Array.isArray(value)) return value.map((item) => recolored(item, colors));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, recolored(item, colors)]));
  }

  // The legend is of the page, not of the chart: it wraps, and takes no height from the chart.
  function legend(id, figure) {
    if (figure.layout.showlegend === false) return;
    figure.layout.showlegend = false;
    const list = document.createElement("ul");
    list.className = "legend";
    const traces = figure.data.filter((trace) => trace.name && trace.showlegend !== false && ["scatter", "bar"].includes(trace.type));
    const order = (trace) => trace.legendrank ?? 1000;
    for (const trace of traces.sort((a, b) => order(a) - order(b))) {
      const swatch = document.createElement("i");
      const symbol = [].concat(trace.marker?.symbol ?? "")[0] ?? "";
      const kind = trace.fill || trace.type === "bar" ? "band" : (trace.mode ?? "").includes("lines") ? "line"
        : symbol.startsWith("x") ? "cross" : symbol.endsWith("open") ? "hollow" : "dot";
      swatch.className = `${kind} ${trace.line?.dash ?? ""}`;
      swatch.style.color = trace.fillcolor ?? trace.line?.color ?? trace.marker?.color ?? "";
      const item = document.createElement("li");
      item.append(swatch, trace.name);
      list.append(item);
    }
    const chart = byId(id);
    if (chart.previousElementSibling?.className === "legend") chart.previousElementSibling.remove();
    if (traces.length > 1) chart.before(list);
  }

  function draw(id) {
    const dark = scheme.matches && !printing.matches;
    const figure = recolored(page.figures[id], dark ? page.dark : {});
    figure.layout.hoverlabel = { ...figure.layout.hoverlabel, bgcolor: dark ? "#2c333f" : "#ffffff", bordercolor: dark ? "#5d6776" : "#aeb6c2" };
    figure.layout.hoverlabel.font = { ...figure.layout.hoverlabel.font, color: dark ? "#e9ecf1" : "#1d2430" };
    if (touch) figure.layout.dragmode = false;
    legend(id, figure);
    drawn.add(id);
    return Plotly.react(id, figure.data, figure.layout, settings);
  }

  function drawShown() {
    for (const chart of document.querySelectorAll(".panel:not([hidden]) .chart"))
      if (!drawn.has(chart.id)) draw(chart.id);
  }

  const redraw = () => drawn.forEach(draw);
  scheme.addEventListener("change", redraw);
  printing.addEventListener("change", redraw);

  for (const section of document.querySelectorAll("[data-chart]")) {
    const selects = [...section.querySelectorAll("select[data-select]")];
    const choose = () => {
      for (const panel of section.querySelectorAll(".panel"))
        panel.hidden = !selects.every((select, index) => panel.getAttribute(`data-choice-${index}`) === select.value);
      drawShown();
    };
    selects.forEach((select) => select.addEventListener("change", choose));
  }

  // ---- the table of all trials
  const { columns, rows } = page.trials;
  const STEP = 200;
  const view = { column: 0, falling: false, limit: STEP };

  function text(value, kind) {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
    return kind === "metric" ? value.toPrecision(4) : String(Number(value.toPrecision(4)));
  }

  function compare(a, b) {
    if (a === b) return 0;
    if (a === null || a === undefined) return 2;
    if (b === null || b === undefined) return -2;
    if (typeof a === "number" && typeof b === "number") return a < b ? -1 : 1;
    return String(a).localeCompare(String(b), "en", { numeric: true }) < 0 ? -1 : 1;
  }

  function selected() {
    const words = byId("trials-text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = byId("trials-state").value;
    const stateAt = columns.findIndex((column) => column.kind === "state");
    const kept = rows.filter((row) => {
      if (state && row[stateAt] !== state) return false;
      if (!words.length) return true;
      const line = row.map((cell, index) => text(cell, columns[index].kind)).join(" ").toLowerCase();
      return words.every((word) => line.includes(word));
    });
    const at = view.column;
    return kept.sort((a, b) => {
      const order = compare(a[at], b[at]);
      return Math.abs(order) === 2 ? order : view.falling ? -order : order; // empty cells stay last
    });
  }

  function fill(element, kind, value) {
    if (kind === "state") {
      const chip = document.createElement("span");
      chip.className = "chip state-" + value;
      chip.textContent = value;
      element.append(chip);
    } else element.textContent = text(value, kind);
    if (kind === "number" || kind === "metric") element.className = "num";
    if (typeof value === "string" && value.length > 40) element.className = "long";
  }

  function show() {
    const all = selected();
    const body = document.createElement("tbody");
    for (const row of all.slice(0, view.limit)) {
      const line = body.insertRow();
      row.forEach((cell, index) => fill(line.insertCell(), columns[index].kind, cell));
    }
    byId("trials-table").tBodies[0].replaceWith(body);
    byId("trials-count").textContent = all.length === rows.length
      ? `${rows.length.toLocaleString("en")} trials` : `${all.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} trials`;
    byId("trials-more").hidden = all.length <= view.limit;
    byId("trials-table").querySelectorAll("thead th").forEach((head, index) => {
      if (index === view.column) head.setAttribute("aria-sort", view.falling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  const head = byId("trials-table").tHead.insertRow();
  columns.forEach((column, index) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    if (column.kind === "number" || column.kind === "metric") cell.className = "num";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.name;
    button.addEventListener("click", () => {
      view.falling = view.column === index && !view.falling;
      view.column = index;
      show();
    });
    cell.append(button);
    head.append(cell);
  });
  const again = () => { view.limit = STEP; show(); };
  byId("trials-text").addEventListener("input", again);
  byId("trials-state").addEventListener("change", again);
  byId("trials-more").addEventListener("click", () => { view.limit += 5 * STEP; show(); });

  // A spreadsheet runs text that begins like a formula; numbers are written as they are.
  function csvCell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    let cell = String(value);
    if (/^[=+\-@\t\r]/.test(cell)) cell = "'" + cell;
    return /[",\n\r]/.test(cell) ? '"' + cell.replaceAll('"', '""') + '"' : cell;
  }

  byId("trials-csv").addEventListener("click", () => {
    const lines = [columns.map((column) => column.name), ...selected()];
    const content = lines.map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", content], { type: "text/csv" }));
    link.download = "trials.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  // ---- commands to copy
  for (const button of document.querySelectorAll(".copy"))
    button.addEventListener("click", async () => {
      const code = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code); // a page opened as a file may not write there
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });

  show();
  drawShown();
})();
