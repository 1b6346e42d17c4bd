// ---- one trial, at #trial=…: settings beside the best and the base, curves, pictures, its course
const trialView = byId("trial-view");
const curves = Object.fromEntries(["start", "images"].map((name) => [name, typed(page.view.curves[name])]));
const curveValues = page.view.curves.values.map(typed);
const FACTS = ["rank", "flags", "reason", "images", "seconds", "seed", "attempt", "origin"];

function openTrial(number) {
  location.hash = `trial=${encodeURIComponent(rows[rowOf.get(number)][trialAt])}`;
}

function settingsTable(row) {
  const best = page.view.best === null ? null : rows[rowOf.get(page.view.best)];
  const bestName = best?.[trialAt];
  const table = element("table", { class: "plain" });
  const headings = ["setting", row[trialAt], ...(best && best !== row ? [`best (${bestName})`] : []), "base"];
  table.createTHead().append(element("tr", {}, ...headings.map((name) => element("th", { scope: "col" }, name))));
  const body = table.createTBody();
  for (const [name, base] of Object.entries(page.view.base)) {
    const at = columnAt.get(name), own = text(row[at]);
    const line = element("tr", {}, element("th", { scope: "row" }, name));
    const cells = [own, ...(best && best !== row ? [text(best[at])] : []), base ?? "–"];
    cells.forEach((value, place) => line.append(element("td", place && value !== own ? { class: "other-value" } : {}, value)));
    body.append(line);
  }
  return table;
}

function curveOf(number, column) {
  const place = rowOf.get(number), [first, end] = [curves.start[place], curves.start[place + 1]];
  return { x: curves.images.slice(first, end), y: curveValues[column].slice(first, end) };
}

function drawCurves(number, holder) {
  const others = page.view.best !== null && page.view.best !== number ? [page.view.best] : [];
  page.view.curves.labels.forEach((label, column) => {
    const trace = (one, shade, width) => ({
      ...curveOf(one, column), type: "scatter", mode: "lines+markers", marker: { size: 3 }, name: rows[rowOf.get(one)][trialAt],
      line: { color: shade, width }, hovertemplate: "%{y:.4g} at %{x:,}<extra>%{fullData.name}</extra>",
    });
    const traces = [...others.map((one) => trace(one, color("muted"), 1.5)), trace(number, color("leader-2"), 2.5)];
    if (!traces.at(-1).y.length) return;
    const axis = { gridcolor: color("line"), linecolor: color("line"), zeroline: false, automargin: true };
    const layout = {
      template: "none", height: 190, margin: { l: 52, r: 10, t: 6, b: 36 }, showlegend: false, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: color("font"), size: 12, color: color("soft") }, xaxis: { ...axis, title: { text: "Pictures seen", font: { size: 11 }, standoff: 4 } }, yaxis: axis, dragmode: false,
    };
    const chart = element("div", { class: "chart" });
    const caption = label + (others.length ? `; grey: the best, ${rows[rowOf.get(others[0])][trialAt]}` : "");
    holder.append(element("figure", { "aria-label": label }, element("h3", { class: "small" }, caption), chart));
    Plotly.newPlot(chart, traces, layout, settings);
  });
}

function picturesOf(number) {
  const strip = element("div", { class: "strip" });
  for (const row of gallery?.tBodies[0].rows ?? []) {
    const own = row.querySelector(`td[data-number="${number}"] img`), truth = row.querySelector('[data-kind="truth"] img');
    if (!own) continue;
    const copies = [truth, own].filter(Boolean).map((image) => element("img", { src: originals.get(image) ?? image.src, alt: image.alt, class: image.className }));
    strip.append(element("span", { class: "pair" }, ...copies));
  }
  return strip;
}

function list(row, names) {
  const made = element("dl", { class: "settings" });
  for (const name of names) {
    const at = columnAt.get(name);
    if (row[at] !== null) made.append(element("div", {}, element("dt", {}, name), element("dd", {}, text(row[at], columns[at].kind))));
  }
  return made;
}

function showTrial(number) {
  const row = rows[rowOf.get(number)];
  byId("trial-title").textContent = `Trial ${row[trialAt]}`;
  const metrics = columns.filter((column) => column.kind === "metric").map((column) => column.name);
  byId("trial-state").replaceChildren(element("span", { class: `chip state-${row[stateAt]}` }, row[stateAt]));
  const plots = element("div", { class: "grid" }), pictures = picturesOf(number);
  const body = [list(row, FACTS), element("div", { class: "scroll", tabindex: "0" }, settingsTable(row)), plots];
  if (pictures.children.length) body.push(element("h3", {}, "Pictures: the truth, and what it made of them"), pictures);
  else body.push(element("p", { class: "caption" }, "Its pictures are not embedded in this page."));
  const course = page.view.course[number];
  if (course) body.push(element("h3", {}, "How it went"), element("pre", { tabindex: "0" }, course.join("\n")));
  byId("trial-body").replaceChildren(...body, element("h3", {}, "Measured at its last tick"), list(row, metrics));
  if (!trialView.open) trialView.showModal();
  drawCurves(number, plots);
  trialView.scrollTop = 0;
}

function follow() {
  const named = /^#trial=(.+)$/.exec(location.hash);
  const number = named && numberOf.get(decodeURIComponent(named[1]));
  if (number !== null && number !== undefined) showTrial(number);
  else if (trialView.open) trialView.close();
}

function neighbor(by) {
  const shown = selected().map((row) => row[trialAt]);
  const here = shown.indexOf(/=(.+)$/.exec(location.hash)?.[1]);
  const next = shown[(here + by + shown.length) % shown.length];
  if (next !== undefined) location.hash = `trial=${encodeURIComponent(next)}`;
}

byId("trial-previous").addEventListener("click", () => neighbor(-1));
byId("trial-next").addEventListener("click", () => neighbor(1));
byId("trial-close").addEventListener("click", () => trialView.close());
trialView.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
trialView.addEventListener("click", (event) => { if (event.target === trialView) trialView.close(); });
addEventListener("hashchange", follow);
follow();
