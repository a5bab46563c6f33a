// What is store of the workshop. It is bounded: so many posts and mails, however many there were.

import { announce } from "./dom.js";

const SHOWN_MAILS = 30;
export const store = { run: "", version: 0, state: null };
export const posts = new Map(); // by id
export const mails = new Map(); // by number

/** Ids grow with time; those of X have 19 digits. */
const isOlder = (one, other) => BigInt(one) < BigInt(other);
export const newestFirst = () => [...posts.values()].sort((a, b) => (isOlder(a.id, b.id) ? 1 : -1));

/** Take in what is new. Say of each changed post what it was before; null when all is new. */
export function learn(news) {
  const first = news.run !== store.run;
  if (first) {
    posts.clear();
    mails.clear();
  }
  store.run = news.run;
  store.version = news.version;
  store.state = news;
  const changes = [];
  for (const post of news.posts) {
    changes.push([posts.get(post.id), post]);
    posts.set(post.id, post);
  }
  for (const id of [...posts.keys()]) {
    if (!news.oldest_post || isOlder(id, news.oldest_post)) posts.delete(id);
  }
  for (const mail of news.mail) {
    if (!first && !mails.has(mail.number)) announce(`New mail: ${mail.subject}`);
    mails.set(mail.number, mail);
  }
  for (const number of [...mails.keys()].sort((a, b) => a - b).slice(0, -SHOWN_MAILS)) {
    mails.delete(number);
  }
  return first ? null : changes;
}
