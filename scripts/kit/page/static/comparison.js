// The photo compared: both pictures with the faces' boxes, and the similarity.

import { $, changed, clock, hidden, make, percent, redraw, short } from "./dom.js";
import { comparedPhotos, store } from "./state.js";
import { openTab } from "./tabs.js";
import { imageWithBoxes } from "./widgets.js";

const SHOWN_COMPARISONS = 8;
let chosen = null; // the comparison to show: a media key, or null for the newest
let newest = null; // the media key of the newest one

export function draw() {
  const { reference } = store.state;
  const all = comparedPhotos();
  const latest = all[0]?.photo.key;
  if (latest !== newest || !all.some(({ photo }) => photo.key === chosen)) chosen = null;
  newest = latest;
  const current = all.find(({ photo }) => photo.key === chosen) || all[0];
  const shown = all.slice(0, SHOWN_COMPARISONS);
  const outcomes = shown.map(({ photo }) => [photo.key, photo.outcome, photo.similarity]);
  if (!changed("comparison", [current?.photo, outcomes, reference, chosen])) return;
  $("compared-empty").hidden = Boolean(current);
  $("comparison").hidden = !current;
  if (!current) return;
  drawVerdict(current.photo);
  drawReference(reference, current.photo);
  drawPhoto(current);
  redraw(
    $("comparisons"),
    shown.map((one) => make("li", {}, comparisonButton(one, one === current))),
  );
  $("newest").hidden = !chosen || chosen === all[0].photo.key;
}

function drawVerdict({ faces, similarity, refused }) {
  const isMatch = faces?.matched.length > 0;
  $("verdict").className = isMatch ? "match" : "other";
  if (!faces) {
    $("verdict").textContent = `✗ Not compared: ${refused || "Rekognition gave an error."}`;
  } else if (isMatch) {
    $("verdict").textContent = `✓ Match: ${percent(similarity)} similar`;
  } else {
    $("verdict").textContent = `✗ No match: ${percent(similarity)} similar at most`;
  }
}

/** Draw the reference photo of now, with its face if it is the one that was compared. */
function drawReference({ name, etag, modified }, { faces, compared }) {
  const isSame = etag && modified <= compared;
  $("caption-reference").textContent = isSame
    ? `${name}, the reference photo`
    : `${name}: changed since this comparison`;
  if (!etag) {
    const message = "There is no reference photo now.";
    $("frame-reference").replaceChildren(make("p", { class: "faint" }, message));
    return;
  }
  imageWithBoxes(
    $("frame-reference"),
    `/reference?size=large&etag=${etag}`,
    `The reference photo, ${name}`,
    isSame && faces ? [{ box: faces.source, label: "reference" }] : [],
  );
}

function drawPhoto({ photo, post }) {
  const { matched = [], unmatched = [] } = photo.faces || {};
  imageWithBoxes(
    $("frame-photo"),
    `/photos/${photo.key}?from=s3&size=large&etag=${photo.etag}`,
    `The photo of the post “${post.text}”`,
    [
      ...matched.map(({ box, similarity }) => ({ box, label: `✓ ${percent(similarity)}` })),
      ...unmatched.map(({ box }) => ({ box, unmatched: true, label: "✗ other" })),
    ],
  );
  const time = clock(photo.compared);
  const found = `${faceCount(matched)} matched (solid box), ${faceCount(unmatched)} unmatched`;
  $("caption-photo").textContent = photo.faces
    ? `${found} (dashed box). Post of @${post.username}, compared at ${time}.`
    : `Post of @${post.username}, ${time}.`;
}

const faceCount = (faces) => `${faces.length} ${faces.length === 1 ? "face" : "faces"}`;

function comparisonButton({ photo, post }, isCurrent) {
  const mark = photo.faces?.matched.length > 0 ? "✓" : "✗";
  const verdict = photo.faces ? `${mark} ${percent(photo.similarity)}` : "no face or error";
  const choose = () => {
    chosen = photo.key;
    draw();
  };
  return make(
    "button",
    {
      type: "button",
      "aria-pressed": String(isCurrent),
      "data-focus": `compare ${photo.key}`,
      onclick: choose,
    },
    make("img", { src: `/photos/${photo.key}`, alt: "" }),
    make("span", {}, verdict, hidden(`, photo of “${short(post.text, 40)}”`)),
  );
}

/** Show the comparison of a photo, or null for the newest, and go there. */
export function showComparison(key) {
  chosen = key;
  draw();
  openTab("compare");
  $("compared").focus();
  $("compared").scrollIntoView({ block: "start" });
}

/** Make its button work. */
export function build() {
  $("newest").addEventListener("click", () => showComparison(null));
}
