// The animation: photos that move along the arrows.

import { flash, isWide, route } from "./diagram.js";
import { $, announce, make, percent, short } from "./dom.js";
import { store } from "./state.js";
import { photoStatus } from "./status.js";
import { arrowsTo, MILESTONES } from "./topology.js";
import { toast } from "./widgets.js";

const MAX_TOKENS = 6; // photos that move at the same time
const MILLISECONDS = 550; // along an arrow
const SLOW = 0.25;
let speed = 1;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const journeys = new Map(); // media key → how many of its ways wait, and the promise of their end

const image = ({ key }) => `/photos/${key}`;

/** A quarter of the speed, or all of it again; return which. */
export function toggleSlowMotion() {
  speed = speed === 1 ? SLOW : 1;
  return speed;
}

/** Let a photo move along its new way, and announce when it has come to its end. */
export function follow(old, photo, post) {
  const reached = MILESTONES.filter((milestone) => photo[milestone] && !old?.[milestone]);
  if (reached.length) enqueue(photo.key, reached.flatMap(arrowsTo));
  const before = old && photoStatus(old, post);
  const now = photoStatus(photo, post);
  if (!now.done || before?.text === now.text) return;
  const text = `Photo of “${short(post.text, 40)}”: ${now.text}`;
  const match = `✓ Match ${percent(photo.similarity ?? 0)} · mail sent`;
  if (photo.mailed) toast(match, `/reference?etag=${store.state.reference.etag}`, image(photo));
  else if (now.kind === "bad") toast(text, image(photo));
  else announce(text);
}

/** Let a photo move when it has ended its way before this; the same one may be in many posts. */
function enqueue(key, arrows) {
  const journey = journeys.get(key) || { waiting: 0, end: Promise.resolve() };
  const full = journey.waiting ? journey.waiting >= MILESTONES.length : journeys.size >= MAX_TOKENS;
  if (full) return;
  journeys.set(key, journey);
  journey.waiting += 1;
  journey.end = journey.end
    .then(() => travel(key, arrows))
    .then(() => {
      journey.waiting -= 1;
      if (!journey.waiting) journeys.delete(key);
    });
}

async function travel(key, arrows) {
  if (calm.matches || !isWide() || document.hidden) return;
  const token = make("img", { class: "token", src: image({ key }), alt: "" });
  token.addEventListener("error", () => token.removeAttribute("src"));
  $("tokens").append(token);
  const options = { duration: MILLISECONDS / speed, easing: "ease-in-out", fill: "forwards" };
  try {
    for (const arrow of arrows) {
      await token.animate(keyframes(route(arrow)), options).finished;
      flash(arrow.to);
    }
  } catch {
    // The diagram was hidden in the meantime.
  } finally {
    token.remove();
  }
}

/** Keyframes along a line, at the same speed on each of its parts. */
function keyframes(points) {
  const lengths = points.map(([x, y], index) => {
    const [beforeX, beforeY] = points[index - 1] || [x, y];
    return Math.hypot(x - beforeX, y - beforeY);
  });
  const total = lengths.reduce((sum, length) => sum + length) || 1;
  let done = 0;
  return points.map(([x, y], index) => {
    done += lengths[index];
    return { transform: `translate(${x}px, ${y}px)`, offset: Math.min(1, done / total) };
  });
}
