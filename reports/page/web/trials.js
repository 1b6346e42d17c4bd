// ---- the table of all trials
const { columns, rows } = page.trials;
const STEP = 200;
const view = { column: 0, falling: false, limit: STEP };
const stateAt = columnAt.get("state"), trialAt = columnAt.get("trial");
let lines = null; // each row as the words that a filter looks through, made when first needed

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
  if (words.length) lines ??= rows.map((row) => row.map((cell, index) => text(cell, columns[index].kind)).join(" ").toLowerCase());
  const kept = rows.filter((row, place) => {
    if (state && row[stateAt] !== state) return false;
    if (chosen && !chosen.has(page.view.numbers[place])) return false;
    return words.every((word) => lines[place].includes(word));
  });
  const by = view.column;
  return kept.sort((a, b) => {
    const order = compare(a[by], b[by]);
    return Math.abs(order) === 2 ? order : view.falling ? -order : order; // empty cells stay last
  });
}

function fill(cell, kind, value) {
  if (kind === "state") cell.append(element("span", { class: `chip state-${value}` }, value));
  else cell.textContent = text(value, kind);
  if (kind === "number" || kind === "metric") cell.className = "num";
  if (typeof value === "string" && value.length > 40) cell.className = "long";
}

function show() {
  const all = selected();
  const body = element("tbody");
  for (const row of all.slice(0, view.limit)) {
    const line = body.insertRow();
    row.forEach((cell, index) => {
      if (index === trialAt) line.insertCell().append(element("a", { href: `#trial=${encodeURIComponent(cell)}` }, cell));
      else fill(line.insertCell(), columns[index].kind, cell);
    });
  }
  byId("trials-table").tBodies[0].replaceWith(body);
  const whole = rows.length.toLocaleString("en") + (rows.length === 1 ? " trial" : " trials");
  byId("trials-count").textContent = all.length === rows.length ? whole : `${all.length.toLocaleString("en")} of ${whole}`;
  byId("trials-more").hidden = all.length <= view.limit;
  byId("trials-table").querySelectorAll("thead th").forEach((head, index) => {
    if (index === view.column) head.setAttribute("aria-sort", view.falling ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

const head = byId("trials-table").tHead.insertRow();
columns.forEach((column, index) => {
  const button = element("button", { type: "button" }, column.name);
  button.addEventListener("click", () => {
    view.falling = view.column === index && !view.falling;
    view.column = index;
    show();
  });
  head.append(element("th", { scope: "col", class: column.kind === "number" || column.kind === "metric" ? "num" : "" }, button));
});
const again = () => { view.limit = STEP; show(); };
followers.push(again);
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

function save(parts, type, name) {
  const link = element("a", { href: URL.createObjectURL(new Blob(parts, { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

byId("trials-csv").addEventListener("click", () => {
  const table = [columns.map((column) => column.name), ...selected()];
  save(["\ufeff", table.map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n"], "text/csv", "trials.csv");
});
show();
