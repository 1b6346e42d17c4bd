// ---- what the page knows, and small helpers that everything below uses
const page = JSON.parse(document.getElementById("page-data").textContent);
const byId = (id) => document.getElementById(id);
const rowOf = new Map(page.view.numbers.map((number, row) => [number, row]));
const columnAt = new Map(page.trials.columns.map((column, at) => [column.name, at]));
const numberOf = new Map(page.trials.rows.map((row, at) => [row[columnAt.get("trial")], page.view.numbers[at]]));

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function text(value, kind) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  return kind === "metric" ? value.toPrecision(4) : String(Number(value.toPrecision(4)));
}

const ARRAYS = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array };

// Arrays are written as plotly does: base64 of their bytes.
function typed(value) {
  if (value?.bdata === undefined) return value ?? [];
  const bytes = Uint8Array.from(atob(value.bdata), (letter) => letter.charCodeAt(0));
  return new ARRAYS[value.dtype](bytes.buffer);
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
