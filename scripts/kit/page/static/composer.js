// The composer: write a post with a few photos.

import { LIMITS } from "./constants.js";
import { $, announce, hidden, json, make, redraw, send, showMessage } from "./dom.js";
import { choose, droppable, fileError, sampleButtons, shortName } from "./files.js";
import { toast } from "./widgets.js";

const DRAFT = "draft of a post"; // in the storage of this tab
const attachments = []; // {name, file, url} or {name, sample, url}

/** A message if there are enough photos already. */
function countError() {
  return attachments.length < LIMITS.photos ? "" : `A post has at most ${LIMITS.photos} photos.`;
}

async function attach(files) {
  showMessage("post-message", "");
  for (const file of files) {
    const message = countError() || (await fileError(file, LIMITS.post));
    if (message) {
      showMessage("post-message", message);
      break;
    }
    attachments.push({ name: shortName(file.name), file, url: URL.createObjectURL(file) });
  }
  drawPreviews();
}

function attachSample(sample) {
  const message = countError();
  showMessage("post-message", message);
  if (message) return;
  attachments.push({ name: sample, sample, url: `/samples/${sample}` });
  drawPreviews();
}

function drawPreviews() {
  redraw($("previews"), attachments.map(preview));
  saveDraft();
}

function preview({ name, url }, index) {
  const remove = () => {
    detach(index);
    const buttons = $("previews").querySelectorAll("button");
    (buttons[index] || $("post-files")).focus();
  };
  return make(
    "li",
    {},
    make("img", { src: url, alt: "" }),
    make("span", {}, name),
    make("button", { type: "button", onclick: remove }, "Remove", hidden(` ${name}`)),
  );
}

function detach(index) {
  const [photo] = attachments.splice(index, 1);
  if (photo.file) URL.revokeObjectURL(photo.url);
  drawPreviews();
}

/** Keep the text and the samples over a reload; the browser gives no file a second time. */
function saveDraft() {
  const samples = attachments.filter(({ sample }) => sample).map(({ sample }) => sample);
  const files = attachments.length - samples.length;
  const text = $("post-text").value;
  $("post-count").textContent = `${text.length} of ${LIMITS.characters}`;
  sessionStorage.setItem(DRAFT, JSON.stringify({ text, samples, files }));
}

function loadDraft() {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT) || "{}");
  $("post-text").value = draft.text || "";
  for (const sample of draft.samples || []) attachSample(sample);
  if (draft.files) showMessage("post-message", "Choose your photos again: a reload forgets them.");
  saveDraft();
}

async function post(event) {
  event.preventDefault();
  const button = $("post-button");
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  button.textContent = "Posting …";
  showMessage("post-message", "");
  const [text, posted] = [$("post-text").value, [...attachments]];
  try {
    await send("/posts", json({ text, photos: await upload(posted) }));
    // What was written or chosen meanwhile is for the next post.
    for (const photo of posted.filter((one) => attachments.includes(one))) {
      detach(attachments.indexOf(photo));
    }
    if ($("post-text").value === text) $("post-text").value = "";
    saveDraft();
    announce("Posted.");
  } catch (error) {
    showMessage("post-message", error.message);
  } finally {
    button.removeAttribute("aria-disabled");
    button.textContent = "Post";
  }
}

/** Upload photos, one after the other; return what a post names them by. */
async function upload(photos) {
  const names = [];
  for (const { sample, file } of photos) {
    names.push(sample ? { sample } : await send("/photos", { body: file }));
  }
  return names;
}

/** Post photos at once, as the presenter does: {sample} or {file}. */
export async function postNow(photos) {
  try {
    for (const { file } of photos) {
      const message = file && (await fileError(file, LIMITS.post));
      if (message) throw new Error(message);
    }
    await send("/posts", json({ text: "Look who is here", photos: await upload(photos) }));
  } catch (error) {
    toast(error.message);
  }
}

/** Make the form work. */
export function buildComposer() {
  $("post-text").maxLength = LIMITS.characters;
  choose($("post-files"), attach);
  droppable($("post-form"), attach);
  $("post-form").addEventListener("submit", post);
  $("post-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("post-form").requestSubmit();
  });
  $("post-text").addEventListener("input", () => {
    showMessage("post-message", "");
    saveDraft();
  });
  $("post-samples").append(...sampleButtons(attachSample));
  loadDraft();
}
