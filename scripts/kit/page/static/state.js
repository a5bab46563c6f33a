// The state of the workshop in the browser. It is bounded: only the newest posts and mails.

import { announce } from "./dom.js";

const SHOWN_MAILS = 30;
const MAX_LINES = 2000;
export const store = { run: "", version: 0, line: 0, state: null };
export const posts = new Map(); // by id
export const mails = new Map(); // by number
export const lines = []; // of the log of the exercise's function

/** Ids grow with time; those of X have 19 digits. */
const isOlder = (one, other) => BigInt(one) < BigInt(other);
export const newestFirst = () => [...posts.values()].sort((a, b) => (isOlder(a.id, b.id) ? 1 : -1));

/** The photos that were compared, each with its post, the newest comparison first. */
export function comparedPhotos() {
  return [...posts.values()]
    .flatMap((post) => post.photos.map((photo) => ({ photo, post })))
    .filter(({ photo }) => photo.compared)
    .sort((a, b) => (a.photo.compared < b.photo.compared ? 1 : -1));
}

/** Merge news into the state. Return the changed posts as [before, now]; null when all is new. */
export function merge(news) {
  const first = news.run !== store.run;
  if (first) {
    posts.clear();
    mails.clear();
    lines.length = 0;
  }
  store.run = news.run;
  store.version = news.version;
  store.line = news.lines;
  store.state = news;
  lines.push(...news.log);
  lines.splice(0, lines.length - MAX_LINES);
  const changes = mergePosts(news);
  mergeMails(news, first);
  return first ? null : changes;
}

function mergePosts(news) {
  const changes = news.posts.map((post) => [posts.get(post.id), post]);
  for (const post of news.posts) posts.set(post.id, post);
  for (const id of [...posts.keys()]) {
    if (!news.oldest_post || isOlder(id, news.oldest_post)) posts.delete(id);
  }
  return changes;
}

function mergeMails(news, first) {
  for (const mail of news.mail) {
    if (!first && !mails.has(mail.number)) announce(`New mail: ${mail.subject}`);
    mails.set(mail.number, mail);
  }
  const numbers = [...mails.keys()].sort((a, b) => a - b);
  for (const number of numbers.slice(0, -SHOWN_MAILS)) mails.delete(number);
}
