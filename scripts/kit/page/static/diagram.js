// The diagram of the pipeline: the stages with their counts, and the arrows between them.

import { $, breakable, changed, clock, count, make, short, svg } from "./dom.js";
import { comparedPhotos, store } from "./state.js";
import { ARROWS, STAGES, stageOf } from "./topology.js";

let answer = null; // the similarity of the last comparison, in percent; null: there is none
const LEVEL_PIXELS = 30; // ends of a horizontal arrow that differ by less are drawn level
const TIP_LENGTH = 10;
const TIP_HALF_WIDTH = 5.5;

export const stageElement = (id) => document.querySelector(`[data-stage="${id}"]`);

/** Whether the stages are shown side by side, with arrows between them. */
export const isWide = () => $("arrows").getBoundingClientRect().width > 0;

/** Draw the boxes; `open` is called with the id of the stage that is clicked. */
export function buildStages(open) {
  $("stages").append(...STAGES.map((stage) => stageBox(stage, open)));
  new ResizeObserver(drawArrows).observe($("diagram"));
}

function stageBox({ id, title, subtitle, column, row, kind }, open) {
  const button = make(
    "button",
    { type: "button", "aria-expanded": "false", "aria-controls": "panel", onclick: () => open(id) },
    make("span", { class: "name" }, breakable(title)),
    make("span", { class: "what" }, subtitle),
    make("span", { class: "count" }),
    make("span", { class: "error", hidden: true }),
  );
  const goes = make("p", { class: "goes" }, arrowsInWords(id));
  const box = make("li", { class: `stage ${kind}`, "data-stage": id }, button, goes);
  box.style.setProperty("--column", column);
  box.style.setProperty("--row", row);
  return box;
}

/** The arrows that leave a stage, for a narrow window and for screen readers. */
function arrowsInWords(id) {
  return ARROWS.filter(({ from }) => from === id)
    .map(({ to, label, failure }) => `${failure ? "⇢" : "→"} ${stageOf(to).title}: ${label}`)
    .join(" · ");
}

/** Draw what has changed; return the ids of these stages. */
export function drawStages() {
  const { stages } = store.state;
  const drawn = STAGES.filter(({ id }) => changed(`stage ${id}`, stages[id]));
  for (const { id, noun } of drawn) {
    const status = stages[id];
    const last = status.last && make("time", { datetime: status.last }, clock(status.last));
    stageElement(id)
      .querySelector(".count")
      .replaceChildren(
        make("span", {}, id === "You" ? status.note : count(status.count, noun)),
        ...(last ? [" · ", last] : []),
      );
    drawError(stageElement(id).querySelector(".error"), status);
  }
  drawAnswer();
  return drawn.map(({ id }) => id);
}

function drawError(element, status) {
  element.hidden = !status.error;
  if (!status.error) return;
  element.title = status.error;
  element.className = status.now ? "error" : "error past";
  const when = status.error_at ? `${clock(status.error_at)} ` : "";
  element.textContent = status.now
    ? `⚠ ${short(status.error, 70)}`
    : `Last error ${when}${short(status.error, 50)}`;
}

/** Show that something came to a stage. */
export function flash(id) {
  const element = stageElement(id);
  element.classList.remove("flash");
  void element.offsetWidth; // begins the animation anew
  element.classList.add("flash");
}

/** The corners of an arrow, as [x, y]: straight, or with a bend in the middle between two rows. */
export function route({ from, to, lane = 0, endLane = lane }) {
  const [startSide, endSide] = sides(stageOf(from), stageOf(to));
  const start = port(from, startSide, lane);
  const end = port(to, endSide, endLane);
  if (stageOf(from).row === stageOf(to).row) {
    const y = Math.abs(start[1] - end[1]) < LEVEL_PIXELS ? (start[1] + end[1]) / 2 : start[1];
    return [
      [start[0], y],
      [end[0], y],
    ];
  }
  if (Math.abs(start[0] - end[0]) < 2) return [start, [start[0], end[1]]];
  const middle = (start[1] + end[1]) / 2;
  return [start, [start[0], middle], [end[0], middle], end];
}

/** The sides of two boxes that face each other. */
function sides(from, to) {
  if (from.row === to.row) return from.column < to.column ? ["right", "left"] : ["left", "right"];
  return from.row < to.row ? ["bottom", "top"] : ["top", "bottom"];
}

/** The point on a side of a box where an arrow starts or ends, in pixels of the diagram. */
function port(id, side, lane) {
  const frame = $("diagram").getBoundingClientRect();
  const box = stageElement(id).getBoundingClientRect();
  const [left, top] = [box.left - frame.left, box.top - frame.top];
  const along = 0.5 + lane;
  const points = {
    left: [left, top + box.height * along],
    right: [left + box.width, top + box.height * along],
    top: [left + box.width * along, top],
    bottom: [left + box.width * along, top + box.height],
  };
  return points[side];
}

function drawArrows() {
  $("arrows").replaceChildren();
  if (isWide()) $("arrows").append(...ARROWS.flatMap(arrowShapes));
}

/** The line, the tip and the label of an arrow. */
function arrowShapes(arrow) {
  const points = route(arrow);
  const kind = arrow.failure ? "dashed" : "";
  return [
    svg("path", { class: kind, d: `M${line(points).join("L")}` }),
    svg("polygon", { class: kind, points: tip(points).join(" ") }),
    svg("text", { class: kind, ...labelPlace(points) }, labelOf(arrow)),
  ];
}

/** What stands at an arrow; at Rekognition's answer, the similarity of the last comparison. */
function labelOf({ from, label }) {
  if (from !== "Rekognition" || answer === null) return label;
  return `${answer.toFixed(answer < 99.95 ? 1 : 0)} %`; // there is no room for more digits
}

/** Let Rekognition's answer show the last comparison's similarity. */
function drawAnswer() {
  const similarity = comparedPhotos()[0]?.photo.similarity ?? null;
  if (answer === similarity) return;
  answer = similarity;
  drawArrows();
}

/** The direction in which an arrow ends, as a vector of length 1. */
function direction(points) {
  const [[x1, y1], [x2, y2]] = points.slice(-2);
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  return [(x2 - x1) / length, (y2 - y1) / length];
}

/** The line ends inside of the tip. */
function line(points) {
  const [x, y] = points.at(-1);
  const [ux, uy] = direction(points);
  return [...points.slice(0, -1), [x - 8 * ux, y - 8 * uy]];
}

function tip(points) {
  const [x, y] = points.at(-1);
  const [ux, uy] = direction(points);
  const [baseX, baseY] = [x - TIP_LENGTH * ux, y - TIP_LENGTH * uy];
  const [acrossX, acrossY] = [TIP_HALF_WIDTH * uy, TIP_HALF_WIDTH * ux];
  return [
    [x, y],
    [baseX - acrossX, baseY + acrossY],
    [baseX + acrossX, baseY - acrossY],
  ];
}

/** Above the middle of a level arrow, in that of a bent one, or to the right of a vertical one. */
function labelPlace(points) {
  const middle = Math.floor(points.length / 2);
  const [[x1, y1], [x2, y2]] = points.slice(middle - 1, middle + 1);
  const above = points.length === 2 ? 7 : -4; // a bend has little room between two rows
  if (y1 === y2) return { x: (x1 + x2) / 2, y: y1 - above, "text-anchor": "middle" };
  return { x: x1 + 8, y: (y1 + y2) / 2 + 4 };
}
