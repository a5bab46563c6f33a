// The photo compared: both pictures with the faces' boxes, and the similarity.

import { $, changed, clock, hidden, make, percent, redraw, short } from "./dom.js";
import { posts, store } from "./state.js";
import { imageWithBoxes } from "./widgets.js";

const SHOWN_COMPARISONS = 8;
let chosen = null; // the comparison to show: a media key, or null for the newest

function comparedPhotos() {
  const found = [];
  for (const post of posts.values()) {
    for (const photo of post.photos) if (photo.compared) found.push({ photo, post });
  }
  return found.sort((a, b) => (a.photo.compared < b.photo.compared ? 1 : -1));
}

export function drawComparison() {
  const { state } = store;
  const all = comparedPhotos();
  if (chosen && !all.some(({ photo }) => photo.key === chosen)) chosen = null;
  const current = all.find(({ photo }) => photo.key === chosen) || all[0];
  const shown = all.slice(0, SHOWN_COMPARISONS);
  const summary = [
    current?.photo,
    shown.map(({ photo }) => [photo.key, photo.outcome, photo.similarity]),
    state.reference,
    chosen,
  ];
  if (!changed("comparison", summary)) return;
  $("compared-empty").hidden = Boolean(current);
  $("comparison").hidden = !current;
  if (!current) return;
  const { photo, post } = current;
  const { faces, similarity } = photo;
  const matched = faces?.matched || [];
  const unmatched = faces?.unmatched || [];
  const verdict = $("verdict");
  if (!faces)
    verdict.textContent = `✗ Not compared: ${photo.refused || "Rekognition gave an error."}`;
  else if (matched.length) verdict.textContent = `✓ Match: ${percent(similarity)} similar`;
  else verdict.textContent = `✗ No match: ${percent(similarity)} similar at most`;
  verdict.className = matched.length ? "match" : "other";
  const same = state.reference.etag && state.reference.modified <= photo.compared;
  const name = state.reference.name;
  if (state.reference.etag) {
    imageWithBoxes(
      $("frame-reference"),
      `/reference?size=large&etag=${state.reference.etag}`,
      `The reference photo, ${name}`,
      same && faces ? [{ box: faces.source, label: "reference" }] : [],
    );
  } else
    $("frame-reference").replaceChildren(
      make("p", { class: "faint" }, "There is no reference photo now."),
    );
  $("caption-reference").textContent = same
    ? `${name}, the reference photo`
    : `${name}: changed since this comparison`;
  imageWithBoxes(
    $("frame-photo"),
    `/photos/${photo.key}?from=s3&size=large&etag=${photo.etag}`,
    `The photo of the post “${post.text}”`,
    [
      ...matched.map(({ box, similarity: value }) => ({ box, label: `✓ ${percent(value)}` })),
      ...unmatched.map(({ box }) => ({ box, unmatched: true, label: "✗ other" })),
    ],
  );
  const faceCount = (number) => `${number} ${number === 1 ? "face" : "faces"}`;
  $("caption-photo").textContent = faces
    ? `${faceCount(matched.length)} matched (solid box), ${faceCount(unmatched.length)} unmatched (dashed box). Post of @${post.username}, compared at ${clock(photo.compared)}.`
    : `Post of @${post.username}, ${clock(photo.compared)}.`;
  redraw(
    $("comparisons"),
    shown.map((one) => {
      const isMatch = one.photo.faces?.matched.length > 0;
      const word = !one.photo.faces
        ? "no face or error"
        : `${isMatch ? "✓" : "✗"} ${percent(one.photo.similarity)}`;
      return make(
        "li",
        {},
        make(
          "button",
          {
            type: "button",
            "aria-pressed": String(one === current),
            "data-focus": `compare ${one.photo.key}`,
            onclick: () => {
              chosen = one.photo.key;
              drawComparison();
            },
          },
          make("img", { src: `/photos/${one.photo.key}`, alt: "" }),
          make("span", {}, word, hidden(`, photo of “${short(one.post.text, 40)}”`)),
        ),
      );
    }),
  );
  $("newest").hidden = !chosen || chosen === all[0].photo.key;
}

/** Show the comparison of a photo, or null for the newest, and go there. */
export function showComparison(key) {
  chosen = key;
  drawComparison();
  $("compared").focus();
  $("compared").scrollIntoView({ block: "start" });
}

/** Make its button work. */
export function buildComparison() {
  $("newest").addEventListener("click", () => showComparison(null));
}
