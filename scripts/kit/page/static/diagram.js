// The picture of the pipeline: the stages with their counts, and the arrows between them.

import { $, changed, clock, count, make, short, svg } from "./dom.js";
import { store } from "./state.js";
import { ARROWS, BOX_WIDTH, nounOf, STAGES, stageElement } from "./topology.js";

const goes = (name) =>
  ARROWS.filter(([start]) => start === name)
    .map(
      ([, , , end, , , text, dashed]) =>
        `${dashed ? "⇢" : "→"} ${STAGES.find(([stage]) => stage === end)[1]}: ${text}`,
    )
    .join(" · ");

/** Draw the boxes; `open` is called with the name of the stage that is clicked. */
export function buildStages(open) {
  for (const [id, name, what, column, row, color] of STAGES) {
    const button = make(
      "button",
      {
        type: "button",
        "aria-expanded": "false",
        "aria-controls": "panel",
        onclick: () => open(id),
      },
      make(
        "span",
        { class: "name" },
        name.replace(/(Rekognition|Twitter)(LambdaFunction)/, "$1\u200b$2"),
      ),
      make("span", { class: "what" }, what),
      make("span", { class: "count" }),
      make("span", { class: "error", hidden: true }),
    );
    const stage = make(
      "li",
      { class: `stage ${color}`, "data-stage": id },
      button,
      make("p", { class: "goes" }, goes(id)),
    );
    stage.style.setProperty("--column", column);
    stage.style.setProperty("--row", row);
    $("stages").append(stage);
  }
  new ResizeObserver(drawArrows).observe($("diagram"));
}

/** Draw what has changed; return the names of these stages. */
export function drawStages() {
  const drawn = [];
  for (const [id] of STAGES) {
    const stage = store.state.stages[id];
    if (!changed(`stage ${id}`, stage)) continue;
    const element = stageElement(id);
    element
      .querySelector(".count")
      .replaceChildren(
        make("span", {}, id === "You" ? stage.note : count(stage.count, nounOf[id])),
        ...(stage.last ? [" · ", make("time", { datetime: stage.last }, clock(stage.last))] : []),
      );
    const error = element.querySelector(".error");
    error.hidden = !stage.error;
    if (stage.error) {
      const when = stage.error_at ? `${clock(stage.error_at)} ` : "";
      error.className = `error ${stage.now ? "" : "past"}`;
      error.textContent = stage.now
        ? `⚠ ${short(stage.error, 70)}`
        : `Last error ${when}${short(stage.error, 50)}`;
    }
    drawn.push(id);
  }
  return drawn;
}

/** The point on a side of a box where an arrow starts or ends, in pixels of the picture. */
function port(name, side, shift) {
  const frame = $("diagram").getBoundingClientRect();
  const box = stageElement(name).getBoundingClientRect();
  const along = (shift * box.width) / BOX_WIDTH;
  const [x, y] = [box.left - frame.left, box.top - frame.top];
  const across = { "-24": -0.19, 36: 0.29 }[shift] ?? 0; // of the height, on the sides
  return {
    left: [x, y + box.height * (0.5 + across)],
    right: [x + box.width, y + box.height * (0.5 + across)],
    top: [x + box.width / 2 + along, y],
    bottom: [x + box.width / 2 + along, y + box.height],
  }[side];
}

/** The corners of an arrow: straight, or with a bend in the middle between two rows. */
export function route([start, startSide, startShift, end, endSide, endShift]) {
  const from = port(start, startSide, startShift);
  const to = port(end, endSide, endShift);
  if (startSide === "left" || startSide === "right") {
    const y = Math.abs(from[1] - to[1]) < 30 ? (from[1] + to[1]) / 2 : from[1];
    return [
      [from[0], y],
      [to[0], y],
    ];
  }
  if (Math.abs(from[0] - to[0]) < 2) return [from, [from[0], to[1]]];
  const middle = (from[1] + to[1]) / 2;
  return [from, [from[0], middle], [to[0], middle], to];
}

/** Whether the stages stand side by side, with arrows between them. */
export const isWide = () => getComputedStyle($("arrows")).display !== "none";

function drawArrows() {
  $("arrows").replaceChildren();
  if (!isWide()) return;
  for (const arrow of ARROWS) {
    const points = route(arrow);
    const kind = arrow[7] ? "dashed" : "";
    const [x, y] = points.at(-1);
    const [bx, by] = points.at(-2);
    const length = Math.hypot(x - bx, y - by) || 1;
    const [ux, uy] = [(x - bx) / length, (y - by) / length];
    const line = [...points.slice(0, -1), [x - 8 * ux, y - 8 * uy]];
    $("arrows").append(
      svg("path", { class: kind, d: `M${line.map((point) => point.join(" ")).join("L")}` }),
    );
    const tip = [
      [x, y],
      [x - 10 * ux - 5.5 * uy, y - 10 * uy + 5.5 * ux],
      [x - 10 * ux + 5.5 * uy, y - 10 * uy - 5.5 * ux],
    ];
    $("arrows").append(
      svg("polygon", { class: kind, points: tip.map((point) => point.join(",")).join(" ") }),
    );
    const middle = Math.floor(points.length / 2);
    const [[ax, ay], [ex, ey]] = [points[middle - 1], points[middle]];
    const level = ay === ey;
    const place = level
      ? { x: (ax + ex) / 2, y: ay - 7, "text-anchor": "middle" }
      : { x: ax + 8, y: (ay + ey) / 2 + 4 };
    $("arrows").append(svg("text", { class: kind, ...place }, arrow[6]));
  }
}

/** Show that something came to a stage. */
export function flash(id) {
  const element = stageElement(id);
  element.classList.remove("flash");
  void element.offsetWidth; // begins the animation anew
  element.classList.add("flash");
}
