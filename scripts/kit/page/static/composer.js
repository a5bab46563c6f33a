// Writing a post with up to four photos.

import { $, announce, complain, hidden, make, redraw, send } from "./dom.js";
import { choose, droppable, LIMITS, refusal, sampleButtons, shortName } from "./files.js";

const MAX_PHOTOS = 4;
const attachments = []; // {name, file, url} or {name, sample, url}

async function attach(files) {
  complain("post-message", "");
  for (const file of files) {
    const problem =
      attachments.length >= MAX_PHOTOS
        ? `A post has at most ${MAX_PHOTOS} photos.`
        : await refusal(file, LIMITS.post, ["JPEG", "PNG", "GIF", "WebP"]);
    if (problem) {
      complain("post-message", problem);
      break;
    }
    attachments.push({ name: shortName(file.name), file, url: URL.createObjectURL(file) });
  }
  drawPreviews();
}

function drawPreviews() {
  redraw(
    $("previews"),
    attachments.map((photo, number) =>
      make(
        "li",
        {},
        make("img", { src: photo.url, alt: "" }),
        make("span", {}, photo.name),
        make(
          "button",
          {
            type: "button",
            onclick: () => {
              detach(number);
              ($("previews").querySelectorAll("button")[number] || $("post-files")).focus();
            },
          },
          "Remove",
          hidden(` ${photo.name}`),
        ),
      ),
    ),
  );
}

function detach(number) {
  const [photo] = attachments.splice(number, 1);
  if (photo.file) URL.revokeObjectURL(photo.url);
  drawPreviews();
}

async function post(event) {
  event.preventDefault();
  const button = $("post-button");
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  button.textContent = "Posting …";
  complain("post-message", "");
  try {
    const photos = [];
    for (const photo of attachments) {
      if (photo.sample) photos.push({ sample: photo.sample });
      else photos.push(await send("/photos", { body: photo.file }));
    }
    const body = JSON.stringify({ text: $("post-text").value, photos });
    await send("/posts", { body, headers: { "Content-Type": "application/json" } });
    while (attachments.length) detach(0);
    $("post-text").value = "";
    announce("Posted.");
  } catch (error) {
    complain("post-message", error.message);
  } finally {
    button.removeAttribute("aria-disabled");
    button.textContent = "Post";
  }
}

function attachSample(sample) {
  const full = attachments.length >= MAX_PHOTOS;
  complain("post-message", full ? `A post has at most ${MAX_PHOTOS} photos.` : "");
  if (full) return;
  attachments.push({ name: sample, sample, url: `/samples/${sample}` });
  drawPreviews();
}

/** Make the form work. */
export function buildForm() {
  choose($("post-files"), attach);
  droppable($("post-form"), attach);
  $("post-form").addEventListener("submit", post);
  $("post-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("post-form").requestSubmit();
  });
  $("post-samples").append(...sampleButtons(attachSample));
}
