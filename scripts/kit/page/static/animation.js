// Photos that move along the arrows.

import { flash, isWide, route } from "./diagram.js";
import { $, announce, make, short } from "./dom.js";
import { photoStatus } from "./status.js";
import { ARROWS, MILESTONES, WAYS } from "./topology.js";

const MAX_TOKENS = 6; // photos that move at the same time
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const journeys = new Map(); // media key → how many of its ways wait, and the promise of their end

/** Let a photo move along what is new of its way, and say when it has come to its end. */
export function follow(old, photo, post) {
  const fresh = MILESTONES.filter((milestone) => photo[milestone] && !old?.[milestone]);
  const journey = journeys.get(photo.key) || { waiting: 0, end: Promise.resolve() };
  // The same photo may be in many posts.
  const full = journey.waiting ? journey.waiting >= MILESTONES.length : journeys.size >= MAX_TOKENS;
  if (fresh.length && !full) {
    const way = fresh.flatMap((milestone) => WAYS[milestone]);
    journeys.set(photo.key, journey);
    journey.waiting += 1;
    journey.end = journey.end
      .then(() => travel(photo.key, way))
      .then(() => {
        journey.waiting -= 1;
        if (!journey.waiting) journeys.delete(photo.key);
      });
  }
  const [before, now] = [old && photoStatus(old, post), photoStatus(photo, post)];
  if (now.done && before?.text !== now.text)
    announce(`Photo of “${short(post.text, 40)}”: ${now.text}`);
}

async function travel(key, way) {
  if (calm.matches || !isWide() || document.hidden) return;
  const token = make("img", { class: "token", src: `/photos/${key}`, alt: "" });
  token.addEventListener("error", () => token.removeAttribute("src"));
  $("tokens").append(token);
  try {
    for (const step of way) {
      const [start, end] = step.split(">");
      const points = route(ARROWS.find((arrow) => arrow[0] === start && arrow[3] === end));
      const lengths = points
        .slice(1)
        .map((point, i) => Math.hypot(point[0] - points[i][0], point[1] - points[i][1]));
      const total = lengths.reduce((sum, length) => sum + length, 0) || 1;
      let done = 0;
      const frames = points.map((point, i) => {
        if (i) done += lengths[i - 1];
        return {
          transform: `translate(${point[0]}px, ${point[1]}px)`,
          offset: Math.min(1, done / total),
        };
      });
      await token.animate(frames, { duration: 550, easing: "ease-in-out", fill: "forwards" })
        .finished;
      flash(end);
    }
  } catch {
    // The picture was hidden in the meantime.
  } finally {
    token.remove();
  }
}
