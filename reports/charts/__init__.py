"""One chart per file: prepare (pure, tested for equality), then draw (thin).

The page finds every module here whose name has no leading underscore, so that a new chart is one
new file. Each has the same public names:

- `ID`, `TITLE`: a fixed name for the page's elements, and a heading;
- `GROUP`, `ORDER`: the part of the page it belongs to (`reports.page.page.GROUPS`), and where;
- `GRID`: names of `each`'s arguments whose panels are side by side; others get a selector;
- `each(sweep)`: one dict of arguments for `prepare` per panel, none where the chart means nothing;
- `prepare(sweep, **arguments)`: a NamedTuple of plain values, with `missing` = why there is nothing
  to draw, else empty;
- `draw(info)`: the Plotly figure, of scatters, bars and heatmaps whose `x` and `y` are numpy arrays
  of at most `_style.MAX_POINTS` numbers; `caption(info)`: a sentence; `table(info)`: the data
  behind it; these three are called where nothing is missing.

How the page links them: a trace whose points are single trials has `_style.linked` (`meta` is
"trials", `customdata` the trials' numbers, one per point), a trace that is the line of one trial
has `meta={"trial": number}`, a trace of aggregates has neither. `layout.meta["least_width"]` is the
width in pixels below which the page lets a chart be scrolled.

In a notebook: `draw(prepare(open_sweep("sweeps/…")))`, with `reports.tables.open_sweep`.
"""
