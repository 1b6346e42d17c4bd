// ---- charts: drawn when they come near the view, in the colors of the scheme
const scheme = matchMedia("(prefers-color-scheme: dark)");
const printing = matchMedia("print");
const touch = matchMedia("(pointer: coarse)").matches;
const settings = { responsive: true, displaylogo: false, displayModeBar: false };
const drawn = new Set();
const stale = new Set(); // drawn, but not yet told of the latest selection
const near = new Set();

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
  const list = element("ul", { class: "legend" });
  const traces = figure.data.filter((trace) => trace.name && trace.showlegend !== false && ["scatter", "bar"].includes(trace.type));
  const order = (trace) => trace.legendrank ?? 1000;
  const seen = new Set();
  for (const trace of traces.sort((a, b) => order(a) - order(b))) {
    if (seen.has(trace.name)) continue;
    seen.add(trace.name);
    const symbol = [].concat(trace.marker?.symbol ?? "")[0] ?? "";
    const kind = trace.fill || trace.type === "bar" ? "band" : (trace.mode ?? "").includes("lines") ? "line"
      : symbol.startsWith("x") ? "cross" : symbol.endsWith("open") ? "hollow" : "dot";
    const swatch = element("i", { class: `${kind} ${trace.line?.dash ?? ""}` });
    const shade = trace.fillcolor ?? trace.line?.color ?? trace.marker?.color ?? "";
    swatch.style.color = typeof shade === "string" ? shade : "";
    list.append(element("li", {}, swatch, trace.name));
  }
  const chart = byId(id);
  if (chart.previousElementSibling?.className === "legend") chart.previousElementSibling.remove();
  if (seen.size > 1) chart.before(list);
}

function themed(figure) {
  const dark = scheme.matches && !printing.matches;
  const copy = recolored(figure, dark ? page.dark : {});
  copy.layout.hoverlabel = { ...copy.layout.hoverlabel, bgcolor: dark ? "#2c333f" : "#ffffff", bordercolor: dark ? "#5d6776" : "#aeb6c2" };
  copy.layout.hoverlabel.font = { ...copy.layout.hoverlabel.font, color: dark ? "#e9ecf1" : "#1d2430" };
  copy.layout.dragmode = touch ? false : copy.data.some((trace) => trace.meta === "trials") ? "select" : false;
  copy.layout.selectdirection = "any";
  return copy;
}

// What stands beside the pointer at a trial, where a figure does not bring it along.
function named(trace) {
  if (trace.meta !== "trials" || trace.text || !trace.hovertemplate?.includes("%{text}")) return;
  const shown = page.trials.columns.map((column, at) => [column, at]).filter(([column]) => column.kind === "metric").slice(0, 2);
  trace.text = Array.from(numbersOf(trace), (number) => {
    const row = page.trials.rows[rowOf.get(number)];
    return `${row[columnAt.get("trial")]}: ${shown.map(([column, at]) => text(row[at], column.kind)).join(", ")}`;
  });
}

async function draw(id) {
  const figure = themed(page.figures[id]);
  figure.data.forEach(named);
  legend(id, figure);
  byId(id).style.minWidth = `${figure.layout.meta?.least_width ?? 0}px`;
  const first = !drawn.has(id);
  drawn.add(id);
  await Plotly.react(id, figure.data, figure.layout, settings);
  if (first) link(byId(id));
  if (chosen || !first) highlight(id);
}

function drawNear() {
  for (const id of near) {
    const chart = byId(id);
    if (chart.closest("[hidden]")) continue;
    if (!drawn.has(id)) draw(id);
    else if (stale.has(id)) highlight(id);
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries)
    if (isIntersecting) near.add(target.id);
    else near.delete(target.id);
  drawNear();
}, { rootMargin: "500px 0px" });
document.querySelectorAll(".chart").forEach((chart) => watcher.observe(chart));

const redraw = () => drawn.forEach(draw);
scheme.addEventListener("change", redraw);
printing.addEventListener("change", () => {
  for (const chart of document.querySelectorAll(".panel:not([hidden]) .chart")) drawn.add(chart.id);
  redraw();
});

for (const section of document.querySelectorAll("[data-chart]")) {
  const selects = [...section.querySelectorAll("select[data-select]")];
  const choose = () => {
    for (const panel of section.querySelectorAll(".panel"))
      panel.hidden = !selects.every((select, index) => panel.getAttribute(`data-choice-${index}`) === select.value);
    drawNear();
  };
  selects.forEach((select) => select.addEventListener("change", choose));
}
