// The mail: the confirmation to click, and the notifications.

import { $, announce, changed, clock, complain, make, redraw, send } from "./dom.js";
import { mails, posts, store } from "./state.js";
import { showPost } from "./timeline.js";

const URLS = /https?:\/\/[^\s]+/g;

/** The text of a mail with its links: those that lead out of this computer are marked. */
function letter(mail) {
  const element = make("div", { class: "letter" });
  let position = 0;
  for (const found of mail.body.matchAll(URLS)) {
    element.append(mail.body.slice(position, found.index));
    const [url] = found;
    const isPost = mail.post && url.startsWith("https://x.com/") && posts.has(mail.post);
    element.append(make("span", { class: "offline-link" }, url));
    if (isPost)
      element.append(
        " (",
        make(
          "a",
          { href: `#post-${mail.post}`, onclick: () => showPost(mail.post) },
          "see the post here",
        ),
        ")",
      );
    else if (!mail.confirms) element.append(make("em", {}, " (not available offline)"));
    position = found.index + url.length;
  }
  element.append(mail.body.slice(position));
  return element;
}

export function drawMails() {
  const { state } = store;
  const shown = [...mails.values()].sort((a, b) => b.number - a.number);
  if (!changed("mails", [state.mails, shown])) return;
  const old = new Map(
    [...document.querySelectorAll(".mail")].map((e) => [
      e.dataset.number,
      e.querySelector("details").open,
    ]),
  );
  $("mail-count").textContent = state.mails ? `(${state.mails})` : "";
  $("mail-empty").hidden = shown.length > 0;
  $("mail-end").hidden = state.mails <= shown.length;
  $("mail-end").textContent =
    `${state.mails - shown.length} older mails are counted, but not shown here any more.`;
  redraw(
    $("mails"),
    shown.map((mail, index) => {
      const number = String(mail.number);
      const body = make(
        "div",
        { class: "body" },
        make("p", { class: "faint" }, `To: ${mail.to} · ${clock(mail.sent)}`),
        letter(mail),
      );
      if (mail.confirms && mail.confirmed)
        body.append(make("p", {}, "✓ Confirmed, or no longer needed."));
      else if (mail.confirms) {
        const button = make(
          "button",
          { type: "button", class: "primary", "data-focus": `confirm ${number}` },
          "Confirm subscription",
        );
        button.addEventListener("click", () => confirmMail(number));
        body.append(button);
      }
      const open = old.has(number)
        ? old.get(number)
        : index === 0 || (mail.confirms && !mail.confirmed);
      const todo = mail.confirms && !mail.confirmed ? "To confirm: " : "";
      const summary = make(
        "summary",
        { "data-focus": `mail ${number}` },
        make("span", { class: "faint" }, `${clock(mail.sent)}  `),
        make("b", {}, todo + mail.subject),
      );
      return make(
        "li",
        { class: "mail", id: `mail-${number}`, "data-number": number },
        make("details", { open }, summary, body),
      );
    }),
  );
}

async function confirmMail(number) {
  complain("mail-message", "");
  try {
    await send(`/mails/${number}/confirm`);
    announce("The subscription is confirmed.");
    $("mail").focus();
  } catch (error) {
    complain("mail-message", error.message);
  }
}
