"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const touch = matchMedia("(pointer: coarse)").matches;

  function recolored(value, colors) {
    if (typeof value === "string") return colors[value] ?? value;
    if (Array.isArray(value)) return value.map((item) => recolored(item, colors));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, recolored(item, colors)]));
  }

  function draw() {
    const dark = scheme.matches && !printing.matches;
    for (const swatch of document.querySelectorAll(".swatch"))
      swatch.style.background = recolored(swatch.dataset.color, dark ? page.dark : {});
    for (const [id, figure] of Object.entries(page.figures)) {
      const { data, layout } = recolored(figure, dark ? page.dark : {});
      layout.hoverlabel = { ...layout.hoverlabel, bgcolor: dark ? "#2c333f" : "#ffffff", font: { ...layout.hoverlabel.font, color: dark ? "#e9ecf1" : "#1d2430" } };
      if (touch) layout.dragmode = false;
      Plotly.react(id, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
    }
  }

  scheme.addEventListener("change", draw);
  printing.addEventListener("change", draw);
  draw();
})();
