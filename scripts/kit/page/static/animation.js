// The animation: photos that move along the arrows.

import { flash, isWide, route } from "./diagram.js";
import { $, announce, make, short } from "./dom.js";
import { photoStatus } from "./status.js";
import { arrowsTo, MILESTONES } from "./topology.js";

const MAX_TOKENS = 6; // photos that move at the same time
const MILLISECONDS = 550; // along an arrow
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const journeys = new Map(); // media key → how many of its ways wait, and the promise of their end

/** Let a photo move along its new way, and announce when it has come to its end. */
export function follow(old, photo, post) {
  const reached = MILESTONES.filter((milestone) => photo[milestone] && !old?.[milestone]);
  if (reached.length) enqueue(photo.key, reached.flatMap(arrowsTo));
  const before = old && photoStatus(old, post);
  const now = photoStatus(photo, post);
  if (now.done && before?.text !== now.text) {
    announce(`Photo of “${short(post.text, 40)}”: ${now.text}`);
  }
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
  const token = make("img", { class: "token", src: `/photos/${key}`, alt: "" });
  token.addEventListener("error", () => token.removeAttribute("src"));
  $("tokens").append(token);
  const options = { duration: MILLISECONDS, easing: "ease-in-out", fill: "forwards" };
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
