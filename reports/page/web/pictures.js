// ---- pictures: columns follow picks and selection; tiles may show error or saturation instead
const gallery = byId("gallery");
const MAPS = {
  error: { most: 40, label: "color difference to the truth, CIEDE2000", value: (own, truth) => ciede2000(own, truth) },
  chroma: { most: 80, label: "chroma, Lab units", value: ([, a, b]) => Math.hypot(a, b) },
};
const originals = new WeakMap(); // image -> its picture's address
const maps = new WeakMap(); // image -> { error, chroma }

async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

async function mapped(image, truth, view) {
  const known = maps.get(image) ?? {};
  if (!known[view]) {
    const [own, other] = await Promise.all([image, truth].map((one) => loaded(originals.get(one) ?? one.src)));
    const picture = pixelsOf(own), reference = pixelsOf(other).data;
    const { most, value } = MAPS[view];
    for (let at = 0; at < picture.data.length; at += 4) {
      const [lab, trueLab] = [picture.data, reference].map((data) => labOf(data[at], data[at + 1], data[at + 2]));
      picture.data.set(heat(value(lab, trueLab) / most), at);
    }
    const canvas = element("canvas", { width: picture.width, height: picture.height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
    known[view] = canvas.toDataURL();
    maps.set(image, known);
  }
  return known[view];
}

async function showTiles() {
  const view = byId("tile-view").value;
  const scale = byId("tile-scale");
  scale.hidden = view === "picture";
  if (view !== "picture") scale.replaceChildren("0 ", element("i"), ` ${MAPS[view].most} and more: ${MAPS[view].label}`);
  for (const row of gallery.tBodies[0].rows) {
    const truth = row.querySelector('[data-kind="truth"] img');
    for (const image of row.querySelectorAll("td:not([hidden]) img")) {
      if (!originals.has(image)) originals.set(image, image.src);
      const plain = view === "picture" || !truth || (view === "error" && image === truth);
      image.src = plain ? originals.get(image) : await mapped(image, truth, view);
    }
  }
}

function showColumns() {
  const boxes = [...document.querySelectorAll("[data-pick]")];
  const picked = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.dataset.pick)));
  const isShown = (number) => number < 0 || (chosen ? chosen.has(number) : picked.has(number));
  let count = 0;
  for (const cell of gallery.querySelectorAll("[data-number]")) {
    cell.hidden = !isShown(Number(cell.dataset.number));
    if (cell.tagName === "TH" && !cell.hidden && Number(cell.dataset.number) >= 0) count += 1;
  }
  byId("columns-count").textContent = `${count} of ${boxes.length} ${boxes.length === 1 ? "trial" : "trials"}` + (chosen ? ", those that are selected" : "");
  showTiles();
}

// ---- one picture, large: grey, truth, what the trial made of it, and where it errs
const enlarged = byId("enlarged");
let at = null; // the tile that is enlarged

async function enlarge(cell) {
  at = cell;
  const row = cell.parentElement;
  const image = (kind) => row.querySelector(`[data-kind="${kind}"] img`);
  const own = cell.querySelector("img"), truth = image("truth");
  byId("enlarged-title").textContent = row.dataset.picture;
  const shown = [["grey", image("grey")], ["truth", truth]];
  if (cell.dataset.kind === "trial") shown.push([headingOf(cell), own]);
  const figures = shown.filter(([, one]) => one).map(([name, one]) => [name, originals.get(one) ?? one.src, one.className]);
  if (cell.dataset.kind === "trial" && truth) figures.push(["where it errs (CIEDE2000)", await mapped(own, truth, "error"), own.className]);
  byId("enlarged-body").replaceChildren(
    ...figures.map(([name, src, kind]) => element("figure", {}, element("img", { src, alt: name, class: kind }), element("figcaption", {}, name))),
    element("p", { class: "caption" }, cell.querySelector("small").innerText),
  );
  if (!enlarged.open) enlarged.showModal();
}

const headingOf = (cell) => gallery.tHead.rows[0].cells[cell.cellIndex].innerText.replace(/\s+/g, " ").trim();

function step(by) {
  const rows = [...gallery.tBodies[0].rows];
  const next = rows[(rows.indexOf(at.parentElement) + by + rows.length) % rows.length].cells[at.cellIndex];
  if (next.querySelector("img")) enlarge(next);
}

if (gallery) {
  followers.push(showColumns);
  byId("tile-view").addEventListener("change", showTiles);
  document.querySelectorAll("[data-pick]").forEach((box) => box.addEventListener("change", showColumns));
  gallery.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) enlarge(tile.closest("td"));
  });
  showColumns();
}
byId("enlarged-previous").addEventListener("click", () => step(-1));
byId("enlarged-next").addEventListener("click", () => step(1));
byId("enlarged-close").addEventListener("click", () => enlarged.close());
enlarged.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
