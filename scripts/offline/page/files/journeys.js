// Photos that move along the arrows.

import { $, announce, make, short } from "./dom.js";
import { fate } from "./fate.js";
import { ARROWS, STAGES, WAYS } from "./map.js";
import { flash, isWide, route } from "./picture.js";

const MAX_TOKENS = 6; // photos that move at the same time
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const journeys = new Map(); // media key → the promise that its last way ends

/** Let a photo move along what is new of its way, and say when it has come to its end. */
export function follow(old, photo, post) {
  const fresh = STAGES.filter((stage) => photo[stage] && !old?.[stage]);
  if (fresh.length) {
    const way = fresh.flatMap((stage) => WAYS[stage]);
    if (!journeys.has(photo.key) && journeys.size >= MAX_TOKENS) return;
    const last = journeys.get(photo.key) || Promise.resolve();
    const next = last.then(() => travel(photo.key, way)).then(() => {
      if (journeys.get(photo.key) === next) journeys.delete(photo.key);
    });
    journeys.set(photo.key, next);
  }
  const [before, now] = [old && fate(old, post), fate(photo, post)];
  if (now.done && before?.text !== now.text) announce(`Photo of “${short(post.text, 40)}”: ${now.text}`);
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
      const lengths = points.slice(1).map((point, i) => Math.hypot(point[0] - points[i][0], point[1] - points[i][1]));
      const total = lengths.reduce((sum, length) => sum + length, 0) || 1;
      let done = 0;
      const frames = points.map((point, i) => {
        if (i) done += lengths[i - 1];
        return { transform: `translate(${point[0]}px, ${point[1]}px)`, offset: Math.min(1, done / total) };
      });
      await token.animate(frames, { duration: 550, easing: "ease-in-out", fill: "forwards" }).finished;
      flash(end);
    }
  } catch {
    // The picture was hidden in the meantime.
  } finally {
    token.remove();
  }
}
