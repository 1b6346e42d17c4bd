// ---- one selection for the whole page: what is brushed in a chart filters table, pictures, charts
const filters = new Map(); // id of a chart -> the numbers of the trials that it leaves
let chosen = null; // in all of them; null where nothing is filtered
const followers = []; // told of every change

function brush(source, numbers) {
  if (numbers) filters.set(source, numbers);
  else if (!filters.delete(source)) return;
  const [first, ...others] = [...filters.values()];
  chosen = first ? new Set([...first].filter((number) => others.every((other) => other.has(number)))) : null;
  byId("selection").hidden = !chosen;
  byId("selection-text").textContent = chosen ? `${chosen.size.toLocaleString("en")} of ${page.trials.rows.length.toLocaleString("en")} trials selected` : "";
  drawn.forEach((id) => stale.add(id));
  inView().forEach(highlight);
  requestAnimationFrame(() => setTimeout(() => {
    followers.forEach((follow) => follow());
    drawNear();
  }));
}

function inView() {
  return [...near].filter((id) => {
    const { top, bottom } = byId(id).getBoundingClientRect();
    return stale.has(id) && bottom > 0 && top < innerHeight;
  });
}

const numbersOf = (trace) => typed(trace.customdata);
const isLines = (trace) => trace.meta === "trials" && trace.mode === "lines";

// Points that are not selected fade, lines of single trials fade as a whole, and of traces that hold
// many trials' lines those are taken away that are not selected. Points fade by their class: to
// have Plotly draw a chart anew takes a hundred times as long.
function highlight(id) {
  stale.delete(id);
  const chart = byId(id), numbers = chart.data?.map((trace) => (trace.meta === "trials" ? numbersOf(trace) : null)) ?? [];
  for (const group of chart.querySelectorAll(".trace")) {
    const trace = group.__data__?.[0]?.trace;
    if (!trace) continue;
    const own = numbers[trace.index], whole = trace.meta?.trial;
    group.classList.toggle("faded", Boolean(chosen) && whole !== undefined && !chosen.has(whole));
    if (own && trace.mode !== "lines")
      for (const point of group.querySelectorAll(".point"))
        point.classList.toggle("faded", Boolean(chosen) && !chosen.has(own[point.__data__.i]));
  }
  const lines = numbers.map((own, at) => at).filter((at) => isLines(chart.data[at]));
  if (lines.length) {
    const y = lines.map((at) => {
      const whole = typed(page.figures[id].data[at].y);
      return chosen ? whole.map((value, place) => (chosen.has(numbers[at][place]) ? value : NaN)) : whole;
    });
    Plotly.restyle(id, { y }, lines);
  }
  if (page.figures[id].layout.meta?.curves) showPicked(id);
}

// The curves of the first selected trials join the chart of learning curves.
const MOST_PICKED = 30;
function showPicked(id) {
  const chart = byId(id), column = page.view.curves.names.indexOf(page.figures[id].layout.meta.curves);
  const before = chart.data.map((trace, at) => (trace.meta?.picked === undefined ? -1 : at)).filter((at) => at >= 0);
  if (before.length) Plotly.deleteTraces(id, before);
  if (!chosen || column < 0) return;
  const drawnAlready = new Set(chart.data.map((trace) => trace.meta?.trial));
  const added = [...chosen].filter((number) => !drawnAlready.has(number)).slice(0, MOST_PICKED).map((number) => ({
    ...curveOf(number, column), mode: "lines", name: rows[rowOf.get(number)][trialAt], showlegend: false, line: { color: color("soft"), width: 1.2 },
    meta: { trial: number, picked: true }, hovertemplate: "%{fullData.name}: %{y:.4g}<extra></extra>",
  }));
  Plotly.addTraces(id, added);
}

// Boxes over the axes of parallel coordinates: a trial stays that passes through one at each axis
// over which there are some.
function throughBoxes(chart) {
  const boxes = (chart.layout.selections ?? []).map(({ x0, x1, y0, y1 }) => [Math.min(x0, x1), Math.max(x0, x1), Math.min(y0, y1), Math.max(y0, y1)]);
  const met = new Map(); // trial -> whether it passes at every axis so far
  page.figures[chart.id].data.filter(isLines).forEach((trace) => {
    const [x, y, numbers] = [typed(trace.x), typed(trace.y), numbersOf(trace)];
    numbers.forEach((number, place) => {
      const over = boxes.filter(([left, right]) => left <= x[place] && x[place] <= right);
      const passes = !over.length || Number.isNaN(y[place]) || over.some(([, , low, high]) => low <= y[place] && y[place] <= high);
      met.set(number, passes && (met.get(number) ?? true));
    });
  });
  return new Set([...met].filter(([, passes]) => passes).map(([number]) => number));
}

function link(chart) {
  if (!chart.data.some((trace) => trace.meta === "trials" || trace.meta?.trial !== undefined)) return;
  chart.on("plotly_selected", (event) => {
    if (!event?.range && !event?.lassoPoints && !event?.selections?.length) return;
    if (chart.data.some(isLines)) return brush(chart.id, throughBoxes(chart));
    const linked = event.points.filter((point) => point.data.meta === "trials");
    brush(chart.id, new Set(linked.map((point) => point.customdata)));
  });
  chart.on("plotly_deselect", () => brush(chart.id, null));
  chart.on("plotly_click", (event) => {
    const point = event.points.find((one) => one.data.meta === "trials" || one.data.meta?.trial !== undefined);
    if (point) openTrial(point.data.meta === "trials" ? point.customdata : point.data.meta.trial);
  });
}

byId("selection-clear").addEventListener("click", () => {
  for (const id of [...filters.keys()]) {
    Plotly.relayout(id, { selections: [] });
    Plotly.restyle(id, { selectedpoints: null });
    brush(id, null);
  }
});
