// The page of the offline workshop. It asks /state for what is new and draws it; what it draws is
// bounded: so many posts, mails and comparisons, however many there were.

const MEGABYTE = 1024 * 1024;
const LIMITS = { post: 32, reference: 15 }; // megabytes
const MAX_PHOTOS = 4;
const SAMPLES = ["obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "landscape.jpg"];
const SHOWN_POSTS = 20;
const SHOWN_MAILS = 30;
const SHOWN_COMPARISONS = 8;
const MAX_TOKENS = 6; // photos that move at the same time
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// name, what it is, column, row, color; in the order of the flow
const HOPS = [
  ["X", "X (Twitter)", "posts with photos", 1, 1, "outside", "posts"],
  ["StreamingInstance", "StreamingInstance", "EC2: twitter_streaming.py", 2, 1, "compute", "posts"],
  ["DeliveryStream", "DeliveryStream", "Amazon Data Firehose", 3, 1, "messages", "lines"],
  ["TwitterBucket", "TwitterBucket", "S3: metadata of posts", 3, 2, "storage", "objects"],
  ["TwitterLambdaFunction", "TwitterLambdaFunction", "downloads the photos", 2, 2, "compute", "runs"],
  ["You", "You", "upload the reference", 1, 2, "outside", "uploads"],
  ["RekognitionBucket", "RekognitionBucket", "S3: images/, reference", 1, 3, "storage", "photos"],
  ["PostsTable", "PostsTable", "DynamoDB: metadata", 2, 3, "storage", "items"],
  ["FailureQueue", "FailureQueue", "SQS: failed events", 3, 3, "messages", "failed events"],
  ["Rekognition", "Amazon Rekognition", "CompareFaces", 1, 4, "outside", "calls"],
  ["RekognitionLambdaFunction", "RekognitionLambdaFunction", "compares faces: your exercise", 2, 4, "compute", "runs"],
  ["MatchTopic", "MatchTopic", "Amazon SNS", 3, 4, "messages", "notifications"],
  ["Inbox", "Your inbox", "possible match", 3, 5, "outside", "mails"],
];
// from, side, shift, to, side, shift, text, dashed
const ARROWS = [
  ["X", "right", 0, "StreamingInstance", "left", 0, "stream"],
  ["StreamingInstance", "right", 0, "DeliveryStream", "left", 0, "lines"],
  ["DeliveryStream", "bottom", 0, "TwitterBucket", "top", 0, "objects"],
  ["TwitterBucket", "left", 0, "TwitterLambdaFunction", "right", 0, "event"],
  ["You", "bottom", -100, "RekognitionBucket", "top", -100, "reference"],
  ["TwitterLambdaFunction", "bottom", -160, "RekognitionBucket", "top", 120, "photos"],
  ["TwitterLambdaFunction", "bottom", -30, "PostsTable", "top", -30, "metadata"],
  ["TwitterLambdaFunction", "bottom", 180, "FailureQueue", "top", 0, "failures", true],
  ["RekognitionBucket", "bottom", 0, "RekognitionLambdaFunction", "top", -160, "event"],
  ["RekognitionLambdaFunction", "left", -24, "Rekognition", "right", -24, "photos"],
  ["Rekognition", "right", 36, "RekognitionLambdaFunction", "left", 36, "99 %"],
  ["PostsTable", "bottom", -30, "RekognitionLambdaFunction", "top", -30, "lookup"],
  ["RekognitionLambdaFunction", "top", 180, "FailureQueue", "bottom", 0, "failures", true],
  ["RekognitionLambdaFunction", "right", 0, "MatchTopic", "left", 0, "match"],
  ["MatchTopic", "bottom", 0, "Inbox", "top", 0, "e-mail"],
];
// The arrows along which a photo comes to a stage.
const WAYS = {
  streamed: ["X>StreamingInstance"],
  delivered: ["StreamingInstance>DeliveryStream", "DeliveryStream>TwitterBucket"],
  stored: ["TwitterBucket>TwitterLambdaFunction", "TwitterLambdaFunction>RekognitionBucket"],
  arrived: ["RekognitionBucket>RekognitionLambdaFunction"],
  compared: ["RekognitionLambdaFunction>Rekognition", "Rekognition>RekognitionLambdaFunction"],
  mailed: ["RekognitionLambdaFunction>MatchTopic", "MatchTopic>Inbox"],
};
const STAGES = Object.keys(WAYS);
const BOX_WIDTH = 436; // the shifts above belong to boxes of this width

const posts = new Map(); // by id
const mails = new Map(); // by number
let run = "";
let version = 0;
let state = null;
let shownPosts = SHOWN_POSTS;
let chosen = null; // the comparison to show: a media key, or null for the newest
let openHop = null;
const parts = {}; // what was drawn last, as JSON, so that nothing is drawn again in vain

const $ = (id) => document.getElementById(id);

/** Make an element: attributes, and children that are elements or text. Nothing is read as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const hidden = (text) => make("span", { class: "hidden" }, text);
const clock = (iso) => (iso ? new Date(iso).toLocaleTimeString([], { hour12: false }) : "");
const percent = (value) => `${value >= 99.995 ? 100 : value.toFixed(value < 99 ? 1 : 2)} %`;
const count = (number, nouns) => `${number.toLocaleString("en")} ${number === 1 ? nouns.replace(/s$/, "") : nouns}`;

function announce(text) {
  $("news").textContent = text;
}

function complain(id, text) {
  $(id).textContent = text;
  $(id).hidden = !text;
}

/** Replace the children of an element, and keep the focus where it was. */
function redraw(parent, children) {
  const key = parent.contains(document.activeElement) && document.activeElement.dataset.focus;
  parent.replaceChildren(...children);
  if (key) parent.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus();
}

/** Say whether a part has changed since it was drawn. */
function changed(part, value) {
  const json = JSON.stringify(value);
  if (parts[part] === json) return false;
  parts[part] = json;
  return true;
}

async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", ...options });
  } catch {
    throw new Error("The workshop does not answer. Is it still running in the terminal?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || `The workshop answered ${answer.status}.`);
  return body;
}

// ---------------------------------------------------------------- news

async function listen() {
  for (;;) {
    let news = null;
    try {
      const answer = await fetch(`/state?run=${run}&version=${version}`);
      if (answer.status >= 400) throw new Error(`The workshop answered ${answer.status}.`);
      if (answer.status === 200) news = await answer.json();
    } catch {
      $("status").textContent = "The workshop does not answer. Is it still running in the terminal?";
      $("status").className = "lost";
      parts.status = "";
      await new Promise((done) => setTimeout(done, 2000));
      continue;
    }
    try {
      if (news) apply(news);
      else drawStatus();
    } catch (error) {
      console.error(error); // a mistake of this page: go on with what comes next
    }
    await new Promise((done) => setTimeout(done, 150));
  }
}

function apply(news) {
  const first = news.run !== run;
  if (first) {
    posts.clear();
    mails.clear();
    timeline.clear();
    $("timeline").replaceChildren();
  }
  ({ run, version } = news);
  const before = state;
  state = news;
  const fresh = [];
  for (const post of news.posts) {
    fresh.push([posts.get(post.id), post]);
    posts.set(post.id, post);
  }
  for (const id of [...posts.keys()]) {
    if (!news.oldest_post || isOlder(id, news.oldest_post)) posts.delete(id);
  }
  for (const mail of news.mail) {
    const isNew = !mails.has(mail.number);
    mails.set(mail.number, mail);
    if (!first && isNew) announce(`New mail: ${mail.subject}`);
  }
  for (const number of [...mails.keys()].sort((a, b) => a - b).slice(0, -SHOWN_MAILS)) {
    mails.delete(number);
  }
  drawStatus();
  drawSteps();
  drawHops();
  drawTimeline();
  drawComparison();
  drawMails();
  drawReference();
  if (!first && before) {
    for (const [old, post] of fresh) {
      post.photos.forEach((photo, number) => follow(old?.photos[number], photo, post));
    }
    for (const name of Object.keys(news.hops)) {
      if (news.hops[name].count > before.hops[name].count) flash(name);
    }
  }
}

/** Ids grow with time; those of X have 19 digits. */
const isOlder = (one, other) => BigInt(one) < BigInt(other);
const newestFirst = () => [...posts.values()].sort((a, b) => (isOlder(a.id, b.id) ? 1 : -1));

function drawStatus() {
  const stack = state.stack ? `stack ${state.stack.name}: ${state.stack.status}` : "no stack yet";
  const streamer = state.connected ? "streamer connected" : "streamer not connected";
  const text = `Offline, region ${state.region} · ${stack} · ${streamer}`;
  if (!changed("status", text)) return;
  $("status").textContent = text;
  $("status").className = "";
}

// ---------------------------------------------------------------- steps

function command(text) {
  const button = make("button", { type: "button", "data-focus": `copy ${text}` }, "Copy");
  button.append(hidden(` ${text.split("\n")[0]}`));
  button.addEventListener("click", async () => {
    const select = () => getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(text);
      button.firstChild.textContent = "Copied";
      announce("Copied.");
    } catch {
      select();
      button.firstChild.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => (button.firstChild.textContent = "Copy"), 2500);
  });
  const code = make("code", {}, text);
  return make("div", { class: "command" }, make("pre", { tabindex: "0", "aria-label": "Command" }, code), button);
}

const LINKS = { 4: ["#mail", "Go to the mail"], 6: ["#x", "Write a post"], 7: ["#pipeline", "Go to the pipeline"], 8: ["#reference", "Go to the reference photo"], 11: ["#x", "Write a post"] };

let shownStep = null; // the title of the step whose text is shown; null: the next one
const stepName = (step) => (step.number ? `${step.number}. ${step.title}` : step.title);

function drawSteps() {
  if (!changed("steps", [state.steps, shownStep])) return;
  const done = state.steps.filter((step) => step.done).length;
  const next = state.steps.find((step) => step.next);
  const shown = state.steps.find((step) => step.title === shownStep) || next;
  $("steps-summary").textContent = next
    ? `${done} of ${state.steps.length} done. Each is ticked when the services show it.`
    : "All done, and nothing is left. Well done!";
  redraw(
    $("step-list"),
    state.steps.map((step) => {
      const mark = step.done ? "✓" : step.next ? "→" : "";
      const word = step.done ? "Done: " : step.next ? "Next: " : "To do: ";
      return make(
        "li",
        { class: `step ${step.done ? "done" : ""} ${step.next ? "next" : ""}` },
        make(
          "button",
          {
            type: "button",
            "data-focus": `step ${step.title}`,
            "aria-current": step.next ? "step" : null,
            "aria-pressed": String(step === shown),
            "aria-controls": "step-body",
            onclick: () => {
              shownStep = step.next ? null : step.title;
              drawSteps();
            },
          },
          make("span", { class: "mark", "aria-hidden": "true" }, mark),
          make("span", {}, hidden(word), stepName(step)),
        ),
      );
    }),
  );
  const body = $("step-body");
  body.hidden = !shown;
  if (!shown || !changed("step", shown)) return;
  const heading = make("h3", { id: "step-heading" }, shown.next ? "Next: " : "", stepName(shown));
  const children = [heading, make("p", {}, shown.note)];
  const link = LINKS[shown.number];
  if (link) children.push(make("p", {}, make("a", { href: link[0] }, link[1])));
  redraw(body, [...children, ...shown.commands.map(command)]);
}

// ---------------------------------------------------------------- X: writing

let attachments = []; // {name, file} or {name, sample}

/** Only the last part of a file's name, and not all of a long one. */
const shortName = (name) => name.split(/[/\\]/).pop().slice(-60);

/** Why a file cannot be taken, in a sentence; empty if it can. */
async function refusal(file, limit, kinds) {
  const name = `“${shortName(file.name)}”`;
  const size = Math.round(file.size / MEGABYTE);
  if (file.size > limit * MEGABYTE) {
    const who = limit === LIMITS.post ? "X takes photos" : "Rekognition takes photos";
    return `${name} has ${size} MB, and ${who} of up to ${limit} MB. Choose a smaller one.`;
  }
  const start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...start);
  const kind =
    (text.startsWith("\xff\xd8\xff") && "JPEG") ||
    (text.startsWith("\x89PNG") && "PNG") ||
    (text.startsWith("GIF8") && "GIF") ||
    (text.startsWith("RIFF") && text.slice(8) === "WEBP" && "WebP");
  if (!kinds.includes(kind)) {
    return `${name} is not a photo that can be taken: its content is not ${kinds.join(", ")}.`;
  }
  return "";
}

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

/** A row of sample pictures as buttons. */
function sampleButtons(action) {
  return SAMPLES.map((name) =>
    make(
      "button",
      { type: "button", title: name, onclick: () => action(name) },
      make("img", { src: `/samples/${name}`, alt: `Sample ${name}`, loading: "lazy" }),
    ),
  );
}

/** Let files be dropped on an element. */
function droppable(element, action) {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("over");
  });
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    action([...event.dataTransfer.files]);
  });
}

// ---------------------------------------------------------------- X: the timeline

const timeline = new Map(); // id → {v, element}

/** What became of a photo: how far it is (0 to 6), a sentence, and whether it is finished. */
function fate(photo, post) {
  const reached = STAGES.reduce((far, stage, index) => (photo[stage] ? index + 1 : far), 0);
  const similar = photo.similarity === null ? "" : `, ${percent(photo.similarity)} similar`;
  const isMatch = photo.outcome === "match" || photo.faces?.matched.length > 0;
  const say = (text, rest = {}) => ({ reached, text, ...rest });
  if (photo.type !== "photo") return say("A video: the streamer takes photos only.");
  if (photo.mailed) return say(`Match${similar}. The e-mail is sent.`, { done: true, kind: "match" });
  if (photo.compared && isMatch) return say(`Match${similar}.`, { done: true, kind: "match" });
  if (photo.compared && photo.refused) return say(`No match: ${photo.refused}`, { done: true, kind: "other" });
  if (photo.compared) return say(`No match: another person${similar}.`, { done: true, kind: "other" });
  if (photo.outcome) return say(`Outcome: ${photo.outcome}${similar}.`, { done: true });
  if (photo.problem) return say(`At TwitterLambdaFunction: ${photo.problem}`, { done: true, kind: "bad" });
  if (photo.old && photo.streamed) return say("Its way ended when the stack was deleted.", { done: true });
  if (photo.arrived) return say("Arrived at the last function, and not compared.");
  if (photo.stored && photo.failed) return say(`Stored. RekognitionLambdaFunction failed: ${photo.failed}`, { kind: "bad", done: true });
  if (photo.stored) return say("Stored in RekognitionBucket, below images/.");
  if (photo.delivered) return say("Its metadata is in TwitterBucket; TwitterLambdaFunction is next.");
  if (photo.streamed) return say("On its way through the streamer and Firehose.");
  if (!post.streamed) return say("It stays on X: the streamer was not connected when it was posted.");
  return say("On X.");
}

function shot(photo, post, number) {
  const { reached, text, kind } = fate(photo, post);
  const image = make("img", {
    src: `/photos/${photo.key}`, alt: `Photo ${number + 1} of the post`, loading: "lazy", width: 94, height: 94,
    onerror: (event) => event.target.replaceWith(make("span", { class: "nothing" }, "no picture")),
  });
  const bar = make("div", { class: "bar", "aria-hidden": "true" });
  STAGES.forEach((_, index) => {
    const bad = kind === "bad" && index === reached;
    bar.append(make("i", { class: bad ? "bad" : index < reached ? "on" : "" }));
  });
  const icon = { match: "✓ ", other: "✗ ", bad: "⚠ " }[kind] || "";
  const info = make("div", {}, bar, make("p", { class: `status ${kind === "match" ? "match" : kind ? "other" : ""}` }, icon + text));
  if (photo.faces) {
    const show = () => {
      chosen = photo.key;
      drawComparison();
      $("compared").focus();
      $("compared").scrollIntoView({ block: "start" });
    };
    info.append(make("button", { type: "button", onclick: show, "data-focus": `show ${photo.key}` }, "See the faces", hidden(` of photo ${number + 1} of “${post.text.slice(0, 40)}”`)));
  }
  return make("div", { class: "shot", "data-photo": photo.key, "data-reached": reached }, photo.type === "photo" ? image : make("span", { class: "nothing" }, "video"), info);
}

function drawPost(post) {
  return make(
    "li",
    { class: "post", id: `post-${post.id}` },
    make("p", { class: "who" }, make("b", {}, `@${post.username}`), " ", make("time", { datetime: post.created_at }, clock(post.created_at))),
    make("p", { class: "text" }, post.text),
    post.photos.length ? make("div", { class: "photos" }, ...post.photos.map((photo, number) => shot(photo, post, number))) : null,
  );
}

/** Change one post in its place: only the photos whose fate has changed are drawn again. */
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

function drawTimeline() {
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
  const total = state.hops.X.count;
  const end = total > posts.size && shownPosts >= posts.size;
  $("timeline-empty").hidden = total > 0;
  $("older").hidden = posts.size <= visible.length;
  $("timeline-end").hidden = !end;
  if (end) $("timeline-end").textContent = `${total - posts.size} older posts are counted, but not shown here any more.`;
}

// ---------------------------------------------------------------- the pipeline

const goes = (name) =>
  ARROWS.filter(([start]) => start === name)
    .map(([, , , end, , , text, dashed]) => `${dashed ? "⇢" : "→"} ${HOPS.find(([hop]) => hop === end)[1]}: ${text}`)
    .join(" · ");

function buildHops() {
  for (const [id, name, what, column, row, color] of HOPS) {
    const button = make(
      "button",
      { type: "button", "aria-expanded": "false", "aria-controls": "panel", onclick: () => toggle(id) },
      make("span", { class: "name" }, name.replace(/(Rekognition|Twitter)(LambdaFunction)/, "$1\u200b$2")),
      make("span", { class: "what" }, what),
      make("span", { class: "count" }),
      make("span", { class: "error", hidden: true }),
    );
    const hop = make("li", { class: `hop ${color}`, "data-hop": id }, button, make("p", { class: "goes" }, goes(id)));
    hop.style.setProperty("--column", column);
    hop.style.setProperty("--row", row);
    $("hops").append(hop);
  }
  new ResizeObserver(drawArrows).observe($("picture"));
}

const hopElement = (id) => document.querySelector(`[data-hop="${id}"]`);
const nounOf = Object.fromEntries(HOPS.map(([id, , , , , , noun]) => [id, noun]));
const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function drawHops() {
  for (const [id] of HOPS) {
    const hop = state.hops[id];
    if (!changed(`hop ${id}`, hop)) continue;
    const element = hopElement(id);
    element.querySelector(".count").replaceChildren(
      make("span", {}, id === "You" ? hop.note : count(hop.count, nounOf[id])),
      ...(hop.last ? [" · ", make("span", {}, clock(hop.last))] : []),
    );
    const error = element.querySelector(".error");
    error.hidden = !hop.error;
    if (hop.error) {
      const when = hop.error_at ? `${clock(hop.error_at)} ` : "";
      error.className = `error ${hop.now ? "" : "past"}`;
      error.textContent = hop.now ? `⚠ ${short(hop.error, 70)}` : `Last error ${when}${short(hop.error, 50)}`;
    }
    if (openHop === id) fillPanel();
  }
}

/** The point on a side of a box where an arrow starts or ends, in pixels of the picture. */
function port(name, side, shift) {
  const frame = $("picture").getBoundingClientRect();
  const box = hopElement(name).getBoundingClientRect();
  const along = (shift * box.width) / BOX_WIDTH;
  const [x, y] = [box.left - frame.left, box.top - frame.top];
  const across = { "-24": -0.19, 36: 0.29 }[shift] ?? 0; // of the height, on the sides
  return {
    left: [x, y + box.height * (0.5 + across)],
    right: [x + box.width, y + box.height * (0.5 + across)],
    top: [x + box.width / 2 + along, y],
    bottom: [x + box.width / 2 + along, y + box.height],
  }[side];
}

/** The corners of an arrow: straight, or with a bend in the middle between two rows. */
function route([start, startSide, startShift, end, endSide, endShift]) {
  const from = port(start, startSide, startShift);
  const to = port(end, endSide, endShift);
  if (startSide === "left" || startSide === "right") {
    const y = Math.abs(from[1] - to[1]) < 30 ? (from[1] + to[1]) / 2 : from[1];
    return [[from[0], y], [to[0], y]];
  }
  if (Math.abs(from[0] - to[0]) < 2) return [from, [from[0], to[1]]];
  const middle = (from[1] + to[1]) / 2;
  return [from, [from[0], middle], [to[0], middle], to];
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const isWide = () => getComputedStyle($("arrows")).display !== "none";

function drawArrows() {
  $("arrows").replaceChildren();
  if (!isWide()) return;
  for (const arrow of ARROWS) {
    const points = route(arrow);
    const kind = arrow[7] ? "dashed" : "";
    const [x, y] = points.at(-1);
    const [bx, by] = points.at(-2);
    const length = Math.hypot(x - bx, y - by) || 1;
    const [ux, uy] = [(x - bx) / length, (y - by) / length];
    const line = [...points.slice(0, -1), [x - 8 * ux, y - 8 * uy]];
    $("arrows").append(svg("path", { class: kind, d: `M${line.map((point) => point.join(" ")).join("L")}` }));
    const tip = [[x, y], [x - 10 * ux - 5.5 * uy, y - 10 * uy + 5.5 * ux], [x - 10 * ux + 5.5 * uy, y - 10 * uy - 5.5 * ux]];
    $("arrows").append(svg("polygon", { class: kind, points: tip.map((point) => point.join(",")).join(" ") }));
    const middle = Math.floor(points.length / 2);
    const [[ax, ay], [ex, ey]] = [points[middle - 1], points[middle]];
    const level = ay === ey;
    const place = level ? { x: (ax + ex) / 2, y: ay - 7, "text-anchor": "middle" } : { x: ax + 8, y: (ay + ey) / 2 + 4 };
    $("arrows").append(svg("text", { class: kind, ...place }, arrow[6]));
  }
}

// A photo on its way

const journeys = new Map(); // media key → the promise that its last way ends

function follow(old, photo, post) {
  const fresh = STAGES.filter((stage) => photo[stage] && !old?.[stage]);
  if (fresh.length) {
    const way = fresh.flatMap((stage) => WAYS[stage]);
    if (!journeys.has(photo.key) && journeys.size >= MAX_TOKENS) return;
    const last = journeys.get(photo.key) || Promise.resolve();
    const next = last.then(() => travel(photo.key, way)).then(() => {
      if (journeys.get(photo.key) === next) journeys.delete(photo.key);
    });
    journeys.set(photo.key, next);
  }
  const [before, now] = [old && fate(old, post), fate(photo, post)];
  if (now.done && before?.text !== now.text) announce(`Photo of “${short(post.text, 40)}”: ${now.text}`);
}

async function travel(key, way) {
  if (calm.matches || !isWide() || document.hidden) return;
  const token = make("img", { class: "token", src: `/photos/${key}`, alt: "" });
  token.addEventListener("error", () => token.removeAttribute("src"));
  $("tokens").append(token);
  try {
    for (const step of way) {
      const [start, end] = step.split(">");
      const points = route(ARROWS.find((arrow) => arrow[0] === start && arrow[3] === end));
      const lengths = points.slice(1).map((point, i) => Math.hypot(point[0] - points[i][0], point[1] - points[i][1]));
      const total = lengths.reduce((sum, length) => sum + length, 0) || 1;
      let done = 0;
      const frames = points.map((point, i) => {
        if (i) done += lengths[i - 1];
        return { transform: `translate(${point[0]}px, ${point[1]}px)`, offset: Math.min(1, done / total) };
      });
      await token.animate(frames, { duration: 550, easing: "ease-in-out", fill: "forwards" }).finished;
      flash(end);
    }
  } catch {
    // The picture was hidden in the meantime.
  } finally {
    token.remove();
  }
}

function flash(id) {
  const element = hopElement(id);
  element.classList.remove("flash");
  void element.offsetWidth; // begins the animation anew
  element.classList.add("flash");
}

// What is in a hop

async function toggle(id) {
  const old = openHop;
  if (old) hopElement(old).querySelector("button").setAttribute("aria-expanded", "false");
  openHop = old === id ? null : id;
  $("panel").hidden = !openHop;
  if (!openHop) return;
  hopElement(id).querySelector("button").setAttribute("aria-expanded", "true");
  $("panel-heading").textContent = HOPS.find(([hop]) => hop === id)[1];
  $("panel-about").textContent = "Reading …";
  $("panel-command").replaceChildren();
  $("panel-entries").replaceChildren();
  parts.panel = "";
  await fillPanel();
  $("panel-heading").focus();
  $("panel").scrollIntoView({ block: "nearest" });
}

function closePanel() {
  const button = openHop && hopElement(openHop).querySelector("button");
  if (openHop) toggle(openHop);
  button?.focus();
}

let filling = false;
async function fillPanel() {
  if (filling) {
    filling = "again";
    return;
  }
  filling = true;
  const id = openHop;
  try {
    const content = await (await fetch(`/hops/${id}`)).json();
    if (id !== openHop) return;
    const hop = state?.hops[id];
    complain("panel-error", hop?.error ? `${hop.now ? "" : `Last error, ${clock(hop.error_at)}: `}${hop.error}` : "");
    if (!changed("panel", content)) return;
    $("panel-about").textContent = content.about;
    redraw($("panel-command"), content.command ? [command(content.command)] : []);
    const log = id.endsWith("Function");
    const wasOpen = new Map([...document.querySelectorAll("#panel-entries details")].map((e) => [e.lastChild.dataset.heading, e.open]));
    redraw(
      $("panel-entries"),
      content.entries.map(({ heading, text, at }, index) =>
        make(
          "details",
          { class: "entry", open: wasOpen.has(heading) ? wasOpen.get(heading) : index === 0 },
          make("summary", { "data-focus": heading }, at ? `${clock(at)}  ${heading}` : heading),
          make("pre", { tabindex: "0", role: "group", "aria-label": heading, "data-heading": heading }, text),
        ),
      ),
    );
    if (log) $("panel-entries").querySelectorAll("pre").forEach((pre) => (pre.scrollTop = pre.scrollHeight));
  } catch {
    $("panel-about").textContent = "It cannot be read: the workshop does not answer.";
  } finally {
    const again = filling === "again" || id !== openHop;
    filling = false;
    if (again && openHop) setTimeout(fillPanel, 1000);
  }
}

// ---------------------------------------------------------------- the comparison

function comparedPhotos() {
  const found = [];
  for (const post of posts.values()) {
    for (const photo of post.photos) if (photo.compared) found.push({ photo, post });
  }
  return found.sort((a, b) => (a.photo.compared < b.photo.compared ? 1 : -1));
}

/** A picture with the boxes of faces over it. */
function frame(element, source, alt, boxes) {
  const image = make("img", { src: source, alt });
  element.replaceChildren(
    image,
    ...boxes.map(({ box, label, unmatched }) => {
      const low = box.Top + box.Height > 0.86;
      const face = make("div", { class: `face ${unmatched ? "unmatched" : ""} ${low ? "low" : ""}` });
      for (const [name, value] of Object.entries({ left: box.Left, top: box.Top, width: box.Width, height: box.Height })) {
        face.style[name] = `${value * 100}%`;
      }
      if (label) face.append(make("span", {}, label));
      return face;
    }),
  );
  image.addEventListener("error", () => element.replaceChildren(make("p", { class: "faint" }, "The picture cannot be shown.")));
}

function drawComparison() {
  const all = comparedPhotos();
  if (chosen && !all.some(({ photo }) => photo.key === chosen)) chosen = null;
  const current = all.find(({ photo }) => photo.key === chosen) || all[0];
  const shown = all.slice(0, SHOWN_COMPARISONS);
  const summary = [current?.photo, shown.map(({ photo }) => [photo.key, photo.outcome, photo.similarity]), state.reference, chosen];
  if (!changed("comparison", summary)) return;
  $("compared-empty").hidden = Boolean(current);
  $("comparison").hidden = !current;
  if (!current) return;
  const { photo, post } = current;
  const { faces, similarity } = photo;
  const matched = faces?.matched || [];
  const unmatched = faces?.unmatched || [];
  const verdict = $("verdict");
  if (!faces) verdict.textContent = `✗ Not compared: ${photo.refused || "Rekognition gave an error."}`;
  else if (matched.length) verdict.textContent = `✓ Match: ${percent(similarity)} similar`;
  else verdict.textContent = `✗ No match: ${percent(similarity)} similar at most`;
  verdict.className = matched.length ? "match" : "other";
  const same = state.reference.etag && state.reference.modified <= photo.compared;
  const name = state.reference.name;
  if (state.reference.etag) {
    frame($("frame-reference"), `/reference?size=large&etag=${state.reference.etag}`, `The reference photo, ${name}`, same && faces ? [{ box: faces.source, label: "reference" }] : []);
  } else $("frame-reference").replaceChildren(make("p", { class: "faint" }, "There is no reference photo now."));
  $("caption-reference").textContent = same ? `${name}, the reference photo` : `${name}: changed since this comparison`;
  frame(
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
      const word = !one.photo.faces ? "no face or error" : `${isMatch ? "✓" : "✗"} ${percent(one.photo.similarity)}`;
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

// ---------------------------------------------------------------- mail

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
    if (isPost) element.append(" (", make("a", { href: `#post-${mail.post}`, onclick: () => showPost(mail.post) }, "see the post here"), ")");
    else if (!mail.confirms) element.append(make("em", {}, " (not available offline)"));
    position = found.index + url.length;
  }
  element.append(mail.body.slice(position));
  return element;
}

function showPost(id) {
  const place = newestFirst().findIndex((one) => one.id === id);
  if (place >= shownPosts) {
    shownPosts = place + 1;
    drawTimeline();
  }
}

function drawMails() {
  const shown = [...mails.values()].sort((a, b) => b.number - a.number);
  if (!changed("mails", [state.mails, shown])) return;
  const old = new Map([...document.querySelectorAll(".mail")].map((e) => [e.dataset.number, e.querySelector("details").open]));
  $("mail-count").textContent = state.mails ? `(${state.mails})` : "";
  $("mail-empty").hidden = shown.length > 0;
  $("mail-end").hidden = state.mails <= shown.length;
  $("mail-end").textContent = `${state.mails - shown.length} older mails are counted, but not shown here any more.`;
  redraw(
    $("mails"),
    shown.map((mail, index) => {
      const number = String(mail.number);
      const body = make("div", { class: "body" }, make("p", { class: "faint" }, `To: ${mail.to} · ${clock(mail.sent)}`), letter(mail));
      if (mail.confirms && mail.confirmed) body.append(make("p", {}, "✓ Confirmed, or no longer needed."));
      else if (mail.confirms) {
        const button = make("button", { type: "button", class: "primary", "data-focus": `confirm ${number}` }, "Confirm subscription");
        button.addEventListener("click", () => confirmMail(number));
        body.append(button);
      }
      const open = old.has(number) ? old.get(number) : index === 0 || (mail.confirms && !mail.confirmed);
      const todo = mail.confirms && !mail.confirmed ? "To confirm: " : "";
      const summary = make("summary", { "data-focus": `mail ${number}` }, make("span", { class: "faint" }, `${clock(mail.sent)}  `), make("b", {}, todo + mail.subject));
      return make("li", { class: "mail", id: `mail-${number}`, "data-number": number }, make("details", { open }, summary, body));
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

// ---------------------------------------------------------------- the reference photo

function drawReference() {
  const { reference, stack } = state;
  if (!changed("reference", [reference, Boolean(stack)])) return;
  const { name, etag, faces, problem } = reference;
  const text = !stack
    ? "There is no stack yet, so there is no bucket for it: launch the stack, step 3."
    : !etag
      ? `${name} is not in RekognitionBucket yet. Choose a photo that shows one face from the front.`
      : problem
        ? `⚠ ${name} is uploaded, but of no use: ${problem}`
        : `✓ ${name} is uploaded, and ${faces === 1 ? "one face is" : `${faces} faces are`} found in it${faces > 1 ? "; the largest counts" : ""}.`;
  $("reference-state").textContent = text;
  if (etag) frame($("reference-picture"), `/reference?etag=${etag}`, `The reference photo, ${name}`, []);
  else $("reference-picture").replaceChildren(make("p", { class: "faint" }, "No photo"));
}

async function changeReference(path, body, name) {
  complain("reference-message", "");
  try {
    await send(path, { body });
    announce(`The reference photo is now ${name}.`);
  } catch (error) {
    complain("reference-message", error.message);
  }
}

async function uploadReference([file]) {
  if (!file) return;
  const problem = await refusal(file, LIMITS.reference, ["JPEG", "PNG"]);
  if (problem) complain("reference-message", problem);
  else await changeReference("/reference", file, shortName(file.name));
}

// ---------------------------------------------------------------- begin

function choose(input, action) {
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    await action(files);
  });
}

buildHops();
choose($("post-files"), attach);
choose($("reference-file"), uploadReference);
droppable($("post-form"), attach);
droppable($("reference-drop"), uploadReference);
$("post-form").addEventListener("submit", post);
$("post-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("post-form").requestSubmit();
});
$("post-samples").append(
  ...sampleButtons((sample) => {
    if (attachments.length >= MAX_PHOTOS) return complain("post-message", `A post has at most ${MAX_PHOTOS} photos.`);
    complain("post-message", "");
    attachments.push({ name: sample, sample, url: `/samples/${sample}` });
    return drawPreviews();
  }),
);
$("reference-samples").append(
  ...sampleButtons((sample) => changeReference(`/reference?sample=${sample}`, null, sample)),
);
$("older").addEventListener("click", () => {
  shownPosts += SHOWN_POSTS;
  drawTimeline();
});
$("newest").addEventListener("click", () => {
  chosen = null;
  drawComparison();
  $("compared").focus();
});
$("panel-close").addEventListener("click", closePanel);
// What is in a hop may change while its numbers do not, such as the outcome in an item.
setInterval(() => openHop && !document.hidden && fillPanel(), 3000);
$("panel").addEventListener("keydown", (event) => event.key === "Escape" && closePanel());
listen();
