// The heatmap of operators and windows, as a chart and as a table.
import * as echarts from "echarts/core";
import { HeatmapChart } from "echarts/charts";
import { GridComponent, TooltipComponent, VisualMapPiecewiseComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
import { at, el, id, list, shorten } from "./dom.js";

echarts.use([HeatmapChart, GridComponent, TooltipComponent, VisualMapPiecewiseComponent, CanvasRenderer]);

// In the order of their gravity; a cell without anything is 0.
const states = [
  ["empty", "nothing"], ["led", "led"], ["blind", "we were blind"], ["idle", "idle"], ["mistake", "mistake"],
  ["equivocation", "equivocation"], ["impersonation", "impersonation"],
];
const rank = Object.fromEntries(states.map(([name], i) => [name, i]));
const counts = [
  ["led", "led"], ["idle", "idle"], ["mistakes", "mistake"], ["impersonations", "impersonation"], ["equivocations", "equivocation"],
  ["blind", "we were blind"],
];

const lineHeight = 24;
const margin = { left: 118, right: 10, top: 6, bottom: 28 };

/** Says what a cell counts, in words. */
const seen = (cell) => counts.filter(([field]) => cell[field] > 0).map(([field, name]) => `${name} (${cell[field]})`).join(", ") || "nothing";

/** Makes the heatmap; open is called with a window and an operator when one of its cells is chosen. */
export function heatmap(open) {
  const place = at("heat-chart");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chart, heat, self;

  at("legend").append(...states.map(([name, label]) => el("li", {}, el("i", { class: `k-${name}` }), label)));
  at("heat-list").addEventListener("toggle", table);
  dark.addEventListener("change", draw);
  new ResizeObserver(() => chart?.resize()).observe(place);

  function draw() {
    if (!heat?.operators.length || !heat.windows.length) {
      chart?.clear();
      place.style.height = "0";
      return;
    }
    place.style.height = `${heat.operators.length * lineHeight + margin.top + margin.bottom}px`;
    if (!chart) {
      chart = echarts.init(place, null, { renderer: "canvas" });
      chart.on("click", (e) => open(heat.windows[e.value[0]], heat.operators[e.value[1]]));
    }
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const found = new Map(heat.cells.map((cell) => [`${cell.window} ${cell.operator}`, cell]));
    const data = heat.operators.flatMap((_, o) => heat.windows.map((_, w) => [w, o, rank[found.get(`${w} ${o}`)?.state] ?? 0]));
    const axis = { type: "category", splitLine: { show: false }, axisLine: { show: false }, axisTick: { show: false } };
    chart.setOption({
      animation: false,
      textStyle: { color: colour("dim") },
      grid: margin,
      xAxis: { ...axis, data: heat.windows, axisLabel: { color: colour("dim"), hideOverlap: true } },
      yAxis: {
        ...axis, inverse: true, data: heat.operators,
        axisLabel: { color: colour("text"), fontFamily: "ui-monospace, monospace", formatter: (op) => (op === self ? `us ${shorten(op)}` : shorten(op)) },
      },
      tooltip: {
        backgroundColor: colour("card"), borderColor: colour("line"), textStyle: { color: colour("text") }, transitionDuration: 0, confine: true,
        // An element rather than a string, which would be taken for markup.
        formatter: ({ value: [w, o] }) => {
          const cell = found.get(`${w} ${o}`);
          return el("div", {}, el("b", {}, `Window ${heat.windows[w]}`), el("br"), shorten(heat.operators[o]), el("br"), cell ? seen(cell) : "nothing");
        },
      },
      visualMap: {
        type: "piecewise", show: false, dimension: 2, pieces: states.map(([name], value) => ({ value, color: colour(name) })),
      },
      series: [{
        type: "heatmap", data, itemStyle: { borderColor: colour("card"), borderWidth: 2, borderRadius: 3 },
        emphasis: { itemStyle: { borderColor: colour("text"), borderWidth: 1 } },
      }],
    }, true);
    chart.resize();
  }

  function describe() {
    const bad = heat.cells.filter((cell) => rank[cell.state] > rank.blind).length;
    const blind = heat.cells.filter((cell) => cell.state === "blind").length;
    place.setAttribute("aria-label", `${heat.operators.length} operators in ${heat.windows.length} windows: ${bad} cells with a fault, `
      + `${blind} in which we were blind. The table below says which.`);
  }

  // The table has a line for each cell that shows something, and is made only while it is looked at.
  function table() {
    if (!heat || !at("heat-list").open) {
      return;
    }
    const lines = heat.cells.map((cell) => ({ ...cell, block: heat.windows[cell.window], who: heat.operators[cell.operator] }))
      .toSorted((a, b) => b.block - a.block || a.operator - b.operator);
    list(at("heat-list").querySelector("tbody"), lines, (line) => `${line.block} ${line.who}`, (line) => el("tr", {},
      el("td", {}, String(line.block)),
      el("td", {}, id(line.who, line.who === self)),
      el("td", {}, el("i", { class: `k-${line.state in rank ? line.state : "empty"}` }), seen(line)),
      el("td", {}, el("button", { type: "button", onclick: () => open(line.block, line.who), "aria-label": `Record of window ${line.block}` }, "Open")),
    ));
  }

  return (records, operator) => {
    const scroller = at("heat-scroll");
    const first = !heat;
    heat = records.heat;
    self = operator;
    draw();
    describe();
    table();
    if (first) {
      scroller.scrollLeft = scroller.scrollWidth; // the newest windows stand at the right
    }
  };
}
