// The timeline: the newest posts, and how far each photo has come.

import { $, breakable, clock, hidden, keepFocus, make } from "./dom.js";
import { newestFirst, posts, store } from "./state.js";
import { photoStatus } from "./status.js";
import { MILESTONES } from "./topology.js";

const SHOWN_POSTS = 20;
const NO_PHOTO = "No photo: the stream's rule takes posts with photos, so this one stays on X.";
const ICONS = { match: "✓ ", other: "✗ ", bad: "⚠ " };
let shownPosts = SHOWN_POSTS;
const drawnPosts = new Map(); // id → {version, element}

/** Forget what is drawn: it is of another run. */
export function clearTimeline() {
  drawnPosts.clear();
  $("timeline").replaceChildren();
}

export function drawTimeline() {
  const visible = newestFirst().slice(0, shownPosts);
  removeOthers(visible);
  let before = null;
  for (const post of visible) {
    const element = drawPost(post);
    if (element.isConnected) updatePost(element, post);
    else if (before) before.after(element);
    else $("timeline").prepend(element);
    drawnPosts.set(post.id, { version: post.v, element });
    before = element;
  }
  drawEnd(visible.length);
}

function removeOthers(visible) {
  const ids = new Set(visible.map((post) => post.id));
  for (const [id, { element }] of drawnPosts) {
    if (!ids.has(id)) {
      element.remove();
      drawnPosts.delete(id);
    }
  }
}

function drawEnd(visible) {
  const total = store.state.stages.X.count;
  $("timeline-empty").hidden = total > 0;
  $("older").hidden = posts.size <= visible;
  $("timeline-end").hidden = total <= posts.size || shownPosts < posts.size;
  $("timeline-end").textContent =
    `${total - posts.size} older posts are counted, but not shown here any more.`;
}

/** The element of a post: the one that is drawn already, or a new one. */
function drawPost(post) {
  const drawn = drawnPosts.get(post.id);
  if (drawn) return drawn.element;
  const author = make("b", {}, `@${post.username}`);
  const time = make("time", { datetime: post.created_at }, clock(post.created_at));
  const photos = post.photos.map((photo, index) => drawPhoto(photo, post, index));
  return make(
    "li",
    { class: "post", id: `post-${post.id}` },
    make("p", { class: "who" }, author, " ", time),
    make("p", { class: "text" }, post.text),
    photos.length
      ? make("div", { class: "photos" }, ...photos)
      : make("p", { class: "status faint" }, NO_PHOTO),
  );
}

/** Change a drawn post in its place, if it has changed; its pictures are not loaded again. */
function updatePost(element, post) {
  if (drawnPosts.get(post.id).version === post.v) return;
  for (const [index, photo] of post.photos.entries()) {
    const old = element.querySelector(`[data-photo="${photo.key}"]`);
    const fresh = drawPhoto(photo, post, index);
    const image = old.firstElementChild;
    keepFocus(old, () => {
      if (image.tagName === "IMG") fresh.firstElementChild.replaceWith(image);
      old.replaceWith(fresh);
      return fresh;
    });
  }
}

function drawPhoto(photo, post, index) {
  const { reached, text, kind } = photoStatus(photo, post);
  const style = kind === "match" ? "match" : kind && "other";
  const info = make(
    "div",
    {},
    progressBar(reached, kind === "bad"),
    make("p", { class: `status ${style || ""}` }, (ICONS[kind] || "") + breakable(text)),
    photo.faces ? facesButton(photo, post, index) : null,
  );
  const attributes = { class: "shot", "data-photo": photo.key, "data-reached": reached };
  return make(
    "div",
    attributes,
    photo.type === "photo" ? image(photo, index) : noImage("video"),
    info,
  );
}

function image(photo, index) {
  return make("img", {
    src: `/photos/${photo.key}`,
    alt: `Photo ${index + 1} of the post`,
    loading: "lazy",
    width: 94,
    height: 94,
    onerror: (event) => event.target.replaceWith(noImage("no picture")),
  });
}

const noImage = (text) => make("span", { class: "nothing" }, text);

/** A field for each milestone; the one at which the photo has failed is red. */
function progressBar(reached, failed) {
  const style = (index) => {
    if (index < reached) return "on";
    return failed && index === reached ? "bad" : "";
  };
  const fields = MILESTONES.map((_, index) => make("i", { class: style(index) }));
  return make("div", { class: "bar", "aria-hidden": "true" }, ...fields);
}

function facesButton(photo, post, index) {
  const show = async () => (await import("./comparison.js")).showComparison(photo.key);
  return make(
    "button",
    { type: "button", onclick: show, "data-focus": `show ${photo.key}` },
    "See the faces",
    hidden(` of photo ${index + 1} of “${post.text.slice(0, 40)}”`),
  );
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
