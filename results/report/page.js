"use strict";
// Draws the figures when they come into view, in the colours of the theme (style.css).

const root = document.documentElement;
const LEVELS = [0, 1, 2, 3, 4, 5].map((level) => [level / 5, `var(--level-${level})`]);
const figures = JSON.parse(document.getElementById("figures").textContent);
const narrow = window.matchMedia("(max-width: 640px)");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const touch = window.matchMedia("(pointer: coarse)");

const AXIS = {
  color: "var(--muted)",
  gridcolor: "var(--rule)",
  linecolor: "var(--muted)",
  showline: true,
  zeroline: false,
  ticks: "outside",
  ticklen: 4,
  tickcolor: "var(--muted)",
};

// What a colour's name stands for now. An element is asked, since a variable's text may hold both
// themes.
const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;

function colour(name) {
  probe.style.color = name;
  return getComputedStyle(probe).color;
}

function coloured(value, known) {
  if (typeof value === "string" && value.startsWith("var(")) {
    return (known[value] ??= colour(value));
  }
  if (Array.isArray(value)) return value.map((each) => coloured(each, known));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, coloured(each, known)]),
  );
}

function axis(own) {
  const title = { standoff: 8, ...own.title, font: { size: 12 } };
  const tickfont = { size: own.exponentformat === "power" ? 9 : 11 }; // exponents grow it
  return { ...AXIS, tickfont, ...own, title };
}

function layoutOf(own) {
  const axes = Object.keys(own).filter((key) => /^[xy]axis/.test(key));
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "var(--ink)" },
    hoverlabel: { font: { size: 12 } },
    hovermode: "closest",
    showlegend: false,
    coloraxis: { cmin: 0, cmax: 5, colorscale: LEVELS, showscale: false },
    dragmode: touch.matches ? false : "zoom", // a finger scrolls the page
    ...own,
    margin: { l: own.yaxis?.title?.text ? 62 : 48, r: 10, t: 8, b: 46, ...own.margin },
    ...Object.fromEntries(axes.map((key) => [key, axis(own[key])])),
  };
}

function draw(plot) {
  const figure = figures[plot.dataset.figure];
  const data = figure.data.filter((trace) => !(narrow.matches && trace.meta === "wide"));
  const themed = coloured({ data, layout: layoutOf(figure.layout) }, {});
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  plot.dataset.drawn = "";
  return Plotly.react(plot, themed.data, themed.layout, config);
}

function drawAgain() {
  document.querySelectorAll(".plot[data-drawn]").forEach(draw);
}

const plots = document.querySelectorAll(".plot");
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  },
  { rootMargin: "600px" },
);
plots.forEach((plot) => seen.observe(plot));

dark.addEventListener("change", drawAgain);
narrow.addEventListener("change", drawAgain);
window.addEventListener("beforeprint", () => plots.forEach(draw));

document.getElementById("theme").addEventListener("click", () => {
  const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  drawAgain();
});

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    getSelection().selectAllChildren(code); // where the clipboard is closed, it can be copied
    const copied = navigator.clipboard?.writeText(code.textContent) ?? Promise.reject();
    button.textContent = await copied.then(() => "copied", () => "selected");
  });
}
