// The timeline: the newest posts, and how far each photo has come.

import { showComparison } from "./comparison.js";
import { $, clock, hidden, make } from "./dom.js";
import { newestFirst, posts, store } from "./state.js";
import { photoStatus } from "./status.js";
import { MILESTONES } from "./topology.js";

const SHOWN_POSTS = 20;
let shownPosts = SHOWN_POSTS;
const timeline = new Map(); // id → {v, element}

/** Forget what is drawn: it is of another run. */
export function clearTimeline() {
  timeline.clear();
  $("timeline").replaceChildren();
}

function shot(photo, post, number) {
  const { reached, text, kind } = photoStatus(photo, post);
  const image = make("img", {
    src: `/photos/${photo.key}`,
    alt: `Photo ${number + 1} of the post`,
    loading: "lazy",
    width: 94,
    height: 94,
    onerror: (event) => event.target.replaceWith(make("span", { class: "nothing" }, "no picture")),
  });
  const bar = make("div", { class: "bar", "aria-hidden": "true" });
  MILESTONES.forEach((_, index) => {
    const bad = kind === "bad" && index === reached;
    bar.append(make("i", { class: bad ? "bad" : index < reached ? "on" : "" }));
  });
  const icon = { match: "✓ ", other: "✗ ", bad: "⚠ " }[kind] || "";
  const info = make(
    "div",
    {},
    bar,
    make("p", { class: `status ${kind === "match" ? "match" : kind ? "other" : ""}` }, icon + text),
  );
  if (photo.faces) {
    const show = () => showComparison(photo.key);
    info.append(
      make(
        "button",
        { type: "button", onclick: show, "data-focus": `show ${photo.key}` },
        "See the faces",
        hidden(` of photo ${number + 1} of “${post.text.slice(0, 40)}”`),
      ),
    );
  }
  return make(
    "div",
    { class: "shot", "data-photo": photo.key, "data-reached": reached },
    photo.type === "photo" ? image : make("span", { class: "nothing" }, "video"),
    info,
  );
}

function drawPost(post) {
  return make(
    "li",
    { class: "post", id: `post-${post.id}` },
    make(
      "p",
      { class: "who" },
      make("b", {}, `@${post.username}`),
      " ",
      make("time", { datetime: post.created_at }, clock(post.created_at)),
    ),
    make("p", { class: "text" }, post.text),
    post.photos.length
      ? make(
          "div",
          { class: "photos" },
          ...post.photos.map((photo, number) => shot(photo, post, number)),
        )
      : null,
  );
}

/** Change one post in its place: only the photos whose photoStatus has changed are drawn again. */
function updatePost(element, post) {
  post.photos.forEach((photo, number) => {
    const old = element.querySelector(`[data-photo="${photo.key}"]`);
    const fresh = shot(photo, post, number);
    const oldImage = old.firstElementChild;
    const key = old.contains(document.activeElement) && document.activeElement.dataset.focus;
    if (oldImage.tagName === "IMG") fresh.firstElementChild.replaceWith(oldImage);
    old.replaceWith(fresh);
    if (key) fresh.querySelector(`[data-focus="${key}"]`)?.focus();
  });
}

export function drawTimeline() {
  const visible = newestFirst().slice(0, shownPosts);
  const ids = new Set(visible.map((post) => post.id));
  for (const [id, { element }] of timeline) {
    if (!ids.has(id)) {
      element.remove();
      timeline.delete(id);
    }
  }
  let before = null;
  for (const post of visible) {
    let shown = timeline.get(post.id);
    if (!shown) {
      shown = { v: post.v, element: drawPost(post) };
      timeline.set(post.id, shown);
      if (before) before.after(shown.element);
      else $("timeline").prepend(shown.element);
    } else if (shown.v !== post.v) {
      updatePost(shown.element, post);
      shown.v = post.v;
    }
    before = shown.element;
  }
  const total = store.state.stages.X.count;
  const end = total > posts.size && shownPosts >= posts.size;
  $("timeline-empty").hidden = total > 0;
  $("older").hidden = posts.size <= visible.length;
  $("timeline-end").hidden = !end;
  if (end)
    $("timeline-end").textContent =
      `${total - posts.size} older posts are counted, but not shown here any more.`;
}

/** Draw so many posts that this one is among them. */
export function showPost(id) {
  const place = newestFirst().findIndex((one) => one.id === id);
  if (place >= shownPosts) {
    shownPosts = place + 1;
    drawTimeline();
  }
}

/** Make its button work. */
export function buildTimeline() {
  $("older").addEventListener("click", () => {
    shownPosts += SHOWN_POSTS;
    drawTimeline();
  });
}
