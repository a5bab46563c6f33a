// The mail: the confirmation to click, and the notifications.

import {
  $,
  announce,
  changed,
  clock,
  make,
  openDetails,
  redraw,
  send,
  showMessage,
} from "./dom.js";
import { mails, posts, store } from "./state.js";
import { showPost } from "./timeline.js";

// The console's address of a photo; the key is encoded there as it is in the addresses here.
const PHOTO = /^https:\/\/console\.aws\.amazon\.com\/s3\/object\/([\w.-]+)\?prefix=([^&#]+)$/;
const URLS = /https?:\/\/[^\s]+/g;

export function drawMails() {
  const total = store.state.mails;
  const shown = [...mails.values()].sort((a, b) => b.number - a.number);
  if (!changed("mails", [total, shown])) return;
  $("mail-count").textContent = total ? `(${total})` : "";
  $("mail-empty").hidden = shown.length > 0;
  $("mail-end").hidden = total <= shown.length;
  $("mail-end").textContent =
    `${total - shown.length} older mails are counted, but not shown here any more.`;
  const wasOpen = openDetails($("mails"));
  redraw(
    $("mails"),
    shown.map((mail, index) => {
      const key = String(mail.number);
      const open = wasOpen.has(key) ? wasOpen.get(key) : index === 0 || isToConfirm(mail);
      const details = make("details", { open, "data-key": key }, summary(mail), body(mail));
      return make("li", { class: "mail", id: `mail-${key}` }, details);
    }),
  );
}

const isToConfirm = (mail) => mail.confirms && !mail.confirmed;

function summary(mail) {
  return make(
    "summary",
    { "data-focus": `mail ${mail.number}` },
    make("span", { class: "faint" }, `${clock(mail.sent)}  `),
    make("b", {}, (isToConfirm(mail) ? "To confirm: " : "") + mail.subject),
  );
}

function body(mail) {
  const head = make("p", { class: "faint" }, `To: ${mail.to} · ${clock(mail.sent)}`);
  const element = make("div", { class: "body" }, head, letter(mail));
  if (isToConfirm(mail)) {
    const attributes = {
      type: "button",
      class: "primary",
      "data-focus": `confirm ${mail.number}`,
      onclick: () => confirmMail(mail.number),
    };
    element.append(make("button", attributes, "Confirm subscription"));
  } else if (mail.confirms) {
    element.append(make("p", {}, "✓ Confirmed, or no longer needed."));
  }
  return element;
}

/** The text of a mail with its links: those that lead out of this computer are marked. */
function letter(mail) {
  const element = make("div", { class: "letter" });
  let position = 0;
  for (const found of mail.body.matchAll(URLS)) {
    const [url] = found;
    element.append(mail.body.slice(position, found.index));
    element.append(make("span", { class: "offline-link" }, url));
    element.append(...afterLink(mail, url));
    position = found.index + url.length;
  }
  element.append(mail.body.slice(position));
  return element;
}

/** After a link to a post or photo that is here: the way to it. After another: it is of no use. */
function afterLink(mail, url) {
  if (mail.post && url.startsWith("https://x.com/") && posts.has(mail.post)) {
    const attributes = { href: `#post-${mail.post}`, onclick: () => showPost(mail.post) };
    return [" (", make("a", attributes, "see the post here"), ")"];
  }
  const photo = url.match(PHOTO);
  if (photo) {
    return [" (", make("a", { href: `#/data/${photo[1]}/${photo[2]}` }, "see the photo here"), ")"];
  }
  return mail.confirms ? [] : [make("em", {}, " (not available offline)")];
}

async function confirmMail(number) {
  showMessage("mail-message", "");
  try {
    await send(`/mails/${number}/confirm`);
    announce("The subscription is confirmed.");
    $("mail").focus();
  } catch (error) {
    showMessage("mail-message", error.message);
  }
}
