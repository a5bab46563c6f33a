// The status of a photo, in words.

import { percent } from "./dom.js";
import { MILESTONES } from "./topology.js";

/**
 * From the end of a photo's way to its beginning: the first of these that fits tells its status.
 *
 * fits: of {photo, post, isMatch}
 * text: a sentence, of {photo, similar}
 * kind: match, other or bad
 * done: whether the photo has come to its end
 */
const STATUSES = [
  {
    fits: ({ photo }) => photo.type !== "photo",
    text: () => "A video: the streamer takes photos only.",
  },
  {
    fits: ({ photo }) => photo.mailed,
    text: ({ similar }) => `Match${similar}. The e-mail is sent.`,
    kind: "match",
    done: true,
  },
  {
    fits: ({ photo }) => photo.failed,
    text: ({ photo }) => `RekognitionLambdaFunction failed: ${photo.failed}`,
    kind: "bad",
    done: true,
  },
  {
    fits: ({ photo, isMatch }) => photo.compared && isMatch,
    text: ({ similar }) => `Match${similar}.`,
    kind: "match",
    done: true,
  },
  {
    fits: ({ photo }) => photo.compared && photo.refused,
    text: ({ photo }) => `No match: ${photo.refused}`,
    kind: "other",
    done: true,
  },
  {
    fits: ({ photo }) => photo.compared,
    text: ({ similar }) => `No match: another person${similar}.`,
    kind: "other",
    done: true,
  },
  {
    fits: ({ photo }) => photo.running,
    text: () => "RekognitionLambdaFunction is working on it.",
  },
  {
    fits: ({ photo }) => photo.outcome,
    text: ({ photo, similar }) => `Outcome: ${photo.outcome}${similar}.`,
    done: true,
  },
  {
    fits: ({ photo }) => photo.problem,
    text: ({ photo }) => `At TwitterLambdaFunction: ${photo.problem}`,
    kind: "bad",
    done: true,
  },
  {
    fits: ({ photo }) => photo.old && photo.streamed,
    text: () => "Its way ended when the stack was deleted.",
    done: true,
  },
  {
    fits: ({ photo }) => photo.arrived,
    text: () => "Arrived at the last function, and not compared.",
  },
  {
    fits: ({ photo }) => photo.stored,
    text: () => "Stored in RekognitionBucket, below images/.",
  },
  {
    fits: ({ photo }) => photo.delivered,
    text: () => "Its metadata is in TwitterBucket; TwitterLambdaFunction is next.",
  },
  {
    fits: ({ photo }) => photo.streamed,
    text: () => "On its way through the streamer and Firehose.",
  },
  {
    fits: ({ post }) => !post.streamed,
    text: () => "It stays on X: the streamer was not connected when it was posted.",
  },
  { fits: () => true, text: () => "On X." },
];

/** The status of a photo: how many milestones it has reached, a sentence, its kind, and its end. */
export function photoStatus(photo, post) {
  const reached = MILESTONES.findLastIndex((milestone) => photo[milestone]) + 1;
  const isMatch = photo.outcome === "match" || photo.faces?.matched.length > 0;
  const similar = photo.similarity === null ? "" : `, ${percent(photo.similarity)} similar`;
  const { text, kind, done } = STATUSES.find(({ fits }) => fits({ photo, post, isMatch }));
  return { reached, text: text({ photo, similar }), kind, done };
}
