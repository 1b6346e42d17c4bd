// ---- one selection for the whole page: what is brushed in a chart filters table, pictures, charts
const filters = new Map(); // id of a chart -> the numbers of the trials that it leaves
let chosen = null; // in all of them; null where nothing is filtered
const followers = []; // told of every change

function numbersOf(trace) {
  return trace.meta?.trials ?? typed(trace.customdata);
}

function brush(source, numbers) {
  if (numbers) filters.set(source, numbers);
  else if (!filters.delete(source)) return;
  const [first, ...others] = [...filters.values()];
  chosen = first ? new Set([...first].filter((number) => others.every((other) => other.has(number)))) : null;
  byId("selection").hidden = !chosen;
  byId("selection-text").textContent = chosen ? `${chosen.size.toLocaleString("en")} of ${page.trials.rows.length.toLocaleString("en")} trials selected` : "";
  drawn.forEach((id) => stale.add(id));
  followers.forEach((follow) => follow());
  drawNear();
}

// Traces whose points are trials fade what is not selected; lines of single trials fade as a whole.
function highlight(id) {
  stale.delete(id);
  const points = [], places = [], opacities = [], lines = [];
  (byId(id).data ?? []).forEach((trace, at) => {
    if (trace.meta === "trials") {
      places.push(at);
      points.push(chosen ? [...numbersOf(trace).entries()].filter(([, n]) => chosen.has(n)).map(([place]) => place) : null);
    } else if (trace.meta?.trial !== undefined) {
      lines.push(at);
      opacities.push(chosen && !chosen.has(trace.meta.trial) ? 0.12 : 1);
    }
  });
  if (places.length) Plotly.restyle(id, { selectedpoints: points }, places);
  if (lines.length) Plotly.restyle(id, { opacity: opacities }, lines);
}

// Parallel coordinates brush by ranges on their axes.
function withinRanges(trace) {
  const axes = trace.dimensions.filter((axis) => axis.constraintrange?.length);
  if (!axes.length) return null;
  const tests = axes.map((axis) => {
    const ranges = Array.isArray(axis.constraintrange[0]) ? axis.constraintrange : [axis.constraintrange];
    const values = typed(axis.values);
    return (row) => ranges.some(([low, high]) => low <= values[row] && values[row] <= high);
  });
  return new Set(numbersOf(trace).filter((_, row) => tests.every((test) => test(row))));
}

function link(chart) {
  if (!chart.data.some(isLinked)) return;
  chart.on("plotly_selected", (event) => {
    if (!event?.points) return brush(chart.id, null);
    const linked = event.points.filter((point) => point.data.meta === "trials");
    if (linked.length || event.range || event.lassoPoints) brush(chart.id, new Set(linked.map((point) => point.customdata)));
  });
  chart.on("plotly_deselect", () => brush(chart.id, null));
  chart.on("plotly_click", (event) => {
    const point = event.points.find((one) => isLinked(one.data));
    if (point) openTrial(point.data.meta === "trials" ? point.customdata : point.data.meta.trial);
  });
  chart.on("plotly_restyle", ([change]) => {
    if (Object.keys(change).some((key) => key.includes("constraintrange"))) brush(chart.id, withinRanges(chart.data[0]));
  });
}

byId("selection-clear").addEventListener("click", () => {
  for (const id of [...filters.keys()]) {
    const axes = byId(id).data[0].dimensions;
    if (axes) Plotly.restyle(id, Object.fromEntries(axes.map((_, at) => [`dimensions[${at}].constraintrange`, null])), [0]);
    else Plotly.relayout(id, { selections: [] });
    brush(id, null);
  }
});
